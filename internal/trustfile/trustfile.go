// Package trustfile believes files only from their owner. A ledger, a token, a
// spilled delivery or a settings file decides over money, so what another user
// of the machine could have written, or could still change, is refused by name,
// with the command that mends it.
//
// It leaves what a file holds to its readers.
package trustfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/payctl/payctl/internal/payment"
)

// Check returns nil when the file, directory, pipe or device at path may be
// believed: it belongs to this user or to root, nobody else can write to it, and
// where path is a symbolic link, the link does too. what names the file's purpose
// in errors ("db", "token file"). Errors are KindUsage with the mending command
// as the hint, or those of os.Stat. For root only root's own files count.
func Check(what, path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if err := checkLink(what, path, info); err != nil {
			return err
		}
		if info, err = os.Stat(path); err != nil {
			return err
		}
	}
	return checkInfo(what, path, info)
}

// CheckOpen is Check for a file that has been opened: what was opened is judged,
// not what stands at its path by now.
func CheckOpen(what, path string, f *os.File) error {
	// The link goes first: one of another user's may lead anywhere.
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if err := checkLink(what, path, info); err != nil {
			return err
		}
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return checkInfo(what, path, info)
}

// Open opens a file for reading that Check believes; a pipe of another user's, which could
// be waited for without end, is not opened at all. Errors are those of Check and os.Open.
func Open(what, path string) (*os.File, error) {
	if err := Check(what, path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := CheckOpen(what, path, f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ErrTooLarge says that a file is larger than its reader takes.
var ErrTooLarge = errors.New("the file is too large")

// ReadFile reads a whole file of at most so many bytes. Errors are those of Open
// and reading, and ErrTooLarge.
func ReadFile(what, path string, most int64) ([]byte, error) {
	f, err := Open(what, path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, ErrTooLarge
	}
	return data, nil
}

// CheckInside is Check for a file that payctl itself keeps in a directory of its
// own: a link or anything but a regular file is refused too.
func CheckInside(what, path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return payment.Usage(fmt.Sprintf("%s: %s is not a regular file", what, path), "remove it: "+payment.CommandLine("rm", path))
	}
	return checkInfo(what, path, info)
}

// ReadInside reads a whole file of at most so many bytes that payctl itself keeps in a
// directory of its own; both are judged. Errors are those of Check, CheckInside and
// ReadFile.
func ReadInside(what, dir, path string, most int64) ([]byte, error) {
	if err := Check(what, dir); err != nil {
		return nil, err
	}
	if err := CheckInside(what, path); err != nil {
		return nil, err
	}
	return ReadFile(what, path, most)
}
