package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store/sqlite"
)

// Restore puts a copy of the backup from in the place of the ledger to, and returns the
// name under which the ledger that was there is kept, "" if there was none. The copy is
// brought up to date and checked before anything changes: a damaged backup is
// KindInternal. A ledger that another process has open is KindUnavailable.
func Restore(ctx context.Context, from, to string, now func() time.Time) (aside string, err error) {
	if err := checkRestore(from, to); err != nil {
		return "", err
	}
	part := to + ".restore-" + payment.NewToken()[:8]
	defer func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(part + suffix)
		}
	}()
	name := filepath.Base(from)
	if err := sqlite.Extract(ctx, from, part); err != nil {
		return "", restoreError(name, err)
	}
	if err := checkCopy(ctx, part, name, now); err != nil {
		return "", err
	}
	if aside, err = sqlite.SetAside(ctx, to, now()); err != nil {
		return aside, restoreError(filepath.Base(to), err)
	}
	if err := atomicfile.Adopt(part, to); err != nil {
		return aside, &payment.Error{
			Kind: payment.KindInternal, Err: err, Message: "restore: " + filepath.Base(to) + " cannot be put in place",
			Hint: "look at its directory; the ledger before is kept as " + aside,
		}
	}
	return aside, nil
}

func checkRestore(from, to string) error {
	backup, err := os.Stat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return payment.Usage("restore: there is no file "+filepath.Base(from), "name a file that payctl ledger backup wrote")
	case err != nil:
		return payment.Usage("restore: "+filepath.Base(from)+" cannot be read", "look at its owner and mode")
	}
	if ledger, err := os.Stat(to); err == nil && os.SameFile(backup, ledger) {
		return payment.Usage("restore: "+filepath.Base(from)+" is the ledger itself", "name a file that payctl ledger backup wrote")
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return payment.Usage("restore: the directory of "+filepath.Base(to)+" cannot be made", "name another file with --db")
	}
	return nil
}

// checkCopy brings a copy up to date and reads it whole.
func checkCopy(ctx context.Context, part, name string, now func() time.Time) error {
	s, err := Open(ctx, Options{Path: part, MustExist: true, Now: now})
	if err != nil {
		return restoreError(name, err)
	}
	problems, err := s.Check(ctx)
	if err := errors.Join(err, s.Close()); err != nil {
		return restoreError(name, err)
	}
	if len(problems) > 0 {
		return &payment.Error{
			Kind:    payment.KindInternal,
			Message: fmt.Sprintf("restore: %s has %d problems: %s", name, len(problems), problems[0]),
			Hint:    "restore an older backup; the ledger is as it was",
		}
	}
	return nil
}

// restoreError gives an error its words, with the name of the file that the operator gave.
func restoreError(name string, err error) error {
	var e *payment.Error
	switch {
	case errors.As(err, &e):
		out := *e
		out.Message = strings.Replace(out.Message, "db: ", "restore: ", 1)
		return &out
	case isContextErr(err):
		return err
	}
	return &payment.Error{
		Kind: payment.KindInternal, Err: err, Message: "restore: " + name + " cannot be read: it is damaged, or its disk fails",
		Hint: "restore another backup; the ledger is as it was",
	}
}
