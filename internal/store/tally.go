package store

import (
	"context"
	"maps"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

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
	outcomes map[outcomeCell]count
	times    map[timeCell]count
	bands    map[bandCell]count
	attempts map[attemptCell]count
	wallet   map[walletCell]count
}

func newTally() tally {
	return tally{
		dropped: map[int64]count{}, daily: map[dailyCell]count{}, deposits: map[depositCell]count{},
		outcomes: map[outcomeCell]count{}, times: map[timeCell]count{}, bands: map[bandCell]count{}, attempts: map[attemptCell]count{}, wallet: map[walletCell]count{},
	}
}

func (y *tally) clear() {
	clear(y.dropped)
	clear(y.daily)
	clear(y.deposits)
	clear(y.outcomes)
	clear(y.times)
	clear(y.bands)
	clear(y.attempts)
	clear(y.wallet)
}

func (y *tally) clone() tally {
	return tally{
		dropped: maps.Clone(y.dropped), daily: maps.Clone(y.daily), deposits: maps.Clone(y.deposits),
		outcomes: maps.Clone(y.outcomes), times: maps.Clone(y.times), bands: maps.Clone(y.bands), attempts: maps.Clone(y.attempts), wallet: maps.Clone(y.wallet),
	}
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
	if err := t.tally.write(ctx, t); err != nil {
		return err
	}
	if err := t.prune.bound(ctx); err != nil {
		return err
	}
	return t.tally.write(ctx, t)
}

// write adds the counts to those that are stored.
func (y *tally) write(ctx context.Context, t *tx) error {
	out := cells{}
	put(out, "dropped", y.dropped, func(kind int64) []any { return []any{kind} })
	put(out, "daily", y.daily, func(k dailyCell) []any { return []any{k.day, k.kind} })
	put(out, "deposit_daily", y.deposits, func(k depositCell) []any {
		return []any{k.day, string(k.provider), string(k.environment), string(k.currency), string(k.status)}
	})
	if !t.db.noRollups {
		y.putRollups(out)
	}
	y.clear()
	return t.saveCounts(ctx, out)
}

// put adds what a transaction counted to the cells of a table; what came out even is left
// alone.
func put[K comparable](out cells, table string, counted map[K]count, keys func(K) []any) {
	for cell, c := range counted {
		if c != (count{}) {
			out[table] = append(out[table], append(keys(cell), c.n, c.sum))
		}
	}
}
