package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"
)

// connector makes the connections that read.
type connector struct{ db *DB }

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	w, err := c.db.take(ctx)
	if err != nil {
		return nil, err
	}
	return &reader{w}, nil
}

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return unnamed{} }

// unnamed is no driver that could be opened by a name.
type unnamed struct{}

// Open implements driver.Driver.
func (unnamed) Open(string) (driver.Conn, error) {
	return nil, errors.New("a PostgreSQL ledger is opened by its URL")
}

// reader is a connection that reads, a query a round trip.
type reader struct{ w *wire }

// QueryContext implements driver.QueryerContext.
func (r *reader) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	got, err := r.run(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return &answer{result: got}, nil
}

// ExecContext implements driver.ExecerContext.
func (r *reader) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	got, err := r.run(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return driver.RowsAffected(got.tag.RowsAffected()), nil
}

func (r *reader) run(ctx context.Context, query string, args []driver.NamedValue) (result, error) {
	if r.w.pg.IsClosed() {
		return result{}, driver.ErrBadConn
	}
	c, err := newCall(query, args)
	if err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	begun := time.Now()
	got, err := r.w.trip(ctx, []call{c})
	switch code := codeOf(err); {
	case err == nil:
		return got[0], nil
	case code == codeStaleStatement, code == codeNoStatement:
		r.w.close(ctx) // the schema has changed: a new connection asks anew
		return result{}, driver.ErrBadConn
	case code == "57P01", r.w.pg.IsClosed() && ctx.Err() == nil && time.Since(begun) < time.Second:
		// A connection that the server, or a proxy, gave up while it was idle. Reading
		// again does no harm.
		return result{}, driver.ErrBadConn
	}
	return result{}, err
}

// IsValid implements driver.Validator.
func (r *reader) IsValid() bool { return !r.w.pg.IsClosed() }

// Close implements driver.Conn.
func (r *reader) Close() error {
	r.w.close(context.Background())
	return nil
}

// errNotHere says that database/sql asked for what readers have no use for.
var errNotHere = errors.New("readers take whole queries only")

// Prepare implements driver.Conn.
func (r *reader) Prepare(string) (driver.Stmt, error) { return nil, errNotHere }

// Begin implements driver.Conn.
func (r *reader) Begin() (driver.Tx, error) { return nil, errNotHere }
