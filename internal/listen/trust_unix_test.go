//go:build unix

package listen

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// other is a user that is neither root nor this one.
const other = 54321

// TestForeignSpill: a spill directory, or a file in it, of another user is not believed.
func TestForeignSpill(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("LOUD SKIP: only root can give a file away")
	}
	for name, tt := range map[string]struct {
		plant      func(dir string) error
		want, hint string
	}{
		"another user's directory": {func(dir string) error { return os.Chown(dir, other, other) }, "belongs to another user", "chown 0"},
		"a directory for all":      {func(dir string) error { return os.Chmod(dir, 0o777) }, "other users can change", "chmod go-w"},
		"another user's link": {func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".real"), os.Symlink(dir+".real", dir), os.Lchown(dir, other, other))
		}, "symbolic link", "rm "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ledger.db.spill")
			if err := errors.Join(os.Mkdir(dir, 0o700), tt.plant(dir)); err != nil {
				t.Fatal(err)
			}
			_, err := New(Options{Ledger: (&fakeLedger{}).ledger(), Receivers: fakeReceivers(), SpillDir: dir})
			var e *payment.Error
			if !errors.As(err, &e) || e.Kind != payment.KindUsage || !strings.Contains(e.Message, dir) || !strings.Contains(e.Message, tt.want) || !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("got %v", err)
			}
		})
	}
	for name, give := range map[string]func(path string) error{
		"another user's file": func(path string) error { return os.Chown(path, other, other) },
		"a file for all":      func(path string) error { return os.Chmod(path, 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, suffix := range []string{suffixSpilled, suffixPartial} {
				path := plant(t, dir, "20260102T030405.000000000-"+suffix[1:]+suffix, valid())
				long := time.Unix(1, 0)
				if err := errors.Join(give(path), os.Chtimes(path, long, long)); err != nil {
					t.Fatal(err)
				}
			}
			var log bytes.Buffer
			s, ledger := newServer(t, Options{SpillDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err := s.takeIn(t.Context()); err != nil {
				t.Fatal(err)
			}
			bad, err := filepath.Glob(filepath.Join(dir, "*"+suffixBad))
			if len(ledger.stored()) != 0 || err != nil || len(bad) != 2 {
				t.Errorf("%d taken in, set aside %q; log %s", len(ledger.stored()), bad, &log)
			}
		})
	}
}

// TestForeignTLS: a certificate or key that another user can change is not served with.
func TestForeignTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(cert, nil, 0o600), os.WriteFile(key, nil, 0o600), os.Chmod(key, 0o666)); err != nil {
		t.Fatal(err)
	}
	_, err := TLSConfig(cert, key)
	var e *payment.Error
	if !errors.As(err, &e) || e.Kind != payment.KindUsage || !strings.Contains(e.Message, "tls-key: other users can change") || !strings.Contains(e.Hint, "chmod go-w") {
		t.Errorf("got %v", err)
	}
}

// TestSpillOddities: only regular files are taken in; a pipe would hang the listener.
func TestSpillOddities(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	real := plant(t, t.TempDir(), "real", valid())
	if err := errors.Join(
		syscall.Mkfifo(filepath.Join(dir, "20260102T030405.000000000-pipe"+suffixSpilled), 0o600),
		os.Symlink(real, filepath.Join(dir, "20260102T030405.000000000-link"+suffixSpilled)),
		os.Mkdir(filepath.Join(dir, "20260102T030405.000000000-dir"+suffixSpilled), 0o700),
	); err != nil {
		t.Fatal(err)
	}
	s, ledger := newServer(t, Options{SpillDir: dir})
	if err := s.takeIn(t.Context()); err != nil || len(ledger.stored()) != 0 {
		t.Errorf("%d taken in, %v", len(ledger.stored()), err)
	}
}
