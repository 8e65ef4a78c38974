package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Conn is the one connection of a process that writes. What is run later waits until
// something is read, or for the commit, and then goes with it in one round trip. It is
// for one goroutine.
type Conn struct {
	db    *DB
	w     *wire
	queue []call
	size  int
	// start is where in the queue the transaction's first statements are, -1 once they
	// have been sent.
	start int
	// now is the server's clock at the start, zero until it has said it.
	now time.Time
	// until bounds the transaction.
	until time.Time
	// turns is for how many transactions more this writer waits for its turn.
	turns int
	// broken says that the connection was lost before COMMIT had been sent.
	broken bool
	// wrote says that something is to be told to others.
	wrote bool
	// renewed says that what was kept of the last transaction is void.
	renewed bool
	told    []string
	// aside is a second connection, made when it is first needed.
	aside *wire
}

// turnsAfter is how many transactions wait for their turn after one that another's kept from
// its end. Neighbours in an index keep each other from it (it is locked by the page), and
// callbacks that come at a time are neighbours: writers that all go on at once undo more
// of each other's work than they do.
const turnsAfter = 256

// mostQueued bounds the bytes that wait for a round trip.
const mostQueued = 4 << 20

const (
	sqlBegin    = "BEGIN ISOLATION LEVEL SERIALIZABLE"
	sqlCommit   = "COMMIT"
	sqlRollback = "ROLLBACK"
	// sqlTurn lets those through one after the other that ask for it. Being no query, it
	// takes no snapshot: what is read afterwards is what the one before has written.
	sqlTurn    = "LOCK TABLE meta IN SHARE UPDATE EXCLUSIVE MODE"
	sqlSave    = "SAVEPOINT one"
	sqlRelease = "RELEASE SAVEPOINT one"
	sqlUndo    = "ROLLBACK TO SAVEPOINT one"
	sqlNotify  = "SELECT pg_notify(?, ?)"
	// sqlStart says the time, and which schema a writer must know.
	sqlStart = `SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT),
		(SELECT value FROM meta WHERE name = 'schema_min')`
)

// Writer returns the connection that writes.
func (db *DB) Writer() *Conn { return &Conn{db: db, start: -1, renewed: true} }

// Begin readies a transaction, which starts with its first round trip. fresh says that
// the connection is another one than before, or that the last transaction was undone.
func (c *Conn) Begin(ctx context.Context) (waited time.Duration, fresh, contended bool, err error) {
	c.until, c.broken = time.Now().Add(c.db.limit), false
	if c.w == nil || c.w.pg.IsClosed() {
		ctx, cancel := context.WithDeadline(ctx, c.until)
		defer cancel()
		begun := time.Now()
		if c.w, err = c.db.take(ctx); err != nil {
			return time.Since(begun), true, false, silent(err)
		}
		c.renewed = true
	}
	fresh, c.renewed = c.renewed, false
	c.queue, c.size, c.now, c.wrote, c.told = c.queue[:0], 0, time.Time{}, false, c.told[:0]
	c.queue = append(c.queue, call{text: sqlBegin})
	if c.turns > 0 {
		c.turns--
		c.queue = append(c.queue, call{text: sqlTurn})
	}
	if c.db.place.pooled {
		c.queue = append(c.queue, call{text: c.db.sqlSession()})
	}
	c.start = len(c.queue)
	c.queue = append(c.queue, call{text: sqlStart})
	return 0, fresh, false, nil
}

// Now returns the server's clock at the start of the transaction.
func (c *Conn) Now(ctx context.Context) (time.Time, error) {
	if c.now.IsZero() {
		if _, err := c.flush(ctx); err != nil {
			return time.Time{}, err
		}
	}
	return c.now, nil
}

// flush sends what waits, then calls, and returns the results of calls.
func (c *Conn) flush(ctx context.Context, calls ...call) ([]result, error) {
	waiting := len(c.queue)
	if waiting+len(calls) == 0 {
		return nil, nil
	}
	if c.w == nil {
		return nil, &lostError{errors.New("the connection was given up")}
	}
	ctx, cancel := context.WithDeadline(ctx, c.until)
	defer cancel()
	all := append(c.queue, calls...)
	start := c.start
	c.queue, c.size, c.start = c.queue[:0], 0, -1
	got, err := c.w.trip(ctx, all)
	if err = silent(err); err != nil && c.w.pg.IsClosed() {
		c.broken = len(calls) == 0 || calls[len(calls)-1].text != sqlCommit
	}
	if start >= 0 && start < len(got) {
		if err := c.begun(got[start]); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	clear(all)
	return got[waiting:], nil
}

// silent turns the end of a transaction's own time into the server's silence: it is not
// the caller's that is over.
func silent(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &lostError{errSilent}
	}
	return err
}

// begun reads what the first statement of a transaction returned.
func (c *Conn) begun(r result) error {
	if len(r.rows) != 1 {
		return errNoRows
	}
	at, _ := r.rows[0][0].(int64)
	c.now = time.UnixMicro(at).UTC()
	least, _ := r.rows[0][1].(string)
	needs, err := strconv.Atoi(least)
	if err != nil {
		return c.db.noLedger()
	}
	latest, err := LatestSchema()
	if err == nil && needs > latest {
		err = c.db.newer(needs, latest)
	}
	return err
}

// Later runs a statement with the next one that is waited for: what it did is not asked.
func (c *Conn) Later(ctx context.Context, query string, args []driver.NamedValue) error {
	call, err := newCall(query, args)
	if err != nil {
		return err
	}
	c.wrote = true
	c.queue, c.size = append(c.queue, call), c.size+call.size
	if c.size >= mostQueued {
		_, err = c.flush(ctx)
	}
	return err
}

// Exec runs a statement and returns the number of rows that changed.
func (c *Conn) Exec(ctx context.Context, query string, args []driver.NamedValue) (int64, error) {
	call, err := newCall(query, args)
	if err != nil {
		return 0, err
	}
	c.wrote = true
	got, err := c.flush(ctx, call)
	if err != nil {
		return 0, err
	}
	return got[0].tag.RowsAffected(), nil
}

// Insert writes a row whose key is the first argument, and returns it. The row may be
// written later: a conflict with another shows then, as an error.
func (c *Conn) Insert(ctx context.Context, query string, args []driver.NamedValue) (key, n int64, err error) {
	key, _ = args[0].Value.(int64)
	return key, 1, c.Later(ctx, query, args)
}

// Query runs a query.
func (c *Conn) Query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	call, err := newCall(query, args)
	if err != nil {
		return nil, err
	}
	got, err := c.flush(ctx, call)
	if err != nil {
		return nil, err
	}
	return &answer{result: got[0]}, nil
}

// Ask runs queries in one round trip.
func (c *Conn) Ask(ctx context.Context, queries []string, args [][]driver.NamedValue) ([]driver.Rows, error) {
	calls := make([]call, len(queries))
	for i, text := range queries {
		var err error
		if calls[i], err = newCall(text, args[i]); err != nil {
			return nil, err
		}
	}
	got, err := c.flush(ctx, calls...)
	if err != nil {
		return nil, err
	}
	out := make([]driver.Rows, len(got))
	for i := range got {
		out[i] = &answer{result: got[i]}
	}
	return out, nil
}

// Aside runs a statement in a transaction of its own, then a query.
func (c *Conn) Aside(ctx context.Context, exec string, execArgs []driver.NamedValue, query string, args []driver.NamedValue) (driver.Rows, error) {
	first, err := newCall(exec, execArgs)
	if err != nil {
		return nil, err
	}
	then, err := newCall(query, args)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithDeadline(ctx, c.until)
	defer cancel()
	kept := c.aside != nil // which may have been cut since
	got, err := c.runAside(ctx, first, then)
	if _, lost := errors.AsType[*lostError](err); lost && kept {
		got, err = c.runAside(ctx, first, then)
	}
	if err != nil {
		return nil, err
	}
	return &answer{result: got[0]}, nil
}

func (c *Conn) runAside(ctx context.Context, first, then call) (got []result, err error) {
	if c.aside == nil || c.aside.pg.IsClosed() {
		if c.aside, err = c.db.connect(ctx); err != nil {
			return nil, err
		}
	}
	if _, err := c.aside.trip(ctx, []call{first}); err != nil {
		return nil, err
	}
	return c.aside.trip(ctx, []call{then})
}

// Commit ends the transaction; what it has written is then as durable as the server has it.
func (c *Conn) Commit(ctx context.Context) error {
	calls := make([]call, 0, 2)
	if c.wrote && c.db.place.notify {
		tell, err := newCall(sqlNotify, []driver.NamedValue{{Value: c.db.channel}, {Value: payload(c.told)}})
		if err != nil {
			return err
		}
		calls = append(calls, tell)
	}
	got, err := c.flush(ctx, append(calls, call{text: sqlCommit})...)
	if err != nil {
		return err
	}
	if tag := got[len(got)-1].tag.String(); tag != sqlCommit {
		return &lostError{errors.New("the server answered COMMIT with " + payment.Line(tag, 40))}
	}
	return nil
}

// Rollback ends a failed transaction; the connection is kept where it still serves.
func (c *Conn) Rollback(ctx context.Context) {
	c.queue, c.size, c.start, c.renewed = c.queue[:0], 0, -1, true
	if c.w == nil {
		return
	}
	if !c.w.pg.IsClosed() && c.w.pg.TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(ctx, closeWithin)
		defer cancel()
		if _, err := c.w.trip(ctx, []call{{text: sqlRollback}}); err != nil {
			c.w.close(ctx)
		}
	}
	if c.w.pg.IsClosed() {
		c.w = nil
	}
}

// Close closes the connection, if it is open.
func (c *Conn) Close() error {
	if c.w != nil {
		c.w.close(context.Background())
		c.w = nil
	}
	if c.aside != nil {
		c.aside.close(context.Background())
		c.aside = nil
	}
	return nil
}

// Apart runs a part of the transaction whose failure leaves the rest as it was, unless
// it is one that Fatal tells.
func (c *Conn) Apart(ctx context.Context, part func() error) error {
	c.queue = append(c.queue, call{text: sqlSave})
	err := part()
	if err == nil {
		if _, err = c.flush(ctx); err == nil {
			c.queue = append(c.queue, call{text: sqlRelease})
			return nil
		}
	} else if !c.Failed() && !c.Fatal(err) {
		_, flushErr := c.flush(ctx)
		if c.Fatal(flushErr) {
			return flushErr
		}
	}
	if c.Fatal(err) {
		return err
	}
	c.queue = c.queue[:0]
	if _, undoErr := c.flush(ctx, call{text: sqlUndo}, call{text: sqlRelease}); undoErr != nil {
		return &lostError{undoErr}
	}
	return err
}

// Failed reports that the transaction takes no more statements.
func (c *Conn) Failed() bool {
	return c.w == nil || c.w.pg.IsClosed() || c.w.pg.TxStatus() == 'E'
}

// Fatal reports an error that ends the transaction, whatever its parts are.
func (c *Conn) Fatal(err error) bool { return isFatal(err) }

// Again reports an error after which the transaction may be run again. Others had the
// same row of counts, perhaps: another share is taken.
func (c *Conn) Again(err error) bool {
	if _, lost := errors.AsType[*lostError](err); lost || c.broken {
		return c.broken
	}
	again := mayAgain(err)
	if again {
		c.db.reroll()
	}
	if codeOf(err) == codeSerialization && !c.db.place.untested {
		c.turns = turnsAfter
	}
	switch codeOf(err) {
	case codeSerialization, codeDeadlock, codeUnique:
		return again
	case codeLockTimeout:
		c.db.endStuck(context.Background())
		return again
	}
	if again {
		_ = c.Close() // its statements, or the server itself, are not what they were
	}
	return again
}

// Shrink returns 0: the server gives space back by itself.
func (c *Conn) Shrink(context.Context) (left int64, err error) { return 0, nil }

// Tidy does nothing between transactions.
func (c *Conn) Tidy(context.Context, int64) {}

// Repeated reports the error of a row that is there already.
func (c *Conn) Repeated(err error) bool { return codeOf(err) == codeUnique }
