package listen

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trustfile"
)

// What spill files are called: written under the first suffix, complete under
// the second, set aside as unreadable under the third.
const (
	suffixPartial = ".partial"
	suffixSpilled = ".spilled"
	suffixBad     = ".unreadable"
	// suffixTaking follows the name of a complete file while a listener takes it
	// in: others on the same ledger leave it alone.
	suffixTaking = ".taking"
)

// reserveName is a file that only takes room: it is given up when the disk is
// full, so that a callback that never comes again still finds some.
const reserveName = "reserve"

var errSpillFull = errors.New("the spill directory is full")

// spill keeps deliveries that the ledger could not take, one fsynced file each.
type spill struct {
	dir   string
	spare int64
	// ledger is the id that files carry, "" for none.
	ledger string
	// claimed is how old a claim, or a file that is being written, is whose owner
	// must have died.
	claimed time.Duration
	now     func() time.Time
	// knows reports whether a delivery came by a route of its provider; nil takes all.
	knows func(payment.Delivery) bool
	// write makes one file durable; tests have it fail.
	write func(name string, text []byte) error

	room room
}

// spilled is a delivery on disk. The digest covers the body and tells a file
// that a failing disk cut short or changed.
type spilled struct {
	Version    int                `json:"version"`
	Ledger     string             `json:"ledger,omitempty"`
	Provider   payment.ProviderID `json:"provider"`
	Route      string             `json:"route"`
	Token      string             `json:"token"`
	Method     string             `json:"method"`
	Header     http.Header        `json:"header"`
	Peer       string             `json:"peer"`
	ReceivedAt time.Time          `json:"received_at"`
	SHA256     string             `json:"sha256"`
	Body       []byte             `json:"body"`
}

// newSpill makes the directory (0700) and the reserve, and counts what is
// there. "" means that there is nowhere to spill to. A directory that cannot be
// made is an error; a reserve that cannot is not, since the disk may be full
// already.
func newSpill(dir string, l Limits, now func() time.Time) (*spill, error) {
	sp := &spill{dir: dir, now: now, spare: l.SpillReserve, claimed: 10*time.Second + 2*l.RecordTime}
	sp.write = sp.writeFile
	if dir == "" {
		return sp, nil
	}
	switch err := sp.makeDir(); {
	case payment.KindOf(err) == payment.KindUsage:
		return nil, err
	case err != nil:
		return nil, &payment.Error{
			Kind: payment.KindInternal, Err: err,
			Message: "spill directory: cannot be made: " + cause(err).Error(),
			Hint:    "make the directory beside the ledger writable for this user",
		}
	}
	sp.room = room{dir: dir, most: l.SpillFiles, mostSize: l.SpillBytes, coming: map[string]int64{}}
	sp.room.recount()
	sp.reserve()
	return sp, nil
}

// cause is the error without the path in front of it.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// reserve fills the reserve with bytes that no file system can store for free.
func (sp *spill) reserve() {
	name := filepath.Join(sp.dir, reserveName)
	if info, err := os.Stat(name); err == nil && info.Size() >= sp.spare {
		return
	}
	noise := make([]byte, sp.spare)
	_, _ = rand.Read(noise)
	if err := os.WriteFile(name, noise, 0o600); err != nil {
		_ = os.Remove(name)
	}
}

// waiting returns how many files wait to be taken in, and their size in bytes.
func (sp *spill) waiting() (files int, bytes int64) { return sp.room.held() }

// put makes a delivery durable outside the ledger: file and name are flushed
// before it returns nil.
func (sp *spill) put(d payment.Delivery) error {
	if sp.dir == "" {
		return errors.New("there is no spill directory")
	}
	sum := sha256.Sum256(d.Body)
	text, err := json.Marshal(spilled{
		Version: 1, Ledger: sp.ledger, Provider: d.Provider, Route: d.Route, Token: d.Token, Method: d.Method, Header: d.Header,
		Peer: d.Peer, ReceivedAt: d.ReceivedAt.UTC(), SHA256: hex.EncodeToString(sum[:]), Body: d.Body,
	})
	if err != nil {
		return err
	}
	name := d.ReceivedAt.UTC().Format("20060102T150405.000000000") + "-" + strings.ToLower(rand.Text()[:12])
	if !sp.room.take(name, int64(len(text))) {
		return errSpillFull
	}
	err = sp.write(name, text)
	if err != nil && os.Remove(filepath.Join(sp.dir, reserveName)) == nil {
		err = sp.write(name, text)
	}
	sp.room.settle(name, err == nil)
	return err
}

// writeFile writes a whole file; a crash leaves a partial one, see recoverPartials. A
// directory that somebody removed is made again.
func (sp *spill) writeFile(name string, text []byte) error {
	write := func() error {
		return atomicfile.WriteThrough(filepath.Join(sp.dir, name+suffixPartial), filepath.Join(sp.dir, name+suffixSpilled), text)
	}
	err := write()
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := sp.makeDir(); err != nil {
		return err
	}
	return write()
}

// makeDir makes the directory where it is not there (0700), and says whether it may be
// believed.
func (sp *spill) makeDir() error {
	if info, err := os.Stat(sp.dir); err == nil && !info.IsDir() {
		return payment.Usage("spill directory: "+sp.dir+" is not a directory", "look at what it is, and move it away")
	}
	if err := os.MkdirAll(sp.dir, 0o700); err != nil {
		return err
	}
	return trustfile.Check("spill directory", sp.dir)
}

// list returns the complete files, oldest first.
func (sp *spill) list() []string { return sp.named(suffixSpilled) }

// named returns the files whose names end like that, oldest first.
func (sp *spill) named(suffix string) []string {
	entries, err := os.ReadDir(sp.dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) && e.Type().IsRegular() {
			out = append(out, e.Name())
		}
	}
	slices.Sort(out)
	return out
}

// takeIn hands every file to record and removes it once record says that it is
// in the ledger. Being stopped between the two records it again the next time,
// which the ledger sees as a repetition. A file that cannot be read is set
// aside, never deleted. It stops at the first delivery that record cannot take.
func (sp *spill) takeIn(ctx context.Context, record func(context.Context, payment.Delivery) error) (taken int, bad []string, err error) {
	if sp.dir == "" {
		return 0, nil, nil
	}
	defer sp.room.recount()
	sp.recoverClaims()
	bad = sp.recoverPartials()
	for _, name := range sp.list() {
		if ctx.Err() != nil {
			return taken, bad, ctx.Err()
		}
		path := filepath.Join(sp.dir, name)
		claim, err := sp.claim(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // another listener was faster
			continue
		case err != nil:
			return taken, bad, fmt.Errorf("claim %s: %w", name, cause(err))
		}
		d, err := sp.readSpilled(claim)
		var fault *fs.PathError
		switch {
		case errors.As(err, &fault): // the disk may answer better later
			_ = os.Rename(claim, path)
			return taken, bad, fmt.Errorf("read %s: %w", name, cause(err))
		case err != nil:
			// Its text is not shown: it may quote what somebody put there.
			if renamed := os.Rename(claim, path+suffixBad); renamed != nil {
				return taken, bad, fmt.Errorf("set aside %s: %w", name, cause(renamed))
			}
			bad = append(bad, name)
			continue
		}
		if err := record(ctx, d); err != nil {
			_ = os.Rename(claim, path)
			return taken, bad, err
		}
		if err := os.Remove(claim); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return taken, bad, fmt.Errorf("remove %s: %w", name, cause(err))
		}
		taken++
	}
	if taken > 0 {
		sp.reserve()
		return taken, bad, atomicfile.SyncDir(sp.dir)
	}
	return taken, bad, nil
}

// claim makes a file this listener's to take in, and returns its name until
// then. The file is touched first: its age tells others that its owner lives.
func (sp *spill) claim(path string) (string, error) {
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil {
		return "", err
	}
	claim := path + suffixTaking
	return claim, os.Rename(path, claim)
}

// recoverClaims frees what a listener had claimed that did not live to take it in.
func (sp *spill) recoverClaims() {
	for _, name := range sp.named(suffixTaking) {
		path := filepath.Join(sp.dir, name)
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > sp.claimed {
			_ = os.Rename(path, strings.TrimSuffix(path, suffixTaking))
		}
	}
}

// recoverPartials makes the files of writers that died before they could name
// them complete. They were not acknowledged, but Daraja does not send a callback
// again for that. What was cut short is set aside and returned.
func (sp *spill) recoverPartials() (bad []string) {
	for _, file := range sp.named(suffixPartial) {
		path := filepath.Join(sp.dir, file)
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) <= sp.claimed {
			continue
		}
		name := strings.TrimSuffix(file, suffixPartial)
		_, err = sp.readSpilled(path)
		var fault *fs.PathError
		switch {
		case errors.As(err, &fault): // gone meanwhile, or the disk may answer better later
		case err != nil:
			if os.Rename(path, filepath.Join(sp.dir, name+suffixBad)) == nil {
				bad = append(bad, name)
			}
		default:
			_ = os.Rename(path, filepath.Join(sp.dir, name+suffixSpilled)) // else the next time
		}
	}
	return bad
}

// maxSpilled bounds a spilled file, in bytes: a body of 1 MiB in base64, with a head.
const maxSpilled = 4 << 20

// readSpilled reads and proves one file. A *fs.PathError is the disk's; any other
// error says that the file is none of ours.
func (sp *spill) readSpilled(path string) (payment.Delivery, error) {
	if err := trustfile.CheckInside("spilled delivery", path); err != nil {
		return payment.Delivery{}, err
	}
	text, err := trustfile.ReadFile("spilled delivery", path, maxSpilled)
	if err != nil {
		return payment.Delivery{}, err
	}
	d, ledger, err := parseSpilled(text, sp.now())
	if err == nil && ledger != sp.ledger {
		err = errors.New("it is of another ledger")
	}
	if err == nil && sp.knows != nil && !sp.knows(d) {
		err = errors.New("no such route of that provider")
	}
	return d, err
}

// parseSpilled reads what a listener has written: a request that arrived before now.
// Whoever can write a file could have written any, but what no listener writes is a
// plant or a fault.
func parseSpilled(text []byte, now time.Time) (d payment.Delivery, ledger string, err error) {
	var f spilled
	if err := json.Unmarshal(text, &f); err != nil {
		return d, "", err
	}
	if sum := sha256.Sum256(f.Body); f.Version != 1 || f.SHA256 != hex.EncodeToString(sum[:]) {
		return d, "", errors.New("another version, or the digest does not fit")
	}
	_, err = netip.ParseAddr(f.Peer)
	switch {
	case f.Method != "" && f.Method != http.MethodPost || f.Token != "" && !isToken(f.Token):
		return d, "", errors.New("the listener keeps no such request")
	case f.Peer != "" && err != nil:
		return d, "", errors.New("the peer is not an address")
	case f.ReceivedAt.IsZero() || f.ReceivedAt.After(now.Add(maxAhead)):
		return d, "", errors.New("it has not arrived yet")
	}
	return payment.Delivery{
		Provider: f.Provider, Route: f.Route, Token: f.Token, Method: f.Method, Header: f.Header,
		Peer: f.Peer, ReceivedAt: f.ReceivedAt, Body: f.Body,
	}, f.Ledger, nil
}

// maxAhead is how far a clock that has been set right since may have been ahead.
const maxAhead = 24 * time.Hour
