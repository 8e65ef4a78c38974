// Package atomicfile writes files whole or not at all: who sees the name sees
// all of the content, after a crash or a power cut too. Files have mode 0600.
// Whose file may be read is left to trustfile.
package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Write puts data under the name path, in the place of what was there.
func Write(path string, data []byte) error { return WriteFrom(path, content(data)) }

// WriteFrom is Write for what write writes. When it fails nothing changes.
func WriteFrom(path string, write func(io.Writer) error) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	return place(temp, path, write, os.Rename)
}

// WriteThrough is Write by way of a new file of the given name in the same
// directory, for who takes in what a crash left there.
func WriteThrough(partial, path string, data []byte) error {
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return place(f, path, content(data), os.Rename)
}

// Create is Write that leaves a file which is there as it is and returns
// fs.ErrExist. Where the file system has no links, a crash can leave an empty
// file.
func Create(path string, data []byte) error { return create(path, data, os.Link) }

func create(path string, data []byte, link func(from, to string) error) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	err = place(temp, path, content(data), moveBy(link))
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return place(f, path, content(data), func(string, string) error { return nil })
}

// Adopt gives the whole and closed file part the name path, durably. A file that
// is there stays, and is fs.ErrExist, where the file system has links.
func Adopt(part, path string) error {
	err := moveBy(os.Link)(part, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(part, path)
	}
	if err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// moveBy is a rename by a link, which never takes the place of another file.
func moveBy(link func(from, to string) error) func(from, to string) error {
	return func(from, to string) error {
		if err := link(from, to); err != nil {
			return err
		}
		_ = os.Remove(from)
		return nil
	}
}

func content(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(data))
		return err
	}
}

// place fills f, makes it durable and gives it its name.
func place(f *os.File, path string, write func(io.Writer) error, move func(from, to string) error) error {
	err := write(f)
	if err == nil {
		err = f.Sync() // or a power cut after the move could leave an empty file
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = move(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return SyncDir(filepath.Dir(path))
}
