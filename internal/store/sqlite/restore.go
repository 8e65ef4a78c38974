package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/payment"
)

// sideFiles are what SQLite keeps beside a file: one that stayed there would be taken for
// part of the next file of that name.
func sideFiles() []string { return []string{"-wal", "-shm", "-journal"} }

// Extract writes what a ledger's file holds, with the log beside it, into the new file to.
// What is not a ledger is KindUsage.
func Extract(ctx context.Context, from, to string) error {
	from, err := filepath.Abs(from)
	if err != nil {
		return payment.Usage("restore: the path cannot be resolved", "name the file by its full path")
	}
	st, err := look(from, true)
	if err == nil && st == stateUnmarked {
		st, err = inspect(ctx, from)
	}
	if err != nil {
		return err
	}
	if st == stateEmpty {
		return notALedger(from, "the file is empty")
	}
	if err := checkOwner(from); err != nil {
		return err
	}
	source := &DB{path: from, readOnly: true}
	info, err := os.Stat(from + "-wal")
	source.still = errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0
	return source.Copy(ctx, to)
}

// SetAside moves a ledger's file and what SQLite keeps beside it away, and returns its new
// name, "" if there was none. Nobody may have it open: that is KindUnavailable. What is
// not a ledger is KindUsage; a damaged one goes as it is.
func SetAside(ctx context.Context, path string, now time.Time) (aside string, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return "", payment.Usage("db: the path cannot be resolved", "name the file by its full path")
	}
	if _, err := os.Lstat(path); err == nil {
		if err := settleFile(ctx, path); err != nil {
			return "", err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fileError(path, err)
	}
	base := path + ".before-" + now.UTC().Format("20060102T150405Z")
	aside = base
	for n := 2; ; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		}
		aside = base + "-" + strconv.Itoa(n)
	}
	var moved string
	for _, suffix := range append([]string{""}, sideFiles()...) {
		switch err := os.Rename(path+suffix, aside+suffix); {
		case err == nil && suffix == "":
			moved = aside
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return moved, fileError(path, err)
		}
	}
	return moved, atomicfile.SyncDir(filepath.Dir(path))
}

// settleFile moves the log into the file and ends it, which works only while nobody else
// has the file open.
func settleFile(ctx context.Context, path string) error {
	st, err := look(path, false)
	if err == nil && st == stateUnmarked {
		st, err = inspect(ctx, path)
	}
	if err != nil || st == stateEmpty {
		return err
	}
	pool, err := openDB(path, modeWrite, 1)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	var mode string
	err = pool.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	switch {
	case isBusy(err), err == nil && mode != "delete":
		return &payment.Error{
			Kind: payment.KindUnavailable, Retryable: true, Err: err,
			Message: "db: ledger " + filepath.Base(path) + " is open in another process",
			Hint:    "stop payctl listen, and whatever else works with it, and try again",
		}
	case code(err) == sqlite3.SQLITE_CORRUPT, code(err) == sqlite3.SQLITE_NOTADB:
		return nil
	}
	return err
}
