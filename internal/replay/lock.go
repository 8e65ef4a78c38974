package replay

import (
	"context"
	"os"
	"strings"

	"github.com/payctl/payctl/internal/filelock"
	"github.com/payctl/payctl/internal/payment"
)

// lockRun keeps a second process from going on with a run that is under way.
func (l Ledger) lockRun(ctx context.Context, runID string) (held context.Context, unlock func(), err error) {
	return l.lock(ctx, runID, "replay "+runID)
}

// lockFailed keeps two --failed runs on one ledger from choosing, or going on
// with, the same deliveries; other runs are free.
func (l Ledger) lockFailed(ctx context.Context, spec Spec) (held context.Context, unlock func(), err error) {
	if !spec.Failed {
		return ctx, func() {}, nil
	}
	return l.lock(ctx, "failed", "replay --failed")
}

func (l Ledger) lock(ctx context.Context, name, what string) (held context.Context, unlock func(), err error) {
	if l.Hold != nil {
		return l.Hold(ctx, name, what)
	}
	unlock, err = lock(l.Path+"."+name+".lock", what)
	return ctx, unlock, err
}

func lock(path, what string) (unlock func(), err error) {
	file, err := filelock.At(what, path)
	if err != nil {
		return nil, err
	}
	for {
		locked, err := file.TryLock()
		switch {
		case err != nil:
			text, _, _ := strings.Cut(err.Error(), "\n")
			return nil, &payment.Error{Kind: payment.KindInternal, Message: what + ": its lock beside the ledger cannot be made: " + text, Err: err}
		case !locked:
			return nil, &payment.Error{Kind: payment.KindConflict, Message: what + ": another process is at it", Hint: "wait for it to end"}
		case isNamed(file):
			return func() {
				_ = os.Remove(file.Path())
				_ = file.Unlock()
			}, nil
		}
		// The last holder removed the file after it was opened here: another
		// process would lock a new one.
		_ = file.Unlock()
	}
}

// isNamed reports whether the locked file is the one that others find by its name.
func isNamed(file *filelock.Lock) bool {
	mine, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(file.Path())
	return err == nil && os.SameFile(mine, named)
}
