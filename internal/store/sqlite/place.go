package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/payctl/payctl/internal/payment"
)

// ErrMoved says that the file that was opened is no longer where it was: what is written
// to it would be lost to whoever opens the ledger next. ErrReplaced is it where another
// file lies in its place.
var (
	ErrMoved    = errors.New("the ledger's file is no longer in its place")
	ErrReplaced = errors.New("another file lies in the place of the ledger's")
)

// identify returns what tells a file from every other, as long as it is open.
func identify(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil {
		// Windows reads the identity when it is first compared: by then another
		// file may have the name.
		_ = os.SameFile(info, info)
	}
	return info, err
}

// InPlace returns an error that is ErrMoved, and perhaps ErrReplaced, once the file that
// was opened is not the one that has its name. The connections that read keep it open, so
// that no other file can be taken for it.
func (db *DB) InPlace() error {
	info, err := os.Stat(db.path)
	switch {
	case err == nil && os.SameFile(info, db.file):
		return nil
	case err == nil:
		return &payment.Error{
			Kind: payment.KindInternal, Err: errors.Join(ErrMoved, ErrReplaced),
			Message: "db: ledger " + filepath.Base(db.path) + " was replaced by another file while it was open",
			Hint:    "start again to work with the file that is there; what was written to the one before stays in that one",
		}
	case errors.Is(err, fs.ErrNotExist):
		return &payment.Error{
			Kind: payment.KindInternal, Err: ErrMoved,
			Message: "db: ledger " + filepath.Base(db.path) + " was moved or removed while it was open",
			Hint:    "put it back, or stop what has it open and put a backup in its place with payctl ledger restore FILE",
		}
	}
	return fileError(db.path, err)
}
