package store

import (
	"context"
	"maps"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// kind is what a delivery is, for filters and counts. The ledger numbers the
// kinds as they appear.
type kind struct {
	provider  payment.ProviderID
	route     string
	event     string
	verdict   payment.Verdict
	status    payment.Status
	duplicate bool
}

// mostKinds bounds the dictionary: some event names are made of words that
// providers may add to. Beyond it, events are otherEvent.
const (
	mostKinds     = 1000
	mostKindText  = 64
	otherEvent    = "other"
	otherProvider = "other"
)

// kindID returns the number of a kind, making one where needed.
func (t *tx) kindID(ctx context.Context, k kind) (int64, error) {
	if id, ok := t.kinds[k]; ok {
		return id, nil
	}
	if len(k.provider) > mostKindText {
		k.provider = otherProvider
	}
	if len(k.route) > mostKindText {
		k.route = k.route[:mostKindText]
	}
	var known int
	if err := t.row(ctx, "SELECT count(*) FROM kinds", nil, &known); err != nil {
		return 0, err
	}
	if len(k.event) > mostKindText || known >= mostKinds {
		k.event = otherEvent
	}
	if !k.status.Valid() {
		k.status = ""
	}
	args := []any{string(k.provider), k.route, k.event, string(k.verdict), string(k.status), boolInt(k.duplicate)}
	_, err := t.exec(ctx, `INSERT INTO kinds (provider, route, event, verdict, status, duplicate)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (provider, route, event, verdict, status, duplicate) DO NOTHING`, args...)
	if err != nil {
		return 0, err
	}
	var id int64
	err = t.row(ctx, `SELECT id FROM kinds
		WHERE provider = ? AND route = ? AND event = ? AND verdict = ? AND status = ? AND duplicate = ?`, args, &id)
	if err != nil {
		return 0, err
	}
	t.kinds[k] = id
	return id, nil
}

// shelf is where a deposit stands among the others; like kinds, shelves are
// numbered, so that the index of the lists compares numbers.
type shelf struct {
	provider    payment.ProviderID
	environment payment.Environment
	status      payment.Status
}

func shelfOf(d payment.Deposit) shelf {
	return shelf{provider: d.Provider, environment: d.Environment, status: d.Status}
}

func (t *tx) shelfID(ctx context.Context, h shelf) (int64, error) {
	if id, ok := t.shelves[h]; ok {
		return id, nil
	}
	args := []any{string(h.provider), string(h.environment), string(h.status)}
	_, err := t.exec(ctx, `INSERT INTO shelves (provider, environment, status) VALUES (?, ?, ?)
		ON CONFLICT (provider, environment, status) DO NOTHING`, args...)
	if err != nil {
		return 0, err
	}
	var id int64
	if err := t.row(ctx, "SELECT id FROM shelves WHERE provider = ? AND environment = ? AND status = ?", args, &id); err != nil {
		return 0, err
	}
	t.shelves[h] = id
	return id, nil
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// count is a number of rows and their bytes, or their amount.
type count struct{ n, sum int64 }

// depositCell is one cell of the deposits' statistics.
type depositCell struct {
	day         int64
	provider    payment.ProviderID
	environment payment.Environment
	currency    payment.Currency
	status      payment.Status
}

type dailyCell struct{ day, kind int64 }

// tally gathers what a transaction adds to the counts, so that a batch of a
// thousand rows writes a handful of them.
type tally struct {
	dropped  map[int64]count
	daily    map[dailyCell]count
	deposits map[depositCell]count
}

func newTally() tally {
	return tally{dropped: map[int64]count{}, daily: map[dailyCell]count{}, deposits: map[depositCell]count{}}
}

func (y *tally) clear() {
	clear(y.dropped)
	clear(y.daily)
	clear(y.deposits)
}

func (y *tally) clone() tally {
	return tally{dropped: maps.Clone(y.dropped), daily: maps.Clone(y.daily), deposits: maps.Clone(y.deposits)}
}

func add[K comparable](m map[K]count, key K, n, sum int64) {
	c := m[key]
	m[key] = count{n: c.n + n, sum: c.sum + sum}
}

// eatOffset is in seconds: days are the operator's days, whatever the machine's
// zone (reference/daraja.md §11 row 16).
const eatOffset = int64(timing.EATOffset / time.Second)

const microsPerSecond = 1_000_000

// dayOf numbers days in East African time since 1970.
func dayOf(atMicros int64) int64 {
	seconds := atMicros/microsPerSecond + eatOffset
	if day := seconds / 86400; seconds >= 0 || seconds%86400 == 0 {
		return day
	}
	return seconds/86400 - 1
}

// settle writes the counts of a transaction and keeps junk within its bounds.
func (t *tx) settle(ctx context.Context) error {
	if err := t.writeTally(ctx); err != nil {
		return err
	}
	if err := t.boundQuarantine(ctx); err != nil {
		return err
	}
	return t.writeTally(ctx)
}

func (t *tx) writeTally(ctx context.Context) error {
	for kind, c := range t.tally.dropped {
		_, err := t.exec(ctx, `INSERT INTO dropped (kind, n, bytes) VALUES (?, ?, ?)
			ON CONFLICT (kind) DO UPDATE SET n = dropped.n + excluded.n, bytes = dropped.bytes + excluded.bytes`,
			kind, c.n, c.sum)
		if err != nil {
			return err
		}
	}
	for cell, c := range t.tally.daily {
		_, err := t.exec(ctx, `INSERT INTO daily (day, kind, n, bytes) VALUES (?, ?, ?, ?)
			ON CONFLICT (day, kind) DO UPDATE SET n = daily.n + excluded.n, bytes = daily.bytes + excluded.bytes`,
			cell.day, cell.kind, c.n, c.sum)
		if err != nil {
			return err
		}
	}
	for cell, c := range t.tally.deposits {
		_, err := t.exec(ctx, `INSERT INTO deposit_daily (day, provider, environment, currency, status, n, amount)
			VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, provider, environment, currency, status)
			DO UPDATE SET n = deposit_daily.n + excluded.n, amount = deposit_daily.amount + excluded.amount`,
			cell.day, string(cell.provider), string(cell.environment), string(cell.currency), string(cell.status), c.n, c.sum)
		if err != nil {
			return err
		}
	}
	t.tally.clear()
	return nil
}
