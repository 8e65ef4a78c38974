package sqlite

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/payment"
)

// sqliteHeaderSize is the length of the fixed part of a SQLite file, which
// holds the application id at offset 68.
const (
	sqliteMagic      = "SQLite format 3\x00"
	sqliteHeaderSize = 100
	applicationIDAt  = 68
)

// state is what a look at the file without SQLite says.
type state uint8

const (
	stateEmpty state = iota
	stateOurs
	stateUnmarked
)

// open looks at the file before SQLite touches it, makes it a ledger where it
// is empty, and brings its schema up to date.
func (db *DB) open(ctx context.Context) error {
	if !db.readOnly {
		if err := makeFile(db.path); err != nil {
			return err
		}
	}
	if err := checkOwner(db.path); err != nil {
		return err
	}
	st, err := look(db.path, db.readOnly)
	if err != nil {
		return err
	}
	if st == stateUnmarked {
		if st, err = inspect(ctx, db.path); err != nil {
			return err
		}
	}
	if st == stateEmpty {
		if db.readOnly {
			return notALedger(db.path, "the file is empty")
		}
		if err := db.waitBusy(ctx, db.create); err != nil {
			return err
		}
	}
	if !db.readOnly {
		tighten(db.path)
	}
	if db.file, err = identify(db.path); err != nil {
		return fileError(db.path, err)
	}
	if db.read, err = openDB(db.path, db.readMode(), readers); err != nil {
		return err
	}
	err = db.bringUpToDate(ctx)
	if err == nil {
		err = db.InPlace()
	}
	if err != nil {
		_ = db.read.Close()
	}
	return err
}

// readMode is how the connections that read are opened.
func (db *DB) readMode() openMode {
	switch {
	case db.still:
		return modeStill
	case db.readOnly:
		return modeReadOnly
	}
	return modeRead
}

// openToRead opens a ledger that cannot be written. Where no process has a log
// beside it the file is taken as it stands: making a log takes the right to write
// into the directory, and one that this user made could shut the ledger's owner out.
func (db *DB) openToRead(ctx context.Context) error {
	db.readOnly = true
	info, err := os.Stat(db.path + "-wal")
	db.still = errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0
	return db.open(ctx)
}

// cannotWrite tells that opening failed for the want of a right to write.
func cannotWrite(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return true
	}
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

func (db *DB) bringUpToDate(ctx context.Context) error {
	latest, err := latestVersion()
	if err != nil {
		return err
	}
	version := 0
	err = onDriver(ctx, db.read, func(conn driver.QueryerContext) (err error) {
		if version, err = checkSchema(ctx, conn, db.path); err == nil && version == latest {
			db.readKey(ctx, conn)
		}
		return err
	})
	if err != nil {
		return err
	}
	switch {
	case version > latest:
		return newerSchema(db.path, version, latest)
	case version < latest && db.readOnly:
		return &payment.Error{
			Kind:    payment.KindConflict,
			Message: fmt.Sprintf("db: ledger %s has the older schema %d", filepath.Base(db.path), version),
			Hint:    "run any payctl command that writes to it once, such as payctl listen",
		}
	case version < latest:
		if err := db.waitBusy(ctx, db.migrate); err != nil {
			return err
		}
	}
	return nil
}

// makeFile makes an absent ledger file with mode 0600, and its directories with
// 0700; SQLite gives its side files the mode of the main file.
func makeFile(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fileError(path, err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fileError(path, err)
	}
	return errors.Join(f.Close(), atomicfile.SyncDir(filepath.Dir(path)))
}

// tighten takes other users' rights to a ledger away: it holds phone numbers.
// Where the file is another user's, it stays as it is.
func tighten(path string) {
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			_ = os.Chmod(name, info.Mode().Perm()&^0o077)
		}
	}
}

func fileError(path string, err error) error {
	name := filepath.Base(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return payment.Usage("db: there is no ledger "+name, "name an existing file with --db")
	case errors.Is(err, fs.ErrPermission):
		return &payment.Error{
			Kind: payment.KindUsage, Message: "db: no permission to open ledger " + name,
			Hint: "look at the owner and mode of the file and its directory", Err: err,
		}
	}
	cause := err
	// The text of a path error holds the whole path; the cause alone is enough.
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return &payment.Error{
		Kind: payment.KindUsage, Message: fmt.Sprintf("db: ledger %s cannot be opened: %v", name, err), Hint: "name another file with --db", Err: cause,
	}
}

// look reads the start of the file: SQLite would turn a foreign database into
// WAL mode by merely being asked.
//
// A file that cannot be written is refused here, unless it is opened read-only:
// SQLite would notice at the first write, when a listener has long been ready,
// and would leave side files that cannot be written either.
func look(path string, readOnly bool) (state, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, fileError(path, err)
	}
	if info.IsDir() {
		return 0, notALedger(path, "it is a directory")
	}
	if !info.Mode().IsRegular() {
		return 0, notALedger(path, "it is not a regular file")
	}
	flag := os.O_RDWR
	if readOnly {
		flag = os.O_RDONLY
	}
	f, err := os.OpenFile(path, flag, 0)
	if may := "write to"; errors.Is(err, fs.ErrPermission) {
		if readOnly {
			may = "read"
		}
		return 0, &payment.Error{
			Kind: payment.KindUsage, Message: "db: no permission to " + may + " ledger " + filepath.Base(path),
			Hint: "look at the owner and mode of the file, or name another with --db", Err: err,
		}
	}
	if err != nil {
		return 0, fileError(path, err)
	}
	defer func() { _ = f.Close() }()
	header := make([]byte, sqliteHeaderSize)
	n, err := io.ReadFull(f, header)
	switch {
	case errors.Is(err, io.EOF) && n == 0:
		return stateEmpty, nil
	case errors.Is(err, io.ErrUnexpectedEOF), err == nil && string(header[:len(sqliteMagic)]) != sqliteMagic:
		return 0, notALedger(path, "it is not a database")
	case err != nil:
		return 0, fileError(path, err)
	case binary.BigEndian.Uint32(header[applicationIDAt:]) == applicationID:
		return stateOurs, nil
	}
	return stateUnmarked, nil
}

// inspect asks SQLite, read-only, about a database whose header does not say
// that it is ours: it may be one that another process is just making.
func inspect(ctx context.Context, path string) (state, error) {
	db, err := openDB(path, modeInspect, 1)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	var id, tables int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return 0, err
	}
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return 0, err
	}
	switch {
	case id == applicationID:
		return stateOurs, nil
	case tables == 0 && id == 0:
		return stateEmpty, nil
	}
	return 0, notALedger(path, "it is another program's database")
}

// create marks an empty file as a ledger and switches it to WAL. Two processes
// may do it at once: both do the same.
func (db *DB) create(ctx context.Context) error {
	pool, err := openDB(db.path, modeCreate, 1)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	for _, q := range []string{
		"PRAGMA page_size = 8192",
		"PRAGMA auto_vacuum = INCREMENTAL",
		"PRAGMA application_id = " + strconv.Itoa(applicationID),
		"PRAGMA journal_mode = WAL",
	} {
		if _, err := pool.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return db.migrateWith(ctx, pool)
}

func (db *DB) migrate(ctx context.Context) error {
	pool, err := openDB(db.path, modeWrite, 1)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	return db.migrateWith(ctx, pool)
}
