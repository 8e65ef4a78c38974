package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// holds checks what a file holds, and that nothing lies beside it.
func holds(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" || len(entries) != 1 {
		t.Errorf("%d files, content (-want +got):\n%s", len(entries), diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	for _, text := range []string{"first", "second", ""} {
		if err := Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		holds(t, path, text)
	}
	if err := Write(path, []byte("kept")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := WriteFrom(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("a failing writer: %v", err)
	}
	holds(t, path, "kept")
	if err := Write(filepath.Join(t.TempDir(), "none", "file"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
}

func TestWriteThrough(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, partial := filepath.Join(dir, "file"), filepath.Join(dir, "file.partial")
	if err := WriteThrough(partial, path, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "whole")
	if err := os.WriteFile(partial, []byte("another's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteThrough(partial, path, []byte("new")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a partial file of another writer: %v", err)
	}
	if left, err := os.ReadFile(partial); string(left) != "another's" {
		t.Errorf("holds %q, %v", left, err)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	noLinks := func(from, to string) error {
		return &os.LinkError{Op: "link", Old: from, New: to, Err: os.ErrPermission}
	}
	for name, link := range map[string]func(string, string) error{"links": os.Link, "no links": noLinks} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "file")
			if err := create(path, []byte("first"), link); err != nil {
				t.Fatal(err)
			}
			if err := create(path, []byte("second"), link); !errors.Is(err, fs.ErrExist) {
				t.Errorf("again: %v", err)
			}
			holds(t, path, "first")
		})
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	part, path := filepath.Join(dir, "file.part"), filepath.Join(dir, "file")
	if err := os.WriteFile(part, []byte("whole"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Adopt(part, path); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "whole")
	if err := os.WriteFile(part, []byte("later"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Adopt(part, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another file: %v", err)
	}
	if got, err := os.ReadFile(path); string(got) != "whole" {
		t.Errorf("holds %q, %v", got, err)
	}
}
