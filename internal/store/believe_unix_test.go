//go:build unix

package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// TestForeignLedger gives a ledger, or a file beside it, to another user, or lets
// others write to it: it is refused with the command that mends it, and unchanged.
func TestForeignLedger(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("LOUD SKIP: only root can give a file away")
	}
	give := func(suffix string) func(*testing.T, string) error {
		return func(_ *testing.T, path string) error {
			if err := os.WriteFile(path+suffix, nil, 0o600); suffix != "" && err != nil {
				return err
			}
			return os.Chown(path+suffix, nobody, nobody)
		}
	}
	for name, tc := range map[string]struct {
		plant func(*testing.T, string) error
		hint  string
	}{
		"another user's":      {give(""), "chown 0"},
		"another user's log":  {give("-wal"), "chown 0"},
		"another user's shm":  {give("-shm"), "chown 0"},
		"another's journal":   {give("-journal"), "chown 0"},
		"writable by all":     {func(_ *testing.T, path string) error { return os.Chmod(path, 0o666) }, "chmod go-w"},
		"writable by a group": {func(_ *testing.T, path string) error { return os.Chmod(path, 0o660) }, "chmod go-w"},
		"link to another's": {func(_ *testing.T, path string) error {
			real := path + ".real"
			return errors.Join(os.Rename(path, real), os.Chown(real, nobody, nobody), os.Symlink(real, path))
		}, "chown 0"},
		"another's link": {func(_ *testing.T, path string) error {
			real := path + ".real"
			return errors.Join(os.Rename(path, real), os.Symlink(real, path), os.Lchown(path, nobody, nobody))
		}, "rm "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "ledger.db")
			s := openTest(t, Options{Path: path})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := tc.plant(t, path); err != nil {
				t.Fatal(err)
			}
			for _, o := range []Options{{Path: path}, {Path: path, OrReadOnly: true}} {
				_, err := Open(t.Context(), o)
				var e *payment.Error
				if !errors.As(err, &e) || e.Kind != payment.KindUsage || !strings.Contains(e.Message, path) || !strings.Contains(e.Hint, tc.hint) {
					t.Errorf("%+v: got %v", o, err)
				}
			}
		})
	}
}
