//go:build unix

package trustfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// other is a user that is neither root nor this one.
const other = 54321

type planted struct {
	name string
	// make puts something at a path.
	make func(t *testing.T, path string)
	// want is a part of the message, "" where the file is believed; hint of the hint.
	want, hint string
	// needsRoot cannot be made by anybody else.
	needsRoot bool
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func file(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	must(t, os.WriteFile(path, []byte("text"), 0o600))
	must(t, os.Chmod(path, mode))
}

func cases() []planted {
	plain := func(mode fs.FileMode) func(*testing.T, string) {
		return func(t *testing.T, path string) { file(t, path, mode) }
	}
	foreign := func(mode fs.FileMode) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			file(t, path, mode)
			must(t, os.Chown(path, other, other))
		}
	}
	return []planted{
		{name: "own, private", make: plain(0o600)},
		{name: "own, readable by all", make: plain(0o644)},
		{name: "own, writable by all", make: plain(0o646), want: "other users can change", hint: "chmod go-w"},
		{name: "own, writable by a group", make: func(t *testing.T, path string) {
			file(t, path, 0o660)
			must(t, os.Chown(path, -1, other))
		}, want: "other users can change", hint: "chmod go-w", needsRoot: true},
		{name: "root's own group", make: plain(0o660), want: "other users can change", hint: "chmod go-w", needsRoot: true},
		{name: "another user's, private", make: foreign(0o600), want: "belongs to another user (uid 54321)", hint: "chown " + strconv.Itoa(os.Geteuid()), needsRoot: true},
		{name: "another user's, open", make: foreign(0o666), want: "belongs to another user", hint: "chown", needsRoot: true},
		{name: "own link to own file", make: func(t *testing.T, path string) {
			file(t, path+".real", 0o600)
			must(t, os.Symlink(path+".real", path))
		}},
		{name: "own link to another user's file", make: func(t *testing.T, path string) {
			file(t, path+".real", 0o600)
			must(t, os.Chown(path+".real", other, other))
			must(t, os.Symlink(path+".real", path))
		}, want: "belongs to another user", hint: "chown", needsRoot: true},
		{name: "another user's link to own file", make: func(t *testing.T, path string) {
			file(t, path+".real", 0o600)
			must(t, os.Symlink(path+".real", path))
			must(t, os.Lchown(path, other, other))
		}, want: "symbolic link that another user made", hint: "rm ", needsRoot: true},
		{name: "directory, private", make: func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }},
		{name: "directory, writable by all", make: func(t *testing.T, path string) {
			must(t, os.Mkdir(path, 0o700))
			must(t, os.Chmod(path, 0o777))
		}, want: "other users can change", hint: "chmod go-w"},
		{name: "own pipe", make: func(t *testing.T, path string) { must(t, syscall.Mkfifo(path, 0o600)) }},
		{name: "another user's pipe", make: func(t *testing.T, path string) {
			must(t, syscall.Mkfifo(path, 0o600))
			must(t, os.Chown(path, other, other))
		}, want: "belongs to another user", hint: "chown", needsRoot: true},
		{name: "link to the null device", make: func(t *testing.T, path string) { must(t, os.Symlink("/dev/null", path)) }},
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range cases() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.needsRoot && os.Geteuid() != 0 {
				t.Skip("LOUD SKIP: only root can give a file away")
			}
			// The file stands where all may write, as in /tmp: that alone is no fault.
			dir := t.TempDir()
			must(t, os.Chmod(dir, 0o777|os.ModeSticky))
			path := filepath.Join(dir, "it's a file")
			tt.make(t, path)
			err := Check("db", path)
			var e *payment.Error
			switch {
			case tt.want == "":
				if err != nil {
					t.Errorf("refused: %v", err)
				}
			case !errors.As(err, &e) || e.Kind != payment.KindUsage:
				t.Errorf("got %v, want %q", err, tt.want)
			case !strings.Contains(e.Message, tt.want) || !strings.Contains(e.Message, path) || !strings.HasPrefix(e.Message, "db: "):
				t.Errorf("message %q, want %q", e.Message, tt.want)
			case !strings.Contains(e.Hint, tt.hint) || !strings.Contains(e.Hint, `it'\''s a file'`):
				t.Errorf("hint %q, want %q", e.Hint, tt.hint)
			}
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				data, err := ReadFile("db", path, 4)
				if good := err == nil && string(data) == "text"; good != (tt.want == "") {
					t.Errorf("ReadFile gave %q, %v", data, err)
				}
			}
		})
	}
}

func TestReadFileTooLarge(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	file(t, path, 0o600)
	if _, err := ReadFile("x", path, 3); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, err := ReadFile("x", path+"-absent", 3); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestCheckInside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file(t, filepath.Join(dir, "real"), 0o600)
	must(t, os.Symlink("real", filepath.Join(dir, "link")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	for name, ok := range map[string]bool{"real": true, "link": false, "pipe": false} {
		if err := CheckInside("spill", filepath.Join(dir, name)); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := CheckInside("spill", filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}
