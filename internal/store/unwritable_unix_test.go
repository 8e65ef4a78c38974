//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// nobody is the user that a process of root becomes: root may write anywhere.
const nobody = 65534

// becomeNobody gives root's rights up.
func becomeNobody(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
		t.Fatal(err)
	}
}

// unwritableProcess opens a ledger that it may not write to, and writes. It
// tells how that ended.
func unwritableProcess(t *testing.T, path string) {
	if os.Getenv(helperName) == "read" {
		readableProcess(t, path)
		return
	}
	becomeNobody(t)
	s, err := Open(t.Context(), Options{Path: path})
	if err == nil {
		defer func() { _ = s.Close() }()
		_, _, err = s.Deposits.Create(t.Context(), push(t, "INV-1"))
		_, recordErr := s.Deliveries.Record(t.Context(), callback("ws_1", "", 1))
		if (err == nil) != (recordErr == nil) || err == nil != (s.Ping(t.Context()) == nil) {
			t.Errorf("a deposit: %v; a delivery: %v", err, recordErr)
		}
	}
	var e *payment.Error
	if !errors.As(err, &e) {
		fmt.Printf("ended %v\n", err)
		return
	}
	fmt.Printf("ended %v | %v | %s\n", e.Kind, err, e.Hint)
}

// TestUnwritable gives a ledger and its directory away, without the right to
// write: whatever it is, the error says so, names the file and a way out.
func TestUnwritable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		absent    bool
		file, dir os.FileMode
		want      string
	}{
		{"file and directory are writable", false, 0o600, 0o700, "ended <nil>"},
		{"the file is read-only", false, 0o400, 0o700, "no permission to write to ledger ledger.db"},
		{"the directory is read-only", false, 0o600, 0o500, "read-only | make the file and its directory writable"},
		{"both are read-only", false, 0o400, 0o500, "no permission to write to ledger ledger.db"},
		{"the file is not readable", false, 0o000, 0o700, "no permission to write to ledger ledger.db"},
		{"the directory is closed", false, 0o600, 0o000, "no permission to open ledger ledger.db"},
		{"the file is absent, the directory read-only", true, 0, 0o500, "no permission to open ledger ledger.db"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "dir")
			path := filepath.Join(dir, "ledger.db")
			giveAway(t, path, tc.absent, tc.file, tc.dir)
			cmd := helper(t, "unwritable", path, "")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			line, _, _ := strings.Cut(string(out), "\n")
			t.Log(line)
			if side, err := filepath.Glob(path + "-*"); err != nil || tc.want != "ended <nil>" && len(side) > 0 {
				t.Errorf("side files are left: %v, error %v", side, err)
			}
			if !strings.HasPrefix(line, "ended ") || !strings.Contains(line, tc.want) {
				t.Errorf("%q, want %q", line, tc.want)
			}
			if strings.Contains(line, dir) || strings.Contains(line, "SQLITE") || strings.Contains(line, "(14)") {
				t.Errorf("the error is the driver's, or tells the directory: %q", line)
			}
		})
	}
}

// giveAway makes a ledger, closed, and gives it and its directory to nobody
// where the test is root.
func giveAway(t *testing.T, path string, absent bool, file, dir os.FileMode) {
	t.Helper()
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if !absent {
		s, err := Open(t.Context(), Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		create(t, s, push(t, "INV-0"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		must(os.Chown(filepath.Dir(path), nobody, nobody))
		for above := filepath.Dir(filepath.Dir(path)); above != filepath.Clean(os.TempDir()) && above != "/"; above = filepath.Dir(above) {
			must(os.Chmod(above, 0o755))
		}
		if !absent {
			must(os.Chown(path, nobody, nobody))
		}
	}
	if !absent {
		must(os.Chmod(path, file))
	}
	must(os.Chmod(filepath.Dir(path), dir))
	t.Cleanup(func() { must(os.Chmod(filepath.Dir(path), 0o700)) })
}
