package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Rollups reads counts that were kept while rows came in: they cost the same
// whatever the ledger's size.
type Rollups struct{ *database }

// Settled counts final deposits of an hour, or of a day in East African time.
type Settled struct {
	Hour      time.Time
	Provider  payment.ProviderID
	Status    payment.Status
	Currency  payment.Currency
	DecidedBy payment.Source
	Code      string
	// Late says that the callback came when the prompt was over, Lost that none came.
	Late, Lost bool
	N          int64
	Amount     int64
}

// span is the hours of a question: those before and after the whole days between them.
type span struct{ from, day, untilDay, to int64 }

// spanOf returns the span of the hours from one time to another. The day that a time lies
// in is not whole.
func spanOf(from, to time.Time) span {
	s := span{from: hourOf(micros(from)), to: hourOf(micros(to))}
	if s.day, s.untilDay = (s.from+23)/24, s.to/24; s.day > s.untilDay {
		s.day, s.untilDay = s.from/24, s.from/24
	}
	return s
}

// sqlSpan reads counts of a span: by the hour at its ends, by the day between them. Its
// arguments are those of args.
func (h *Rollups) sqlSpan(columns, hours, days string) string {
	hours, days = h.counted(hours), h.counted(days)
	return "(SELECT hour / 24 AS step, " + columns + " FROM " + hours + " WHERE hour >= ? AND hour < ? AND environment = ? UNION ALL SELECT hour / 24, " +
		columns + " FROM " + hours + " WHERE hour >= ? AND hour <= ? AND environment = ? UNION ALL SELECT day, " +
		columns + " FROM " + days + " WHERE day >= ? AND day < ? AND environment = ?) AS counts"
}

func (s span) args(env payment.Environment) []any {
	e := string(env)
	return []any{s.from, min(s.day*24, s.to+1), e, max(s.untilDay*24, s.from), s.to, e, s.day, s.untilDay, e}
}

// Settled returns the counts of final deposits that were asked for between two times, by
// whole hours. Those of a day are one unless hourly is wanted.
func (h *Rollups) Settled(ctx context.Context, env payment.Environment, from, to time.Time, hourly bool) ([]Settled, error) {
	const cell = "provider, status, currency, decided_by, code, called"
	step, source, args := int64(24), h.sqlSpan(cell+", n, amount", "outcomes", "outcome_days"), spanOf(from, to).args(env)
	if hourly {
		step, source = 1, "(SELECT hour AS step, "+cell+", n, amount FROM "+h.counted("outcomes")+" WHERE hour >= ? AND hour <= ? AND environment = ?) AS counts"
		args = []any{hourOf(micros(from)), hourOf(micros(to)), string(env)}
	}
	rows, err := h.query(ctx, "SELECT step, "+cell+", CAST(sum(n) AS BIGINT), CAST(sum(amount) AS BIGINT) FROM "+source+
		" GROUP BY step, "+cell+" HAVING sum(n) > 0", args...)
	if err != nil {
		return nil, h.kinded("read the statistics", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Settled
	for rows.Next() {
		var s Settled
		var hour, called int64
		var provider, status, currency, by string
		if err := rows.Scan(&hour, &provider, &status, &currency, &by, &s.Code, &called, &s.N, &s.Amount); err != nil {
			return nil, h.kinded("read the statistics", err)
		}
		s.Hour, s.Provider, s.Status = startOfHour(hour*step), payment.ProviderID(provider), payment.Status(status)
		s.Currency, s.DecidedBy = payment.Currency(currency), payment.Source(by)
		s.Late, s.Lost = calledBack(called) == calledLate, calledBack(called) == neverCalled
		out = append(out, s)
	}
	return out, h.kinded("read the statistics", rows.Err())
}

// Took counts final deposits that took between From and To, which is 0 for without end.
type Took struct {
	From, To time.Duration
	N        int64
}

// Times returns how long the final deposits took that were asked for between two times,
// by whole hours, the fastest first.
func (h *Rollups) Times(ctx context.Context, env payment.Environment, from, to time.Time) ([]Took, error) {
	bounds := settleBounds()
	var out []Took
	err := h.numbers(ctx, "SELECT bucket, CAST(sum(n) AS BIGINT), CAST(0 AS BIGINT) FROM "+h.sqlSpan("bucket, n", "settle_times", "settle_days")+
		" GROUP BY bucket HAVING sum(n) > 0 ORDER BY bucket", func(bucket int64, c count) {
		t := Took{N: c.n}
		if bucket > 0 {
			t.From = time.Duration(bounds[min(bucket, int64(len(bounds)))-1]) * time.Second
		}
		if bucket < int64(len(bounds)) {
			t.To = time.Duration(bounds[bucket]) * time.Second
		}
		out = append(out, t)
	}, spanOf(from, to).args(env)...)
	return out, err
}

// Band counts the deposits of a status whose amount reaches so many of AmountBounds.
type Band struct {
	Reached   int
	Status    payment.Status
	N, Amount int64
}

// Bands returns the counts of deposits of a currency that were asked for between two
// times, by whole hours.
func (h *Rollups) Bands(ctx context.Context, env payment.Environment, currency payment.Currency, from, to time.Time) ([]Band, error) {
	rows, err := h.query(ctx, `SELECT band, status, CAST(sum(n) AS BIGINT), CAST(sum(amount) AS BIGINT) FROM `+h.counted("amount_bands")+`
		WHERE hour >= ? AND hour <= ? AND environment = ? AND currency = ? GROUP BY status, band HAVING sum(n) > 0`,
		hourOf(micros(from)), hourOf(micros(to)), string(env), string(currency))
	if err != nil {
		return nil, h.kinded("read the statistics", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Band
	for rows.Next() {
		var b Band
		var status string
		if err := rows.Scan(&b.Reached, &status, &b.N, &b.Amount); err != nil {
			return nil, h.kinded("read the statistics", err)
		}
		b.Status = payment.Status(status)
		out = append(out, b)
	}
	order := payment.Statuses()
	slices.SortFunc(out, func(a, b Band) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Status), slices.Index(order, b.Status)), cmp.Compare(a.Reached, b.Reached))
	})
	return out, h.kinded("read the statistics", rows.Err())
}

// numbers calls each with a number and its counts.
func (h *Rollups) numbers(ctx context.Context, query string, each func(int64, count), args ...any) error {
	rows, err := h.query(ctx, query, args...)
	if err != nil {
		return h.kinded("read the statistics", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key int64
		var c count
		if err := rows.Scan(&key, &c.n, &c.sum); err != nil {
			return h.kinded("read the statistics", err)
		}
		each(key, c)
	}
	return h.kinded("read the statistics", rows.Err())
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

// sqlUndecided reads the undecided deposits of some states, and which callbacks are lost.
func sqlUndecided(states, expected string) string {
	return `SELECT s.provider, s.status, (d.created_at / 1000000 + 10800) / 3600 AS hour,
			CASE WHEN d.called_back > 0 THEN d.called_back WHEN d.adopted = 0 AND d.expires_at < ?` + expected + ` THEN 0 ELSE 3 END AS called
		FROM shelves AS s JOIN deposits AS d ON d.shelf = s.id
		WHERE s.environment = ? AND ` + states + ` AND d.created_at >= ? AND d.created_at < ?`
}

// Undecided returns the counts of undecided deposits as of now: they are few, and read
// one by one. Of pending ones, which have the provider's id, the list's index is enough.
func (h *Rollups) Undecided(ctx context.Context, env payment.Environment, from, to, now time.Time) ([]Undecided, error) {
	asked := []any{
		micros(now.Add(-payment.PromptLifetime)), string(env), micros(startOfHour(hourOf(micros(from)))), micros(startOfHour(hourOf(micros(to)) + 1)),
	}
	rows, err := h.query(ctx, "SELECT provider, status, hour, called, count(*) FROM ("+sqlUndecided("s.status = 'PENDING'", "")+
		" UNION ALL "+sqlUndecided("s.status IN ('CREATED', 'UNKNOWN')", " AND d.provider_id <> ''")+
		") AS d GROUP BY provider, status, hour, called", slices.Concat(asked, asked)...)
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
	rows, err := h.query(ctx, `SELECT d.day, k.provider, k.verdict, k.duplicate, CAST(sum(d.n) AS BIGINT) FROM `+h.counted("daily")+` AS d JOIN kinds AS k ON k.id = d.kind
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
	rows, err := h.query(ctx, `SELECT hour, provider, currency, status, direction, CAST(sum(n) AS BIGINT), CAST(sum(amount) AS BIGINT)
		FROM `+h.counted("wallet_hourly")+` AS w WHERE hour >= ? AND hour <= ? GROUP BY hour, provider, currency, status, direction HAVING sum(n) > 0`, hourOf(micros(from)), hourOf(micros(to)))
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
		FROM `+h.counted("attempt_daily")+` AS a WHERE day >= ? AND day <= ?`,
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
