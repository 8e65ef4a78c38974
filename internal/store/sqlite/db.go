// Package sqlite carries a ledger in one SQLite file: how it is made, opened and
// migrated, its one connection that writes, how another process's commit is noticed,
// and what only SQLite understands of SQL. What the ledger holds and what its rows
// mean is package store's.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Options says which file to open and how; see store.Options.
type Options struct {
	Path                            string
	MustExist, ReadOnly, OrReadOnly bool
	// Busy bounds how long a write waits for other processes.
	Busy time.Duration
}

// DB is an open file.
type DB struct {
	path     string
	readOnly bool
	// still says that no process has a log beside the file, and that none is made.
	still bool
	busy  time.Duration
	read  *sql.DB
	// file is what was opened; see InPlace.
	file os.FileInfo
	// idKey is the key of the ids, if opening has read it.
	idKey string
	// from and to are the schemas of a ledger that opening has migrated; see Migrated.
	from, to int
}

// Migrated returns the schemas between which opening has migrated the ledger; from is 0
// where it was new or as it should be.
func (db *DB) Migrated() (from, to int) {
	if db.from == db.to {
		return 0, db.to
	}
	return db.from, db.to
}

// readers is how many connections read at once.
const readers = 4

// Open opens a file, making and migrating it where needed. The file must be absent,
// empty or a ledger: anything else is KindUsage and left as it is. A ledger that a
// newer payctl wrote is KindConflict.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Path == "" {
		return nil, payment.Usage("db: the path is empty", "name a file with --db")
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, payment.Usage("db: the path cannot be resolved", "name the file by its full path")
	}
	if o.MustExist {
		if _, err := os.Stat(path); err != nil {
			return nil, fileError(path, err)
		}
	}
	db := &DB{path: path, readOnly: o.ReadOnly, busy: o.Busy}
	err = db.open(ctx)
	if err != nil && o.OrReadOnly && cannotWrite(err) {
		err = db.openToRead(ctx)
	}
	return db, err
}

// Path returns the file's full path.
func (db *DB) Path() string { return db.path }

// ReadOnly reports whether the file was opened without the right to write.
func (db *DB) ReadOnly() bool { return db.readOnly }

// Reader returns the connections that read, which never wait for the one that writes.
func (db *DB) Reader() *sql.DB { return db.read }

// Close closes the connections that read.
func (db *DB) Close() error { return db.read.Close() }

// Beside names a file that lies beside the ledger's.
func (db *DB) Beside(name string) string { return db.path + "." + name }

const sqlIDKey = "SELECT value FROM meta WHERE name = 'id_key'"

// IDKey returns the key of the ledger's ids.
func (db *DB) IDKey(ctx context.Context) (key string, err error) {
	if db.idKey != "" {
		return db.idKey, nil
	}
	err = db.read.QueryRowContext(ctx, sqlIDKey).Scan(&key)
	return key, err
}

// readKey reads the key on a connection that has just read: it has nothing to wait for, and
// is spared the driver's watch for the end of ctx. What fails here is said by IDKey.
func (db *DB) readKey(ctx context.Context, conn driver.QueryerContext) {
	_ = ask(context.WithoutCancel(ctx), conn, sqlIDKey, func(row []driver.Value) { db.idKey = textOf(row[0]) })
}

// onDriver hands over the driver's connection.
func onDriver(ctx context.Context, db *sql.DB, do func(conn driver.QueryerContext) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return conn.Raw(func(raw any) error {
		queryer, ok := raw.(driver.QueryerContext)
		if !ok {
			return errors.New("the driver cannot ask")
		}
		return do(queryer)
	})
}
