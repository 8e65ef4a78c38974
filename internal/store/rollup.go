package store

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// settledCell is one cell of the statistics of final deposits.
type settledCell struct {
	hour        int64
	provider    payment.ProviderID
	environment payment.Environment
	currency    payment.Currency
	status      payment.Status
	decidedBy   payment.Source
	code        string
	bucket      int64
	called      calledBack
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

func (t *tx) countWallet(w *walletTransaction, n int64) {
	add(t.tally.wallet, walletCell{
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
func settleBounds() [24]int64 {
	return [24]int64{1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 180, 300, 600, 1800, 3600}
}

func bucketOf(seconds int64) int64 {
	n := int64(0)
	for _, bound := range settleBounds() {
		if seconds >= bound {
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

// settledOf returns the cell that a deposit is counted in; false while it is undecided.
func settledOf(d *depositRow) (settledCell, bool) {
	if !d.Status.Final() {
		return settledCell{}, false
	}
	from, to := d.SentAt, d.PaidAt
	if from.IsZero() {
		from = d.CreatedAt
	}
	if to.IsZero() {
		to = d.UpdatedAt
	}
	cell := settledCell{
		hour: hourOf(micros(d.CreatedAt)), provider: d.Provider, environment: d.Environment, currency: d.Amount.Currency(),
		status: d.Status, decidedBy: d.DecidedBy, bucket: bucketOf((micros(to) - micros(from)) / microsPerSecond), called: d.expected(),
	}
	if d.Failure != nil {
		cell.code = d.Failure.Code[:min(len(d.Failure.Code), mostCode)]
	}
	return cell, true
}

// countSettled moves a deposit from the cell that it was counted in to its new one.
func (t *tx) countSettled(before, after *depositRow) {
	was, counted := settledOf(before)
	is, counts := settledOf(after)
	if was == is && before.Amount == after.Amount {
		return
	}
	if counted {
		add(t.tally.settled, was, -1, -before.Amount.Minor())
	}
	if counts {
		add(t.tally.settled, is, 1, after.Amount.Minor())
	}
}

func (t *tx) writeRollups(ctx context.Context) error {
	for cell, c := range t.tally.settled {
		if c == (count{}) {
			continue
		}
		err := t.count(ctx, "settled", []string{"hour", "provider", "environment", "currency", "status", "decided_by", "code", "bucket", "called"}, []string{"n", "amount"},
			cell.hour, string(cell.provider), string(cell.environment), string(cell.currency), string(cell.status),
			string(cell.decidedBy), cell.code, cell.bucket, int64(cell.called), c.n, c.sum)
		if err != nil {
			return err
		}
	}
	for cell, c := range t.tally.wallet {
		if c == (count{}) {
			continue
		}
		err := t.count(ctx, "wallet_hourly", []string{"hour", "provider", "currency", "status", "direction"}, []string{"n", "amount"},
			cell.hour, string(cell.provider), string(cell.currency), string(cell.status), cell.direction, c.n, c.sum)
		if err != nil {
			return err
		}
	}
	for cell, c := range t.tally.attempts {
		err := t.count(ctx, "attempt_daily", []string{"day", "taken"}, []string{"n"}, cell.day, boolInt(cell.taken), c.n)
		if err != nil {
			return err
		}
	}
	return nil
}

// Rollups reads counts that were kept while rows came in: they cost the same
// whatever the ledger's size.
type Rollups struct{ *database }

// Settled counts final deposits of an hour.
type Settled struct {
	Hour      time.Time
	Provider  payment.ProviderID
	Status    payment.Status
	Currency  payment.Currency
	DecidedBy payment.Source
	Code      string
	// From and To bound the time to settle; To is zero in the last bucket.
	From, To time.Duration
	// Late says that the callback came when the prompt was over, Lost that none came.
	Late, Lost bool
	N          int64
	Amount     int64
}

// Settled returns the counts of final deposits that were asked for between two times,
// by whole hours.
func (h *Rollups) Settled(ctx context.Context, env payment.Environment, from, to time.Time) ([]Settled, error) {
	rows, err := h.query(ctx, `SELECT hour, provider, status, currency, decided_by, code, bucket, called, n, amount FROM settled
		WHERE hour >= ? AND hour <= ? AND environment = ? AND n > 0`, hourOf(micros(from)), hourOf(micros(to)), string(env))
	if err != nil {
		return nil, h.kinded("read the statistics", err)
	}
	defer func() { _ = rows.Close() }()
	bounds := settleBounds()
	var out []Settled
	for rows.Next() {
		var s Settled
		var hour, bucket, called int64
		var provider, status, currency, by string
		if err := rows.Scan(&hour, &provider, &status, &currency, &by, &s.Code, &bucket, &called, &s.N, &s.Amount); err != nil {
			return nil, h.kinded("read the statistics", err)
		}
		s.Hour, s.Provider, s.Status = startOfHour(hour), payment.ProviderID(provider), payment.Status(status)
		s.Currency, s.DecidedBy = payment.Currency(currency), payment.Source(by)
		s.Late, s.Lost = calledBack(called) == calledLate, calledBack(called) == neverCalled
		if bucket > 0 && bucket <= int64(len(bounds)) {
			s.From = time.Duration(bounds[bucket-1]) * time.Second
		}
		if bucket < int64(len(bounds)) {
			s.To = time.Duration(bounds[bucket]) * time.Second
		}
		out = append(out, s)
	}
	return out, h.kinded("read the statistics", rows.Err())
}

// Undecided counts undecided deposits of an hour.
type Undecided struct {
	Hour     time.Time
	Provider payment.ProviderID
	Status   payment.Status
	// Late and Lost are Settled's; a callback is lost when the prompt has been over for
	// as long as it lasted.
	Late, Lost bool
	N          int64
}

// Undecided returns the counts of undecided deposits as of now: they are few, and read
// one by one.
func (h *Rollups) Undecided(ctx context.Context, env payment.Environment, from, to, now time.Time) ([]Undecided, error) {
	rows, err := h.query(ctx, `SELECT s.provider, s.status, (d.created_at / 1000000 + 10800) / 3600 AS hour,
			CASE WHEN d.called_back > 0 THEN d.called_back WHEN d.provider_id <> '' AND d.adopted = 0 AND d.expires_at < ? THEN 0 ELSE 3 END AS called, count(*)
		FROM shelves AS s JOIN deposits AS d ON d.shelf = s.id
		WHERE s.environment = ? AND s.status IN ('CREATED', 'UNKNOWN', 'PENDING') AND d.created_at >= ? AND d.created_at < ?
		GROUP BY s.provider, s.status, hour, called`,
		micros(now.Add(-payment.PromptLifetime)), string(env), micros(startOfHour(hourOf(micros(from)))), micros(startOfHour(hourOf(micros(to))+1)))
	if err != nil {
		return nil, h.kinded("read the statistics", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Undecided
	for rows.Next() {
		var o Undecided
		var provider, status string
		var hour, called int64
		if err := rows.Scan(&provider, &status, &hour, &called, &o.N); err != nil {
			return nil, h.kinded("read the statistics", err)
		}
		o.Hour, o.Provider, o.Status = startOfHour(hour), payment.ProviderID(provider), payment.Status(status)
		o.Late, o.Lost = calledBack(called) == calledLate, calledBack(called) == neverCalled
		out = append(out, o)
	}
	return out, h.kinded("read the statistics", rows.Err())
}

// Arrived counts deliveries of a day.
type Arrived struct {
	Day       time.Time
	Provider  payment.ProviderID
	Verdict   payment.Verdict
	Duplicate bool
	N         int64
}

// Arrived returns the counts of deliveries of the days from one time to another.
func (h *Rollups) Arrived(ctx context.Context, from, to time.Time) ([]Arrived, error) {
	rows, err := h.query(ctx, `SELECT d.day, k.provider, k.verdict, k.duplicate, CAST(sum(d.n) AS BIGINT) FROM daily AS d JOIN kinds AS k ON k.id = d.kind
		WHERE d.day >= ? AND d.day <= ? GROUP BY d.day, k.provider, k.verdict, k.duplicate`, dayOf(micros(from)), dayOf(micros(to)))
	if err != nil {
		return nil, h.kinded("read the statistics", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Arrived
	for rows.Next() {
		var a Arrived
		var provider, verdict string
		var day, duplicate int64
		if err := rows.Scan(&day, &provider, &verdict, &duplicate, &a.N); err != nil {
			return nil, h.kinded("read the statistics", err)
		}
		a.Day, a.Provider, a.Verdict, a.Duplicate = startOfDay(day), payment.ProviderID(provider), payment.Verdict(verdict), duplicate != 0
		out = append(out, a)
	}
	return out, h.kinded("read the statistics", rows.Err())
}

// WalletMoved counts transactions of a provider's wallets of an hour.
type WalletMoved struct {
	Hour     time.Time
	Provider payment.ProviderID
	Currency payment.Currency
	// Status is "" where no delivery stated one.
	Status payment.Status
	// Direction is "credit", "debit", or "" where no delivery said so.
	Direction string
	N         int64
	Amount    int64
}

// Wallets returns the counts of wallets' transactions that were first heard of between
// two times, by whole hours.
func (h *Rollups) Wallets(ctx context.Context, from, to time.Time) ([]WalletMoved, error) {
	rows, err := h.query(ctx, `SELECT hour, provider, currency, status, direction, n, amount FROM wallet_hourly
		WHERE hour >= ? AND hour <= ? AND n > 0`, hourOf(micros(from)), hourOf(micros(to)))
	if err != nil {
		return nil, h.kinded("read the statistics", err)
	}
	defer func() { _ = rows.Close() }()
	var out []WalletMoved
	for rows.Next() {
		var w WalletMoved
		var hour int64
		var provider, currency, status string
		if err := rows.Scan(&hour, &provider, &currency, &status, &w.Direction, &w.N, &w.Amount); err != nil {
			return nil, h.kinded("read the statistics", err)
		}
		w.Hour, w.Provider = startOfHour(hour), payment.ProviderID(provider)
		w.Currency, w.Status = payment.Currency(currency), payment.Status(status)
		out = append(out, w)
	}
	return out, h.kinded("read the statistics", rows.Err())
}

// Forwarded is what became of forwards.
type Forwarded struct{ Taken, Refused, Waiting, Dead int64 }

// Forwarded returns the attempts of the days from one time to another, and what waits
// now.
func (h *Rollups) Forwarded(ctx context.Context, from, to time.Time) (f Forwarded, err error) {
	rows, err := h.query(ctx, `SELECT CAST(coalesce(sum(CASE WHEN taken = 1 THEN n END), 0) AS BIGINT),
		CAST(coalesce(sum(CASE WHEN taken = 0 THEN n END), 0) AS BIGINT),
		(SELECT count(*) FROM forwards WHERE state = ?), (SELECT count(*) FROM forwards WHERE state = ?)
		FROM attempt_daily WHERE day >= ? AND day <= ?`,
		string(ForwardWaiting), string(ForwardDead), dayOf(micros(from)), dayOf(micros(to)))
	if err != nil {
		return f, h.kinded("read the statistics", err)
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		err = rows.Scan(&f.Taken, &f.Refused, &f.Waiting, &f.Dead)
	}
	if err == nil {
		err = rows.Err()
	}
	return f, h.kinded("read the statistics", err)
}

// Back is money that was given back of a deposit.
type Back struct {
	// Asked is when the deposit was asked for.
	Asked    time.Time
	Provider payment.ProviderID
	Amount   payment.Amount
}

// Back returns the deposits asked for between two times that were given back.
func (h *Rollups) Back(ctx context.Context, env payment.Environment, from, to time.Time) ([]Back, error) {
	rows, err := h.query(ctx, `SELECT created_at, provider, amount, currency, reversal FROM deposits
		WHERE reversal <> '' AND created_at >= ? AND created_at < ? AND environment = ?`,
		micros(startOfHour(hourOf(micros(from)))), micros(startOfHour(hourOf(micros(to))+1)), string(env))
	if err != nil {
		return nil, h.kinded("read the statistics", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Back
	for rows.Next() {
		var at, amount int64
		var provider, currency string
		var r reversal
		if err := rows.Scan(&at, &provider, &amount, &currency, &r); err != nil {
			return nil, h.kinded("read the statistics", err)
		}
		if r.Status == payment.StatusCompleted {
			out = append(out, Back{fromMicros(at), payment.ProviderID(provider), payment.AmountOf(amount, payment.Currency(currency))})
		}
	}
	return out, h.kinded("read the statistics", rows.Err())
}
