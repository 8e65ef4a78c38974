package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/payment"
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

// ahead is what was read and reserved ahead.
type ahead struct {
	// conn is nil where a statement costs no round trip.
	conn  asker
	ready map[string]foreseenRows
	// lone says that there is one job only.
	lone bool
	keys map[string][]int64
}

func newAhead(c conn) ahead {
	out := ahead{ready: map[string]foreseenRows{}, keys: map[string][]int64{}}
	out.conn, _ = c.(asker)
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

// remote reports whether a statement costs a round trip.
func (t *tx) remote() bool { return t.ahead.conn != nil }

// ask runs queries, in one round trip where they cost any.
func (t *tx) ask(ctx context.Context, asks []ask) error {
	if len(asks) == 0 {
		return nil
	}
	if !t.remote() {
		for _, a := range asks {
			rows, err := t.rows(ctx, a.text, a.args...)
			if err != nil {
				return err
			}
			if err := a.take(rows.rows); err != nil {
				return err
			}
		}
		return nil
	}
	texts, args := make([]string, len(asks)), make([][]driver.NamedValue, len(asks))
	for i, a := range asks {
		bound, err := t.bind(a.args)
		if err != nil {
			return err
		}
		texts[i], args[i] = a.text, append([]driver.NamedValue(nil), bound...)
	}
	rows, err := t.ahead.conn.Ask(ctx, texts, args)
	if err != nil {
		return err
	}
	for i, a := range asks {
		if err := a.take(rows[i]); err != nil {
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
func (t *tx) foresee(ctx context.Context, batch []*job, more []ask) error {
	clear(t.ahead.ready)
	clear(t.ahead.keys)
	f := foresight{keys: map[string]int{}}
	for _, j := range batch {
		if j.foresee != nil {
			j.foresee(&f)
		}
		if j.arrival != nil {
			f.add("deliveries", 1)
		}
	}
	t.ahead.lone = len(batch) == 1
	foreseen, err := t.keep(f.asks)
	if err != nil {
		return err
	}
	asks := append(more, foreseen...)
	for table, n := range f.keys {
		asks = append(asks, t.takeKeys(table, n))
	}
	if len(t.kinds)+len(t.shelves)+len(t.targets) == 0 {
		asks = append(asks, t.dictionaries()...)
	}
	return t.ask(ctx, asks)
}

// keep has asks keep their rows until they are asked for.
func (t *tx) keep(asks []ask) ([]ask, error) {
	for i := range asks {
		a := &asks[i]
		bound, err := t.bind(a.args)
		if err != nil {
			return nil, err
		}
		name := askName(a.text, bound)
		a.take = func(rows driver.Rows) error {
			t.ahead.ready[name] = foreseenRows{rows, a.others}
			return nil
		}
	}
	return asks, nil
}

// foreseeMore reads, in the midst of a transaction over a network, what its job has come
// to foresee.
func (t *tx) foreseeMore(ctx context.Context, foresee func(*foresight)) error {
	if !t.remote() {
		return nil
	}
	var f foresight
	foresee(&f)
	asks, err := t.keep(f.asks)
	if err != nil {
		return err
	}
	return t.ask(ctx, asks)
}

func (t *tx) takeKeys(table string, n int) ask {
	return all("SELECT nextval('"+table+"_seq') FROM generate_series(1, ?)", []any{n}, keyColumn, func(keys []int64) error {
		t.ahead.keys[table] = append(t.ahead.keys[table], keys...)
		return nil
	})
}

// key returns a key for a new row.
func (t *tx) key(ctx context.Context, table string) (int64, error) {
	if len(t.ahead.keys[table]) == 0 {
		if err := t.ask(ctx, []ask{t.takeKeys(table, 1)}); err != nil {
			return 0, err
		}
	}
	keys := t.ahead.keys[table]
	t.ahead.keys[table] = keys[1:]
	return keys[0], nil
}

// dictionaries reads the numbers of kinds, shelves and targets.
func (t *tx) dictionaries() []ask {
	type numbered struct {
		id                    int64
		url                   string
		provider, env, status string
	}
	return []ask{
		all(t.db.tables.kinds.selects(""), nil, kindColumns, func(rows []kindRow) error {
			for _, k := range rows {
				t.kinds[k.kind] = k.id
			}
			return nil
		}),
		all("SELECT id, provider, environment, status FROM shelves", nil, func(n *numbered, to []column) []column {
			return append(to, column{"", (*integer)(&n.id)}, column{"", (*text)(&n.provider)}, column{"", (*text)(&n.env)}, column{"", (*text)(&n.status)})
		}, func(rows []numbered) error {
			for _, n := range rows {
				t.shelves[shelf{payment.ProviderID(n.provider), payment.Environment(n.env), payment.Status(n.status)}] = n.id
			}
			return nil
		}),
		all("SELECT id, url FROM targets", nil, func(n *numbered, to []column) []column {
			return append(to, column{"", (*integer)(&n.id)}, column{"", (*text)(&n.url)})
		}, func(rows []numbered) error {
			for _, n := range rows {
				t.targets[n.url] = n.id
			}
			return nil
		}),
	}
}

// number returns the number of an entry of a dictionary, making it where it is missing.
// Over a network that is a transaction of its own: those who make the same at once would
// wait for each other's whole batch.
func (t *tx) number(ctx context.Context, insert string, insertArgs []any, find string, args []any) (id int64, err error) {
	if !t.remote() {
		if err := t.exec(ctx, insert, insertArgs...); err != nil {
			return 0, err
		}
		return id, t.row(ctx, find, args, &id)
	}
	bound, err := t.bind(insertArgs)
	if err != nil {
		return 0, err
	}
	first := append([]driver.NamedValue(nil), bound...)
	if bound, err = t.bind(args); err != nil {
		return 0, err
	}
	rows, err := t.ahead.conn.Aside(ctx, insert, first, find, bound)
	if err != nil {
		return 0, err
	}
	found, err := scanAll(newTxRows(rows), keyColumn)
	if err == nil && len(found) != 1 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return 0, err
	}
	return found[0], nil
}

// foreseen returns the rows of a query that was foreseen, once; nil for any other.
func (t *tx) foreseen(query string, bound []driver.NamedValue) driver.Rows {
	if len(t.ahead.ready) == 0 {
		return nil
	}
	name := askName(query, bound)
	rows, found := t.ahead.ready[name]
	if !found {
		return nil
	}
	delete(t.ahead.ready, name)
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

// wrote notes that a statement changes something: what was read of its table is void.
func (t *tx) wrote(query string) {
	t.writes++
	if len(t.ahead.ready) == 0 {
		return
	}
	table := written(query)
	for name, rows := range t.ahead.ready {
		if rows.others && t.ahead.lone {
			continue
		}
		if text, _, _ := strings.Cut(name, "\x00"); strings.Contains(text, table) {
			delete(t.ahead.ready, name)
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
