package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/payctl/payctl/internal/payment"
)

// dictionaries are the numbers that the ledger has given to kinds, shelves and targets, as
// far as they are known.
type dictionaries struct {
	tx      *tx
	kinds   map[kind]int64
	shelves map[shelf]int64
	targets map[string]int64
}

func newDictionaries(t *tx) dictionaries {
	return dictionaries{tx: t, kinds: map[kind]int64{}, shelves: map[shelf]int64{}, targets: map[string]int64{}}
}

// forget drops the numbers, which a transaction that failed may have made.
func (d *dictionaries) forget() {
	clear(d.kinds)
	clear(d.shelves)
	clear(d.targets)
}

// asks reads the numbers of kinds, shelves and targets.
func (d *dictionaries) asks() []ask {
	type numbered struct {
		id                    int64
		url                   string
		provider, env, status string
	}
	return []ask{
		all(d.tx.db.tables.kinds.selects(""), nil, kindColumns, func(rows []kindRow) error {
			for _, k := range rows {
				d.kinds[k.kind] = k.id
			}
			return nil
		}),
		all("SELECT id, provider, environment, status FROM shelves", nil, func(n *numbered, to []column) []column {
			return append(to, column{"", (*integer)(&n.id)}, column{"", (*text)(&n.provider)}, column{"", (*text)(&n.env)}, column{"", (*text)(&n.status)})
		}, func(rows []numbered) error {
			for _, n := range rows {
				d.shelves[shelf{payment.ProviderID(n.provider), payment.Environment(n.env), payment.Status(n.status)}] = n.id
			}
			return nil
		}),
		all("SELECT id, url FROM targets", nil, func(n *numbered, to []column) []column {
			return append(to, column{"", (*integer)(&n.id)}, column{"", (*text)(&n.url)})
		}, func(rows []numbered) error {
			for _, n := range rows {
				d.targets[n.url] = n.id
			}
			return nil
		}),
	}
}

// number returns the number of an entry of a dictionary, making it where it is missing.
// Over a network that is a transaction of its own: those who make the same at once would
// wait for each other's whole batch.
func (d *dictionaries) number(ctx context.Context, insert string, insertArgs []any, find string, args []any) (id int64, err error) {
	if !d.tx.remote() {
		if err := d.tx.exec(ctx, insert, insertArgs...); err != nil {
			return 0, err
		}
		return id, d.tx.row(ctx, find, args, &id)
	}
	bound, err := d.tx.bind(insertArgs)
	if err != nil {
		return 0, err
	}
	first := append([]driver.NamedValue(nil), bound...)
	if bound, err = d.tx.bind(args); err != nil {
		return 0, err
	}
	rows, err := d.tx.ahead.conn.Aside(ctx, insert, first, find, bound)
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

const sqlTarget = "SELECT id FROM targets WHERE url = ?"

// target returns the number of a target, making one where needed.
func (d *dictionaries) target(ctx context.Context, url string) (int64, error) {
	if id, ok := d.targets[url]; ok {
		return id, nil
	}
	var id int64
	err := sql.ErrNoRows
	if !d.tx.remote() {
		err = d.tx.row(ctx, sqlTarget, []any{url}, &id)
	}
	if errors.Is(err, sql.ErrNoRows) {
		id, err = d.number(ctx, "INSERT INTO targets (url) VALUES (?) ON CONFLICT (url) DO NOTHING", []any{url}, sqlTarget, []any{url})
	}
	if err == nil {
		d.targets[url] = id
	}
	return id, err
}
