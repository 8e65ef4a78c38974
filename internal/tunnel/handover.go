package tunnel

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/payctl/payctl/internal/filelock"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trustfile"
)

// Handover is what "payctl listen" tells the other commands of a profile.
type Handover struct {
	URL    string `json:"url"`
	Ledger string `json:"ledger"`
	PID    int    `json:"pid"`
	State  State  `json:"state"`
	// Since is when the address was given, CheckedAt when it was last seen to lead to
	// the listener; zero for never.
	Since     time.Time `json:"since"`
	CheckedAt time.Time `json:"checked_at"`
}

// Publication is the right to say what a profile's address is. It lives as long as the
// process: the lock goes with it.
type Publication struct {
	path string
	lock *filelock.Lock
}

// Publish takes the right for a profile. Another listener's is KindConflict.
func Publish(stateDir, profile string) (*Publication, error) {
	if stateDir == "" {
		return nil, payment.Usage("tunnel: there is no home directory to keep its address in", "set HOME or XDG_STATE_HOME")
	}
	path := handoverFile(stateDir, profile)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	lock, err := filelock.At("tunnel", path+".lock")
	if err != nil {
		return nil, err
	}
	held, err := lock.TryLock()
	if err != nil {
		return nil, err
	}
	if !held {
		return nil, &payment.Error{
			Kind: payment.KindConflict, Message: "tunnel: another listener of profile " + profile + " has one",
			Hint: "stop it, or use another profile",
		}
	}
	return &Publication{path: path, lock: lock}, nil
}

// Set says what the address is.
func (p *Publication) Set(h Handover) error {
	h.PID = os.Getpid()
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(p.path), ".tunnel-*") // 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(append(data, '\n'))
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), p.path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

// Close takes the address back.
func (p *Publication) Close() error {
	return errors.Join(removeIfThere(p.path), p.lock.Unlock())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Current reads what the profile's listener said. alive reports whether it still runs.
// Without any word it is fs.ErrNotExist; a file that is not believed is KindUsage.
func Current(stateDir, profile string) (h Handover, alive bool, err error) {
	if stateDir == "" {
		return h, false, fs.ErrNotExist
	}
	path := handoverFile(stateDir, profile)
	// What it says becomes the address of callbacks.
	data, err := trustfile.ReadInside("tunnel", filepath.Dir(path), path, mostHandover)
	if err != nil {
		return h, false, err
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return h, false, err
	}
	if _, err := os.Lstat(path + ".lock"); err != nil {
		return h, false, err
	}
	lock, err := filelock.At("tunnel", path+".lock")
	if err != nil {
		return h, false, err
	}
	free, err := lock.TryRLock()
	if err != nil {
		return h, false, err
	}
	if free {
		return h, false, lock.Unlock()
	}
	return h, true, nil
}

// mostHandover bounds its file, in bytes.
const mostHandover = 64 << 10

func handoverFile(stateDir, profile string) string {
	return filepath.Join(stateDir, "tunnel", profile+".json")
}
