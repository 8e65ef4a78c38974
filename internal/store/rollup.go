package store

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// outcomeCell is one cell of the statistics of final deposits.
type outcomeCell struct {
	hour        int64
	provider    payment.ProviderID
	environment payment.Environment
	currency    payment.Currency
	status      payment.Status
	decidedBy   payment.Source
	code        string
	called      calledBack
}

// timeCell is one cell of the times that final deposits took.
type timeCell struct {
	hour        int64
	environment payment.Environment
	bucket      int64
}

// bandCell is one cell of the statistics of amounts.
type bandCell struct {
	hour        int64
	environment payment.Environment
	currency    payment.Currency
	status      payment.Status
	band        int64
}

// calledBack says whether a deposit's own callback ever came.
type calledBack int64

// The stored values; notCalled is of the statistics alone.
const (
	neverCalled calledBack = iota
	calledInTime
	calledLate
	// notCalled is a deposit that nobody was to call back about.
	notCalled
)

// hears notes that a callback which is believed came, the first of them alone: one that
// says PENDING is none yet.
func (d *depositRow) hears(e *payment.Event, at time.Time) {
	if d.calledBack != neverCalled || e.Status == payment.StatusPending {
		return
	}
	from := d.SentAt
	if from.IsZero() {
		from = d.CreatedAt
	}
	if d.calledBack = calledInTime; at.Sub(from) > payment.PromptLifetime {
		d.calledBack = calledLate
	}
}

// expected is called, or notCalled where no callback was to be expected.
func (d *depositRow) expected() calledBack {
	never := d.Adopted || d.SentAt.IsZero() || d.ProviderID == "" || d.DecidedBy == payment.SourceAnswer
	if d.calledBack == neverCalled && never {
		return notCalled
	}
	return d.calledBack
}

// walletCell is one cell of the statistics of wallets' transactions.
type walletCell struct {
	hour      int64
	provider  payment.ProviderID
	currency  payment.Currency
	status    payment.Status
	direction string
}

func (y *tally) addWallet(w *walletTransaction, n int64) {
	add(y.wallet, walletCell{
		hour: hourOf(micros(w.createdAt)), provider: w.provider, currency: w.amount.Currency(), status: w.status, direction: w.direction,
	}, n, n*w.amount.Minor())
}

// attemptCell is one cell of the statistics of forwards.
type attemptCell struct {
	day   int64
	taken bool
}

// settleBounds are the seconds between the buckets in which the time to settle is
// counted; the migration that made the table has them too.
func settleBounds() []int64 {
	return []int64{1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 180, 300, 600, 1800, 3600}
}

// AmountBounds are the amounts between the bands in which amounts are counted, in cents;
// the migration that made the table has them too.
func AmountBounds() []int64 {
	return []int64{100_00, 500_00, 1000_00, 5000_00, 10_000_00, 50_000_00, 150_000_00}
}

// reached is how many of the bounds a value reaches.
func reached(bounds []int64, value int64) int64 {
	n := int64(0)
	for _, bound := range bounds {
		if value >= bound {
			n++
		}
	}
	return n
}

// mostCode bounds what is kept of a code, so that no provider can fill the table.
const mostCode = 32

// hourOf numbers hours in East African time since 1970.
func hourOf(atMicros int64) int64 {
	seconds := atMicros/microsPerSecond + eatOffset
	if hour := seconds / 3600; seconds >= 0 || seconds%3600 == 0 {
		return hour
	}
	return seconds/3600 - 1
}

func startOfHour(hour int64) time.Time { return time.Unix(hour*3600-eatOffset, 0).UTC() }

// settledOf returns the cells that a deposit is counted in; false while it is undecided.
func settledOf(d *depositRow) (outcomeCell, timeCell, bool) {
	if !d.Status.Final() {
		return outcomeCell{}, timeCell{}, false
	}
	from, to := d.SentAt, d.PaidAt
	if from.IsZero() {
		from = d.CreatedAt
	}
	if to.IsZero() {
		to = d.UpdatedAt
	}
	outcome := outcomeCell{
		hour: hourOf(micros(d.CreatedAt)), provider: d.Provider, environment: d.Environment, currency: d.Amount.Currency(),
		status: d.Status, decidedBy: d.DecidedBy, called: d.expected(),
	}
	if d.Failure != nil {
		outcome.code = d.Failure.Code[:min(len(d.Failure.Code), mostCode)]
	}
	return outcome, timeCell{outcome.hour, d.Environment, reached(settleBounds(), (micros(to)-micros(from))/microsPerSecond)}, true
}

// settled moves a deposit from the cells that it was counted in to its new ones.
func (y *tally) settled(before, after *depositRow) {
	was, took, counted := settledOf(before)
	is, takes, counts := settledOf(after)
	if counted {
		add(y.outcomes, was, -1, -before.Amount.Minor())
		add(y.times, took, -1, 0)
	}
	if counts {
		add(y.outcomes, is, 1, after.Amount.Minor())
		add(y.times, takes, 1, 0)
	}
}

// band counts n deposits of the amount and status of one.
func (y *tally) band(d *depositRow, n int64) {
	cell := bandCell{hourOf(micros(d.CreatedAt)), d.Environment, d.Amount.Currency(), d.Status, reached(AmountBounds(), d.Amount.Minor())}
	add(y.bands, cell, n, n*d.Amount.Minor())
}

// putRollups adds the statistics that a transaction changed to its cells.
func (y *tally) putRollups(out cells) {
	outcome := func(k outcomeCell) []any {
		return []any{k.hour, string(k.provider), string(k.environment), string(k.currency), string(k.status), string(k.decidedBy), clean(k.code), int64(k.called)}
	}
	took := func(k timeCell) []any { return []any{k.hour, string(k.environment), k.bucket} }
	put(out, "outcomes", y.outcomes, outcome)
	put(out, "outcome_days", byDay(y.outcomes, func(k *outcomeCell) { k.hour /= 24 }), outcome)
	put(out, "settle_times", y.times, took)
	put(out, "settle_days", byDay(y.times, func(k *timeCell) { k.hour /= 24 }), took)
	put(out, "amount_bands", y.bands, func(k bandCell) []any {
		return []any{k.hour, string(k.environment), string(k.currency), string(k.status), k.band}
	})
	put(out, "wallet_hourly", y.wallet, func(k walletCell) []any {
		return []any{k.hour, string(k.provider), string(k.currency), string(k.status), k.direction}
	})
	put(out, "attempt_daily", y.attempts, func(k attemptCell) []any { return []any{k.day, boolInt(k.taken)} })
}

// byDay adds up cells of hours to cells of days, which day makes them.
func byDay[K comparable](hours map[K]count, day func(*K)) map[K]count {
	out := make(map[K]count, len(hours))
	for k, c := range hours {
		day(&k)
		add(out, k, c.n, c.sum)
	}
	return out
}
