package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// wire is one connection and the statements prepared on it. What is sent together is one
// round trip, however many statements it has. It is for one goroutine.
type wire struct {
	pg    *pgconn.PgConn
	stmts map[string]*statement
	// named says that statements may be kept on the server: not behind a pooler, which
	// gives each transaction another connection.
	named bool
	// names is how many statements were named.
	names int
}

// statement is a text of the program on a connection. A text that is used once is sent
// with its arguments; one that comes again is kept on the server.
type statement struct {
	text string
	uses int
	name string
	desc *pgconn.StatementDescription
}

// call is a statement with its arguments as they are sent.
type call struct {
	text    string
	values  [][]byte
	formats []int16
	size    int
}

// result is what became of a call.
type result struct {
	fields []pgconn.FieldDescription
	rows   [][]driver.Value
	tag    pgconn.CommandTag
}

// lostError is a failure of the connection: nothing more comes of it.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

func newWire(pg *pgconn.PgConn, named bool) *wire {
	return &wire{pg: pg, named: named, stmts: map[string]*statement{}}
}

// mostStatements bounds what is kept on the server for a connection.
const mostStatements = 500

func (w *wire) statement(text string) *statement {
	s := w.stmts[text]
	if s == nil {
		s = &statement{text: rebind(text)}
		w.stmts[text] = s
	}
	s.uses++
	return s
}

// binary asks for all columns of an answer in binary.
func binary() []int16 { return []int16{pgproto3.BinaryFormat} }

// trip sends calls together and returns their results. After an error of the server the
// calls that follow were not run; the results are those before it. Any other error is a
// lostError, and the connection is closed.
func (w *wire) trip(ctx context.Context, calls []call) ([]result, error) {
	p := w.pg.StartPipeline(ctx)
	used := make([]*statement, len(calls))
	prepares := make([]bool, len(calls))
	for i := range calls {
		c, s := &calls[i], w.statement(calls[i].text)
		used[i] = s
		if s.name == "" && w.named && s.uses > 1 && w.names < mostStatements {
			w.names++
			s.name, prepares[i] = "p"+strconv.Itoa(w.names), true
			p.SendPrepare(s.name, s.text, nil)
		}
		switch {
		case s.desc != nil:
			p.SendQueryStatement(s.desc, c.values, c.formats, binary())
		case s.name != "":
			p.SendQueryPrepared(s.name, c.values, c.formats, binary())
		default:
			p.SendQueryParams(s.text, c.values, nil, c.formats, binary())
		}
	}
	first := p.Sync()
	out := make([]result, 0, len(calls))
	for i := 0; i < len(calls) && first == nil; i++ {
		if prepares[i] {
			used[i].desc, first = prepared(p, used[i].name)
		}
		if first == nil {
			var r result
			if r, first = read(p); first == nil {
				out = append(out, r)
			}
		}
	}
	closing := p.Close()
	for i, s := range used { // what was not reached is not on the server
		if prepares[i] && s.desc == nil {
			s.name, s.uses = "", 0
		}
	}
	var fromServer *pgconn.PgError
	switch {
	case first == nil && closing == nil:
		return out, nil
	case first == nil:
		first = closing
	}
	if errors.As(first, &fromServer) && !w.pg.IsClosed() {
		return out, first
	}
	w.close(ctx)
	if errors.As(first, &fromServer) {
		return nil, first
	}
	if ctx.Err() != nil {
		first = fmt.Errorf("%w: %w", context.Cause(ctx), first)
	}
	return nil, &lostError{first}
}

func prepared(p *pgconn.Pipeline, name string) (*pgconn.StatementDescription, error) {
	got, err := p.GetResults()
	if err != nil {
		return nil, err
	}
	desc, ok := got.(*pgconn.StatementDescription)
	if !ok {
		return nil, fmt.Errorf("the server answered a preparation with a %T", got)
	}
	desc.Name = name // which a pipeline leaves out
	return desc, nil
}

func read(p *pgconn.Pipeline) (r result, err error) {
	got, err := p.GetResults()
	if err != nil {
		return r, err
	}
	reader, ok := got.(*pgconn.ResultReader)
	if !ok {
		return r, fmt.Errorf("the server answered a query with a %T", got)
	}
	fields := reader.FieldDescriptions()
	r.fields = append(r.fields, fields...)
	for reader.NextRow() {
		row := make([]driver.Value, len(r.fields))
		for i, raw := range reader.Values() {
			if row[i], err = decode(r.fields[i], raw); err != nil {
				_, _ = reader.Close()
				return r, err
			}
		}
		r.rows = append(r.rows, row)
	}
	r.tag, err = reader.Close()
	return r, err
}

func (w *wire) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer cancel()
	_ = w.pg.Close(ctx)
}

// answer is a result as rows.
type answer struct {
	result
	next int
}

// Columns implements driver.Rows, as do the others.
func (a *answer) Columns() []string {
	out := make([]string, len(a.fields))
	for i, f := range a.fields {
		out[i] = f.Name
	}
	return out
}

// Close does nothing: all rows have been read.
func (a *answer) Close() error { return nil }

// Next copies a row.
func (a *answer) Next(dest []driver.Value) error {
	if a.next >= len(a.rows) {
		return io.EOF
	}
	copy(dest, a.rows[a.next])
	a.next++
	return nil
}
