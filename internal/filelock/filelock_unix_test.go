//go:build unix

package filelock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestNoLockFollowsALink: a lock is never made or held where a link leads.
func TestNoLockFollowsALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "real"), nil, 0o600))
	must(t, os.Symlink("real", filepath.Join(dir, "link")))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	for _, name := range []string{"link", "dangling", "pipe"} {
		_, err := At("lock", filepath.Join(dir, name))
		var e *payment.Error
		if !errors.As(err, &e) || e.Kind != payment.KindUsage || !strings.Contains(e.Message, "not a regular file") || !strings.Contains(e.Hint, "rm ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// One that is put there in the meantime is not followed either.
	l, err := At("lock", filepath.Join(dir, "late"))
	must(t, err)
	must(t, os.Symlink("nowhere", filepath.Join(dir, "late")))
	if held, err := l.TryLock(); held || err == nil {
		t.Errorf("a link was locked: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link was followed: %v", err)
	}
	l, err = At("lock", filepath.Join(dir, "new"))
	must(t, err)
	if held, err := l.TryLock(); !held || err != nil {
		t.Errorf("held %t, %v", held, err)
	}
	must(t, l.Close())
}
