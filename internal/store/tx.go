package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"
)

// tx is the transaction that is open: it runs statements, counts what is to be counted at
// the end, and has a handle for each noun of what the ledger's rules write. What they judge
// by is read before, by ahead and look, and judged in memory, by known.
type tx struct {
	db   *database
	conn conn
	args []driver.NamedValue
	// columns are used again by each statement: what was written, what is to be, and
	// what of it differs.
	columns [3][]column
	now     time.Time
	// before, after and delivery are rows that are being written: what a table's list
	// leads to would else be a new one for each.
	before, after depositRow
	delivery      deliveryRow
	// writes counts the statements that may have changed something.
	writes int
	// updates holds the texts of the updates that were needed so far.
	updates map[statementKey]string
	// inserts holds those of the inserts; see spelled.
	inserts map[statementKey]string
	tally   tally
	dict    dictionaries
	// known is what was read for the deliveries of the batch, nil if nothing was.
	known *known
	// spare is the known of batches, to be used again.
	spare *known
	// junk is what came into quarantine since the last look at its bounds.
	junk count
	// crowded says that the last look left the quarantine over its bounds.
	crowded bool
	// repeats is for how many batches more the ledger is asked which deliveries are
	// repetitions, where that costs a round trip; else it shows when they are written.
	repeats int
	ahead   ahead

	deposits depositTx
	orphans  orphanTx
	forwards forwardTx
	queries  queryTx
	wallets  walletTx
	prune    pruneTx
}

// The handles of a transaction. Each writes one noun.
type (
	// depositTx writes deposits, their moves and what is said of them.
	depositTx struct{ *tx }
	// orphanTx gives deliveries to the deposit that they waited for.
	orphanTx struct{ *tx }
	// forwardTx writes the queue of forwards and the attempts at them.
	forwardTx struct{ *tx }
	// queryTx writes queries and their answers.
	queryTx struct{ *tx }
	// walletTx writes the transactions of wallets.
	walletTx struct{ *tx }
	// pruneTx deletes deliveries.
	pruneTx struct{ *tx }
)

func newTx(db *database, c conn) *tx {
	t := &tx{db: db, conn: c, tally: newTally(), updates: map[statementKey]string{}, inserts: map[statementKey]string{}}
	t.dict, t.ahead = newDictionaries(t), newAhead(t)
	t.deposits, t.orphans, t.forwards, t.queries, t.wallets, t.prune = depositTx{t}, orphanTx{t}, forwardTx{t}, queryTx{t}, walletTx{t}, pruneTx{t}
	return t
}

// begin readies the view for a new transaction.
func (t *tx) begin(now time.Time) {
	t.now = now
	t.tally.clear()
}

// bind turns arguments into the driver's; the slice is used again by the next call.
func (t *tx) bind(args []any) ([]driver.NamedValue, error) {
	t.args = t.args[:0]
	for i, a := range args {
		v := driver.NamedValue{Ordinal: i + 1, Value: a}
		switch a := a.(type) {
		case nil, int64, []byte:
		case string:
			v.Value = clean(a)
		case int:
			v.Value = int64(a)
		default:
			return nil, fmt.Errorf("an argument of type %T cannot be stored", a)
		}
		t.args = append(t.args, v)
	}
	return t.args, nil
}

// remote reports whether a statement costs a round trip.
func (t *tx) remote() bool { return t.ahead.conn != nil }

// wrote notes that a statement changes something: what was read of its table is void.
func (t *tx) wrote(query string) {
	t.writes++
	t.ahead.void(query)
}

// exec runs a statement whose effect nobody asks for. Over a network it leaves with the
// next one that is waited for, and its error shows then.
func (t *tx) exec(ctx context.Context, query string, args ...any) error {
	bound, err := t.bind(args)
	if err != nil {
		return err
	}
	t.wrote(query)
	return t.conn.Later(ctx, query, bound)
}

// changed is exec for a statement of which the number of rows that changed matters.
func (t *tx) changed(ctx context.Context, query string, args ...any) (int64, error) {
	bound, err := t.bind(args)
	if err != nil {
		return 0, err
	}
	t.wrote(query)
	return t.conn.Exec(ctx, query, bound)
}

// execColumns is exec with columns as arguments.
func (t *tx) execColumns(ctx context.Context, query string, columns []column) error {
	t.wrote(query)
	return t.conn.Later(ctx, query, t.bindColumns(columns))
}

// row scans one row; sql.ErrNoRows when there is none.
func (t *tx) row(ctx context.Context, query string, args []any, into ...any) error {
	rows, err := t.rows(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	return rows.Scan(into...)
}

// rows runs a query whose rows the caller closes before the next statement.
func (t *tx) rows(ctx context.Context, query string, args ...any) (*txRows, error) {
	bound, err := t.bind(args)
	if err != nil {
		return nil, err
	}
	rows := t.ahead.foreseen(query, bound)
	if rows == nil {
		rows, err = t.conn.Query(ctx, query, bound)
	}
	if err != nil {
		return nil, err
	}
	return newTxRows(rows), nil
}

func newTxRows(rows driver.Rows) *txRows {
	return &txRows{rows: rows, dest: make([]driver.Value, len(rows.Columns()))}
}

// rowSet is what lists are read from: *sql.Rows and *txRows alike.
type rowSet interface {
	Next() bool
	Scan(into ...any) error
	Err() error
	Close() error
}

// txRows are rows of the transaction.
type txRows struct {
	rows driver.Rows
	dest []driver.Value
	err  error
}

// Next moves to the next row; false at the end and after a failure.
func (r *txRows) Next() bool {
	if r.err != nil {
		return false
	}
	r.err = r.rows.Next(r.dest)
	return r.err == nil
}

// Err returns what ended the rows, nil for their end.
func (r *txRows) Err() error {
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}

// Close readies the statement for its next use.
func (r *txRows) Close() error { return r.rows.Close() }

// Scan fills the types that this package reads. What does not fit is an error,
// never a zero.
func (r *txRows) Scan(into ...any) error {
	if len(into) != len(r.dest) {
		return fmt.Errorf("%d columns for %d values", len(r.dest), len(into))
	}
	for i, p := range into {
		v := r.dest[i]
		if c, ok := p.(cell); ok {
			if err := c.Scan(v); err != nil {
				return fmt.Errorf("column %d: %w", i+1, err)
			}
			continue
		}
		if !assign(p, v) {
			return fmt.Errorf("column %d holds a %T, which does not fit a %T", i+1, v, p)
		}
	}
	return nil
}

func assign(into any, v driver.Value) bool {
	switch p := into.(type) {
	case *sql.NullInt64:
		n, ok := v.(int64)
		*p = sql.NullInt64{Int64: n, Valid: ok}
		return ok || v == nil
	case *sql.NullString:
		s, ok := v.(string)
		*p = sql.NullString{String: s, Valid: ok}
		return ok || v == nil
	case *string:
		s, ok := v.(string)
		*p = s
		return ok
	case *int64:
		n, ok := v.(int64)
		*p = n
		return ok
	case *int:
		n, ok := v.(int64)
		*p = int(n)
		return ok
	case *bool:
		if is, ok := v.(bool); ok {
			*p = is
			return true
		}
		n, ok := v.(int64)
		*p = n != 0
		return ok
	}
	return false
}

// mark and reset keep the counts in step with a savepoint. The numbers of kinds
// that were made within it are forgotten with it.
func (t *tx) mark() tally { return t.tally.clone() }

func (t *tx) reset(mark tally) {
	t.tally = mark
	t.dict.forget()
}
