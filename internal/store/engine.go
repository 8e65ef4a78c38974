package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/payctl/payctl/internal/store/sqlite"
)

// engine is what carries a ledger and knows how: a file beside this process, or a
// server. All that only one of them understands is behind it; the texts and rules of
// this package are the same on each.
type engine interface {
	// Path names the ledger in errors and output.
	Path() string
	ReadOnly() bool
	// Reader are connections that read beside the one that writes.
	Reader() *sql.DB
	// Writer returns the connection that writes.
	Writer() conn
	// Watch calls changed soon after commits by others, until ctx ends.
	Watch(ctx context.Context, changed func())
	// Error gives an error its kind and its words; what says what was attempted.
	Error(what string, err error) error

	// In is the condition that a column is one of a list; Named a FROM that reads a
	// table by the names in a list. Numbers and Texts spell the list as an argument.
	In(column string) string
	Named(table, column string) string
	Numbers(list []int64) any
	Texts(list []string) any

	// InPlace returns an error once what was opened is not what has the ledger's name.
	InPlace() error
	// Check returns what is wrong with what carries the ledger.
	Check(ctx context.Context) ([]string, error)
	// Size returns the bytes taken, those free for reuse and the schema's version.
	Size(ctx context.Context) (bytes, free int64, schema int, err error)
	// Copy writes the ledger into a new file.
	Copy(ctx context.Context, file string) error
	Close() error
}

// conn is the connection that writes.
type conn interface {
	// Begin starts a transaction, waiting for others who write. fresh says that the
	// connection is a new one; contended, that it had to wait.
	Begin(ctx context.Context) (waited time.Duration, fresh, contended bool, err error)
	Commit(ctx context.Context) error
	// Rollback ends a failed transaction and gives the connection up.
	Rollback(ctx context.Context)
	// Apart runs a part of a transaction that is undone alone if it fails.
	Apart(ctx context.Context, part func() error) error
	// Fatal reports an error that ends the transaction, whatever its parts are.
	Fatal(err error) bool
	// Exec returns the number of rows that changed.
	Exec(ctx context.Context, query string, args []driver.NamedValue) (int64, error)
	// Insert returns the key of a new row and 1, or 0 if there was a conflict.
	Insert(ctx context.Context, query string, args []driver.NamedValue) (key, n int64, err error)
	// Query returns rows that are closed before the next statement.
	Query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error)
	// Shrink gives some free space back and returns what is left of it.
	Shrink(ctx context.Context) (left int64, err error)
	// Tidy does what is to be done between transactions, given roughly how many bytes
	// the last one wrote.
	Tidy(ctx context.Context, written int64)
	Close() error
}

// file is a ledger in a SQLite file.
type file struct{ *sqlite.DB }

// Writer implements engine.
func (f file) Writer() conn { return f.DB.Writer() }

func openEngine(ctx context.Context, o Options) (engine, error) {
	busy := o.BusyTimeout
	if busy <= 0 {
		busy = defaultBusyTimeout
	}
	db, err := sqlite.Open(ctx, sqlite.Options{
		Path: o.Path, MustExist: o.MustExist, ReadOnly: o.ReadOnly, OrReadOnly: o.OrReadOnly, Busy: busy,
	})
	return file{db}, err
}
