package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"time"
)

// checkpointBytes is roughly how much may be written between two checkpoints, and
// checkpointPerCommit what every commit writes, however small: the pages of the indices
// that it touches.
const (
	checkpointBytes     = 16 << 20
	checkpointPerCommit = 32 << 10
)

// Conn is the one connection that writes, and the statements prepared on it. It is
// opened when it is first needed, and again after a failure. It is for one goroutine.
//
// It speaks to the driver through database/sql/driver, not through sql.Conn: of
// a delivery's cost, half would be sql.Conn's locks and reflection.
type Conn struct {
	db      *DB
	pool    *sql.DB
	conn    *sql.Conn
	raw     driver.ConnPrepareContext
	stmts   map[string]driver.Stmt
	unsaved int64
}

// Writer returns the connection that writes.
func (db *DB) Writer() *Conn { return &Conn{db: db} }

// Begin starts a transaction, waiting for other processes. fresh says that the
// connection is another one than before; contended, that it had to wait.
func (c *Conn) Begin(ctx context.Context) (waited time.Duration, fresh, contended bool, err error) {
	wait := newBusyWait(c.db.busy)
	defer wait.stop()
	start := time.Now()
	for {
		fresh = fresh || c.pool == nil
		err := c.connect(ctx)
		if err == nil {
			_, err = c.Exec(ctx, sqlBegin, nil)
		}
		if err == nil {
			return time.Since(start), fresh, contended, nil
		}
		if !isBusy(err) {
			c.Rollback(ctx)
			return time.Since(start), fresh, contended, err
		}
		contended = true
		if !wait.next(ctx) {
			return time.Since(start), fresh, contended, err
		}
	}
}

func (c *Conn) connect(ctx context.Context) error {
	if c.pool != nil {
		return nil
	}
	// SQLite would open whatever has the name now.
	if err := c.db.InPlace(); err != nil {
		return err
	}
	pool, err := openDB(c.db.path, modeWrite, 1)
	if err != nil {
		return err
	}
	conn, err := pool.Conn(ctx)
	if err == nil {
		err = conn.Raw(func(raw any) error {
			var ok bool
			if c.raw, ok = raw.(driver.ConnPrepareContext); !ok {
				return errors.New("the driver cannot prepare statements")
			}
			return nil
		})
		if err != nil {
			_ = conn.Close()
		}
	}
	if err != nil {
		_ = pool.Close()
		return err
	}
	c.pool, c.conn, c.stmts = pool, conn, map[string]driver.Stmt{}
	// What others left in the log is checkpointed with what this process adds.
	if info, err := os.Stat(c.db.path + "-wal"); err == nil {
		c.unsaved += info.Size()
	}
	return nil
}

// Commit ends the transaction; what it has written is then on the disk, in the file that
// has the ledger's name.
func (c *Conn) Commit(ctx context.Context) error {
	if _, err := c.Exec(ctx, sqlCommit, nil); err != nil {
		return err
	}
	return c.db.InPlace()
}

// Rollback ends a failed transaction. The connection is thrown away too: after
// a failure of the disk nothing that it remembers is worth trusting.
func (c *Conn) Rollback(ctx context.Context) {
	if c.pool == nil {
		return
	}
	_, _ = c.Exec(ctx, sqlRollback, nil)
	_ = c.Close()
}

// Close closes the connection, if it is open.
func (c *Conn) Close() error {
	if c.pool == nil {
		return nil
	}
	for _, stmt := range c.stmts {
		_ = stmt.Close()
	}
	_ = c.conn.Close()
	err := c.pool.Close()
	c.pool, c.conn, c.raw, c.stmts = nil, nil, nil, nil
	return err
}

// Apart runs a part of the transaction whose failure leaves the rest as it was, unless
// it is one that Fatal tells.
func (c *Conn) Apart(ctx context.Context, part func() error) error {
	if _, err := c.Exec(ctx, sqlSavepoint, nil); err != nil {
		return err
	}
	err := part()
	if err != nil && c.Fatal(err) {
		return err
	}
	if err != nil {
		if _, undoErr := c.Exec(ctx, sqlUndo, nil); undoErr != nil {
			return undoErr
		}
	}
	if _, releaseErr := c.Exec(ctx, sqlRelease, nil); releaseErr != nil {
		return releaseErr
	}
	return err
}

// Fatal reports an error after which no statement of the transaction would have fared
// better.
func (c *Conn) Fatal(err error) bool { return isFatal(err) }

// Tidy moves the log into the file, between transactions, when enough has been written
// since. A failure is no loss: the log stays, and the next one tries again.
func (c *Conn) Tidy(ctx context.Context, written int64) {
	c.unsaved += checkpointPerCommit + written
	if c.unsaved < checkpointBytes || c.pool == nil {
		return
	}
	c.unsaved = 0
	_, _ = c.Exec(ctx, sqlCheckpoint, nil)
}

// prepared returns the statement of a text that is part of the program.
func (c *Conn) prepared(ctx context.Context, query string) (driver.Stmt, error) {
	if stmt := c.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := c.raw.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = stmt
	return stmt, nil
}

func (c *Conn) run(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	stmt, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := stmt.(driver.StmtExecContext)
	if !ok {
		return nil, errors.New("the driver cannot run statements")
	}
	return s.ExecContext(ctx, args)
}

// Exec runs a statement and returns the number of rows that changed.
func (c *Conn) Exec(ctx context.Context, query string, args []driver.NamedValue) (int64, error) {
	res, err := c.run(ctx, query, args)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Insert writes a row and returns its key and 1, or 0 if a conflict clause kept it from
// being written.
func (c *Conn) Insert(ctx context.Context, query string, args []driver.NamedValue) (key, n int64, err error) {
	res, err := c.run(ctx, query, args)
	if err != nil {
		return 0, 0, err
	}
	if n, err = res.RowsAffected(); err != nil || n == 0 {
		return 0, n, err
	}
	key, err = res.LastInsertId()
	return key, n, err
}

// Query runs a query; its rows are closed before the next statement.
func (c *Conn) Query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	stmt, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, errors.New("the driver cannot run queries")
	}
	return s.QueryContext(ctx, args)
}

// Later runs a statement; what it did is not asked.
func (c *Conn) Later(ctx context.Context, query string, args []driver.NamedValue) error {
	_, err := c.run(ctx, query, args)
	return err
}

// Now returns the zero time: the ledger's clock is that of its process.
func (c *Conn) Now(context.Context) (time.Time, error) { return time.Time{}, nil }

// Failed reports that the transaction takes no more statements, which SQLite has no word for.
func (c *Conn) Failed() bool { return false }

// Again reports that a transaction may be run again: one that has begun has no rivals.
func (c *Conn) Again(error) bool { return false }

// Repeated reports nothing: a row that is there already is no error here.
func (c *Conn) Repeated(error) bool { return false }
