//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// readableProcess opens a ledger that it may not write to for reading, as a user
// who is not root, and tells what it finds.
func readableProcess(t *testing.T, path string) {
	becomeNobody(t)
	s, err := Open(t.Context(), Options{Path: path, OrReadOnly: true})
	if err != nil {
		fmt.Printf("ended %v: %v\n", payment.KindOf(err), err)
		return
	}
	found, _, err := s.Deposits.List(t.Context(), DepositFilter{})
	copied := filepath.Join(t.TempDir(), "copy.db")
	err = errors.Join(err, s.Backup(t.Context(), copied))
	if info, statErr := os.Stat(copied); statErr != nil || info.Size() == 0 {
		err = errors.Join(err, fmt.Errorf("the backup: %v, %w", info, statErr))
	}
	if err := errors.Join(err, s.Close()); err != nil {
		fmt.Printf("ended %v: %v\n", payment.KindOf(err), err)
		return
	}
	fmt.Printf("ended with %d deposits, read-only %v\n", len(found), s.engine.ReadOnly())
}

func TestReadUnwritable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		absent    bool
		file, dir os.FileMode
		want      string
	}{
		{"writable", false, 0o600, 0o700, "with 1 deposits, read-only false"},
		{"the file is read-only", false, 0o400, 0o700, "with 1 deposits, read-only true"},
		{"the directory is read-only", false, 0o600, 0o500, "with 1 deposits, read-only true"},
		{"both are read-only", false, 0o400, 0o500, "with 1 deposits, read-only true"},
		{"the file is not readable", false, 0o000, 0o700, "usage: db: no permission to read ledger ledger.db"},
		{"the directory is closed", false, 0o600, 0o000, "usage: db: no permission to open ledger ledger.db"},
		{"absent, the directory read-only", true, 0, 0o500, "usage: db: there is no ledger ledger.db"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "dir", "ledger.db")
			giveAway(t, path, tc.absent, tc.file, tc.dir)
			out, err := helper(t, "unwritable", path, "read").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			line, _, _ := strings.Cut(string(out), "\n")
			if line != "ended "+tc.want {
				t.Errorf("%q, want %q", line, tc.want)
			}
			if side, err := filepath.Glob(path + "-*"); err != nil || len(side) > 0 {
				t.Errorf("side files are left: %v, error %v", side, err)
			}
		})
	}
}

// TestReadWhileWritten reads a ledger without the right to write to it, while its
// owner has it open and has written what is only in the log yet.
func TestReadWhileWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dir", "ledger.db")
	giveAway(t, path, false, 0o644, 0o755)
	if err := errors.Join(os.Chown(path, os.Geteuid(), os.Getegid()), os.Chown(filepath.Dir(path), os.Geteuid(), os.Getegid())); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	create(t, s, push(t, "INV-9"))
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if err := errors.Join(os.Chmod(name, 0o444)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(path), 0o555); err != nil {
		t.Fatal(err)
	}
	out, err := helper(t, "unwritable", path, "read").CombinedOutput()
	if line, _, _ := strings.Cut(string(out), "\n"); err != nil || line != "ended with 2 deposits, read-only true" {
		t.Errorf("%v\n%s", err, out)
	}
}
