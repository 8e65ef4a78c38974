package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/payctl/payctl/internal/store/postgres"
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
	// Pairs is a table of pairs, from two lists of numbers.
	Pairs(alias, first, second string) string
	Numbers(list []int64) any
	Texts(list []string) any
	// Count is a statement that adds sums to the row of a table of counts that has the keys.
	Count(table string, keys, sums []string) string
	// Counted is what the columns of a table of counts are read from: of a cell there may
	// be several rows.
	Counted(table string, columns []string) string
	// Clock is an expression for the ledger's clock, NULL where that is this process's.
	Clock() string
	// Barrier returns once every transaction that had begun to write has ended: what is
	// read then misses nothing that came before. After 10 s it is an error.
	Barrier(ctx context.Context) error
	// Columns lists a table's columns, those that only this engine has left out.
	Columns(ctx context.Context, table string) ([]string, error)
	// Counts names the table in which a table of counts is written.
	Counts(table string) string
	// GoOn is a statement after which new keys of a table follow those that it holds, ""
	// where that needs none.
	GoOn(table, key string) string
	// Remote reports that a statement costs a round trip.
	Remote() bool
	// Scanned gives back the memory that a page of a long read has filled.
	Scanned(ctx context.Context)

	// IDKey returns the key of the ledger's ids.
	IDKey(ctx context.Context) (string, error)
	// Beside names a file or directory of this machine that belongs to the ledger.
	Beside(name string) string
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
	// connection is a new one, or that what the last transaction knew is void; contended,
	// that it had to wait.
	Begin(ctx context.Context) (waited time.Duration, fresh, contended bool, err error)
	Commit(ctx context.Context) error
	// Rollback ends a failed transaction and gives the connection up.
	Rollback(ctx context.Context)
	// Apart runs a part of a transaction that is undone alone if it fails.
	Apart(ctx context.Context, part func() error) error
	// Fatal reports an error that ends the transaction, whatever its parts are.
	Fatal(err error) bool
	// Now returns the ledger's clock at the start of the transaction, zero where it is
	// this process's.
	Now(ctx context.Context) (time.Time, error)
	// Failed reports that the transaction takes no more statements.
	Failed() bool
	// Again reports an error after which the transaction may be run again.
	Again(err error) bool
	// Repeated reports the error of a row that is there already.
	Repeated(err error) bool
	// Later runs a statement whose effect nobody asks for, at once or with the next one.
	Later(ctx context.Context, query string, args []driver.NamedValue) error
	// Exec returns the number of rows that changed.
	Exec(ctx context.Context, query string, args []driver.NamedValue) (int64, error)
	// Insert returns the key of a new row and 1, or 0 if there was a conflict.
	// Where the key is an argument, the first, the row may be written later.
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

// server is a ledger in a PostgreSQL database.
type server struct{ *postgres.DB }

// Writer implements engine.
func (s server) Writer() conn { return s.DB.Writer() }

func openEngine(ctx context.Context, o Options, busy time.Duration) (engine, error) {
	if postgres.IsURL(o.Path) {
		db, err := postgres.Open(ctx, postgres.Options{URL: o.Path, ReadOnly: o.ReadOnly, OrReadOnly: o.OrReadOnly, Limit: busy, StateDir: o.StateDir, MayWait: o.MayWait, Replaced: ErrReplaced})
		if db == nil {
			return nil, err
		}
		return server{db}, err
	}
	db, err := sqlite.Open(ctx, sqlite.Options{
		Path: o.Path, MustExist: o.MustExist, ReadOnly: o.ReadOnly, OrReadOnly: o.OrReadOnly, Busy: busy,
	})
	if db == nil {
		return nil, err
	}
	return file{db}, err
}
