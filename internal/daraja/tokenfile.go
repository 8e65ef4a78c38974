package daraja

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/filelock"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/trustfile"
)

// lockPoll is how often a waiting process looks for the lock.
const lockPoll = 20 * time.Millisecond

// lockWait is how long the lock is waited for: longer than minting mostly takes,
// shorter than the patience of whoever waits for the payment.
const lockWait = 10 * time.Second

// maxCacheFile bounds what is read back, in bytes.
const maxCacheFile = 1 << 20

// tokenFile is a 0600 JSON file of tokens that processes share, one entry for
// each (host, key), guarded by a lock file beside it.
type tokenFile struct {
	path  string
	entry string
}

// cachedToken is one entry. Times are Unix seconds.
type cachedToken struct {
	Token   string `json:"token"`
	Expires int64  `json:"expires"`
}

func newTokenFile(path, host string, key *secret.Secret) *tokenFile {
	sum := sha256.Sum256([]byte(host + "\x00" + key.Reveal()))
	return &tokenFile{path: path, entry: hex.EncodeToString(sum[:12])}
}

// lock waits for the other processes, up to lockWait, and returns the way to let
// them in again. A holder that was stopped, or that hangs, must not stop others.
func (f *tokenFile) lock(ctx context.Context) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return nil, err
	}
	l, err := filelock.At("token cache", f.path+".lock")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	if _, err := l.TryLockContext(ctx, lockPoll); err != nil {
		return nil, err
	}
	return func() { _ = l.Close() }, nil
}

// all reads every entry. A file that is corrupt, or that others may read or
// write, is as good as none.
func (f *tokenFile) all() map[string]cachedToken {
	out := map[string]cachedToken{}
	info, err := os.Lstat(f.path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return out
	}
	body, err := trustfile.ReadInside("token cache", filepath.Dir(f.path), f.path, maxCacheFile)
	if err != nil || json.Unmarshal(body, &out) != nil || out == nil { // null unmarshals to nil
		return map[string]cachedToken{}
	}
	return out
}

// read returns this client's token, the zero token where none can be used.
func (f *tokenFile) read() token {
	e := f.all()[f.entry]
	if !visible(e.Token) {
		return token{}
	}
	return token{value: e.Token, expires: time.Unix(e.Expires, 0)}
}

// write replaces the file in one step, without the entries that are over. The
// token it could not save is minted again by the next process.
func (f *tokenFile) write(t token, now time.Time) {
	entries := f.all()
	for name, e := range entries {
		if e.Expires <= now.Unix() {
			delete(entries, name)
		}
	}
	entries[f.entry] = cachedToken{Token: t.value, Expires: t.expires.Unix()}
	body, err := json.Marshal(entries)
	if err != nil {
		return
	}
	_ = atomicfile.Write(f.path, body)
}
