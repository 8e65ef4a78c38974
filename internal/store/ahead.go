package store

import (
	"context"
	"database/sql/driver"
	"strconv"
	"strings"
)

// Where a statement costs a round trip, a transaction begins with one that reads all that
// its jobs foresee and takes the keys of the rows that they will add. A rule that asks for
// what was foreseen, in the same words, is answered from there; anything else costs a
// round trip of its own.

// asker is a connection on which statements cost round trips.
type asker interface {
	// Ask runs queries in one round trip.
	Ask(ctx context.Context, queries []string, args [][]driver.NamedValue) ([]driver.Rows, error)
	// Aside runs a statement in a transaction of its own, at once, then a query.
	Aside(ctx context.Context, exec string, execArgs []driver.NamedValue, query string, args []driver.NamedValue) (driver.Rows, error)
}

// ahead reads ahead: it is what was read, and the keys that were taken, in the first round
// trip.
type ahead struct {
	tx *tx
	// conn is nil where a statement costs no round trip.
	conn  asker
	ready map[string]foreseenRows
	// lone says that there is one job only.
	lone bool
	keys map[string][]int64
}

func newAhead(t *tx) ahead {
	out := ahead{tx: t, ready: map[string]foreseenRows{}, keys: map[string][]int64{}}
	out.conn, _ = t.conn.(asker)
	return out
}

// ask is a query with what takes its rows.
type ask struct {
	text string
	args []any
	take func(driver.Rows) error
	// others says that what the transaction itself writes is not asked for.
	others bool
}

// foreseenRows are the rows of a query that was foreseen.
type foreseenRows struct {
	driver.Rows
	others bool
}

// foresight is what a job foresees.
type foresight struct {
	asks []ask
	keys map[string]int
}

// read foresees a query.
func (f *foresight) read(text string, args ...any) {
	f.asks = append(f.asks, ask{text: text, args: args})
}

// others foresees a query about other rows than those which the job writes.
func (f *foresight) others(text string, args ...any) {
	f.asks = append(f.asks, ask{text: text, args: args, others: true})
}

// add foresees rows that a table is given.
func (f *foresight) add(table string, n int) { f.keys[table] += n }

// ask runs queries, in one round trip where they cost any.
func (a *ahead) ask(ctx context.Context, asks []ask) error {
	if len(asks) == 0 {
		return nil
	}
	if !a.tx.remote() {
		for _, q := range asks {
			rows, err := a.tx.rows(ctx, q.text, q.args...)
			if err != nil {
				return err
			}
			if err := q.take(rows.rows); err != nil {
				return err
			}
		}
		return nil
	}
	texts, args := make([]string, len(asks)), make([][]driver.NamedValue, len(asks))
	for i, q := range asks {
		bound, err := a.tx.bind(q.args)
		if err != nil {
			return err
		}
		texts[i], args[i] = q.text, append([]driver.NamedValue(nil), bound...)
	}
	rows, err := a.conn.Ask(ctx, texts, args)
	if err != nil {
		return err
	}
	for i, q := range asks {
		if err := q.take(rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// all is an ask whose rows are scanned into a list.
func all[T any](text string, args []any, list func(*T, []column) []column, take func([]T) error) ask {
	return ask{text: text, args: args, take: func(rows driver.Rows) error {
		found, err := scanAll(newTxRows(rows), list)
		if err != nil {
			return err
		}
		return take(found)
	}}
}

// foresee begins a transaction over a network: it reads what the jobs foresee, takes
// keys, and where nothing is known of the ledger's dictionaries, those.
func (a *ahead) foresee(ctx context.Context, batch []*job, more []ask) error {
	clear(a.ready)
	clear(a.keys)
	f := foresight{keys: map[string]int{}}
	for _, j := range batch {
		if j.foresee != nil {
			j.foresee(&f)
		}
		if j.arrival != nil {
			f.add("deliveries", 1)
		}
	}
	a.lone = len(batch) == 1
	foreseen, err := a.keep(f.asks)
	if err != nil {
		return err
	}
	asks := append(more, foreseen...)
	for table, n := range f.keys {
		asks = append(asks, a.takeKeys(table, n))
	}
	if len(a.tx.dict.kinds)+len(a.tx.dict.shelves)+len(a.tx.dict.targets) == 0 {
		asks = append(asks, a.tx.dict.asks()...)
	}
	return a.ask(ctx, asks)
}

// keep has asks keep their rows until they are asked for.
func (a *ahead) keep(asks []ask) ([]ask, error) {
	for i := range asks {
		q := &asks[i]
		bound, err := a.tx.bind(q.args)
		if err != nil {
			return nil, err
		}
		name := askName(q.text, bound)
		q.take = func(rows driver.Rows) error {
			a.ready[name] = foreseenRows{rows, q.others}
			return nil
		}
	}
	return asks, nil
}

// more reads, in the midst of a transaction over a network, what its job has come
// to foresee.
func (a *ahead) more(ctx context.Context, foresee func(*foresight)) error {
	if !a.tx.remote() {
		return nil
	}
	var f foresight
	foresee(&f)
	asks, err := a.keep(f.asks)
	if err != nil {
		return err
	}
	return a.ask(ctx, asks)
}

func (a *ahead) takeKeys(table string, n int) ask {
	return all("SELECT nextval('"+table+"_seq') FROM generate_series(1, ?)", []any{n}, keyColumn, func(keys []int64) error {
		a.keys[table] = append(a.keys[table], keys...)
		return nil
	})
}

// key returns a key for a new row.
func (a *ahead) key(ctx context.Context, table string) (int64, error) {
	if len(a.keys[table]) == 0 {
		if err := a.ask(ctx, []ask{a.takeKeys(table, 1)}); err != nil {
			return 0, err
		}
	}
	keys := a.keys[table]
	a.keys[table] = keys[1:]
	return keys[0], nil
}

// foreseen returns the rows of a query that was foreseen, once; nil for any other.
func (a *ahead) foreseen(query string, bound []driver.NamedValue) driver.Rows {
	if len(a.ready) == 0 {
		return nil
	}
	name := askName(query, bound)
	rows, found := a.ready[name]
	if !found {
		return nil
	}
	delete(a.ready, name)
	return rows.Rows
}

func askName(query string, bound []driver.NamedValue) string {
	var b strings.Builder
	b.WriteString(query)
	for _, a := range bound {
		b.WriteByte(0)
		switch v := a.Value.(type) {
		case int64:
			b.WriteString(strconv.FormatInt(v, 10))
		case string:
			b.WriteString(v)
		case []byte:
			b.Write(v)
		}
	}
	return b.String()
}

// void forgets what was read of the table that a statement changes.
func (a *ahead) void(query string) {
	if len(a.ready) == 0 {
		return
	}
	table := written(query)
	for name, rows := range a.ready {
		if rows.others && a.lone {
			continue
		}
		if text, _, _ := strings.Cut(name, "\x00"); strings.Contains(text, table) {
			delete(a.ready, name)
		}
	}
}

// written returns the name of the table that a statement of this package changes.
func written(query string) string {
	words := strings.Fields(query)
	for i, w := range words[:len(words)-1] {
		switch w {
		case "INTO", "UPDATE", "FROM":
			return strings.TrimSuffix(words[i+1], "_counts")
		}
	}
	return ""
}
