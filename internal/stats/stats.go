// Package stats counts what became of payments over a time: how many were asked for and
// paid, why the others failed, how long it took and what decided it. It reads rollups
// that the ledger keeps while rows come in, so that its cost does not grow with the
// ledger. It asks nobody and changes nothing.
package stats

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
)

// Rollups are the ledger's; *store.Rollups is one.
type Rollups interface {
	Settled(ctx context.Context, env payment.Environment, from, to time.Time, hourly bool) ([]store.Settled, error)
	Times(ctx context.Context, env payment.Environment, from, to time.Time) ([]store.Took, error)
	Bands(ctx context.Context, env payment.Environment, currency payment.Currency, from, to time.Time) ([]store.Band, error)
	Undecided(ctx context.Context, env payment.Environment, from, to, now time.Time) ([]store.Undecided, error)
	Awaited(ctx context.Context, env payment.Environment, from, to, now time.Time) (int64, error)
	Wallets(ctx context.Context, from, to time.Time) ([]store.WalletMoved, error)
	Arrived(ctx context.Context, from, to time.Time) ([]store.Arrived, error)
	Forwarded(ctx context.Context, from, to time.Time) (store.Forwarded, error)
	Back(ctx context.Context, env payment.Environment, from, to time.Time) ([]store.Back, error)
}

// By says what is told apart.
type By string

// The groupings.
const (
	ByNothing  By = ""
	ByHour     By = "hour"
	ByDay      By = "day"
	ByProvider By = "provider"
	ByReason   By = "reason"
	ByAmount   By = "amount"
)

// Groupings lists what --by takes.
func Groupings() []string {
	return []string{string(ByHour), string(ByDay), string(ByProvider), string(ByReason), string(ByAmount)}
}

// Input says what is counted. Since and Until are taken as whole hours, deliveries and
// forwards as whole days of East Africa.
type Input struct {
	Environment  payment.Environment
	Since, Until time.Time
	By           By
	Now          time.Time
	// Zone is where the hours and days of groups begin; nil is East Africa's, whose days
	// the ledger keeps: those of another zone are put together from hours.
	Zone *time.Location
	// Meaning says what a code of a provider means, "" if nobody knows.
	Meaning func(p payment.ProviderID, code string) string
}

// Run counts.
func Run(ctx context.Context, rollups Rollups, in Input) (*Report, error) {
	if in.Zone == nil {
		in.Zone = timing.EAT()
	}
	settled, err := rollups.Settled(ctx, in.Environment, in.Since, in.Until, in.By == ByHour || !in.keptDays())
	if err != nil {
		return nil, err
	}
	open, err := rollups.Undecided(ctx, in.Environment, in.Since, in.Until, in.Now)
	if err != nil {
		return nil, err
	}
	back, err := rollups.Back(ctx, in.Environment, in.Since, in.Until)
	if err != nil {
		return nil, err
	}
	r := &Report{Since: in.Since, Until: in.Until, By: in.By, Currency: mainCurrency(settled), DecidedBy: map[string]int64{}, Verdicts: map[payment.Verdict]int64{}}
	t := tally{report: r, in: in, groups: map[string]*Group{}, days: map[string]*Group{}, reasons: map[reasonKey]int64{}}
	for i := range settled {
		t.settled(&settled[i])
	}
	for i := range open {
		t.count(open[i].Hour, open[i].Provider, "", Counts{Undecided: open[i].N})
		r.Deliveries.note(open[i].Late, open[i].Lost, open[i].N)
	}
	awaited, err := rollups.Awaited(ctx, in.Environment, in.Since, in.Until, in.Now)
	if err != nil {
		return nil, err
	}
	r.Deliveries.Lost = max(0, r.Deliveries.Lost-awaited)
	for i := range back {
		if back[i].Amount.Currency() == r.Currency {
			t.count(back[i].Asked, back[i].Provider, "", Counts{Reversed: back[i].Amount.Minor()})
		}
	}
	if err := t.arrived(ctx, rollups); err != nil {
		return nil, err
	}
	if in.By == ByAmount {
		if err := t.bands(ctx, rollups, back); err != nil {
			return nil, err
		}
	}
	if r.Buckets, err = rollups.Times(ctx, in.Environment, in.Since, in.Until); err != nil {
		return nil, err
	}
	t.finish()
	return r, nil
}

// keptDays reports whether the zone's days are those of East Africa throughout.
func (in *Input) keptDays() bool {
	for at := in.Since; at.Before(in.Until.Add(24 * time.Hour)); at = at.Add(24 * time.Hour) {
		if _, offset := at.In(in.Zone).Zone(); offset != int(timing.EATOffset/time.Second) {
			return false
		}
	}
	return true
}

// mainCurrency is the one with the most payments.
func mainCurrency(settled []store.Settled) payment.Currency {
	n := map[payment.Currency]int64{}
	for _, s := range settled {
		n[s.Currency] += s.N
	}
	best := payment.KES
	for c := range n {
		if n[c] > n[best] || n[c] == n[best] && c < best {
			best = c
		}
	}
	return best
}

type reasonKey struct {
	provider payment.ProviderID
	code     string
}

// tally gathers a report.
type tally struct {
	report       *Report
	in           Input
	groups, days map[string]*Group
	reasons      map[reasonKey]int64
}

func (t *tally) settled(s *store.Settled) {
	c := Counts{Failed: s.N}
	if s.Status == payment.StatusCompleted {
		c = Counts{Completed: s.N}
		if s.Currency == t.report.Currency {
			c.Amount = s.Amount
		}
	}
	t.count(s.Hour, s.Provider, s.Code, c)
	t.report.DecidedBy[decidedBy(s.DecidedBy)] += s.N
	if s.Status == payment.StatusFailed {
		t.reasons[reasonKey{s.Provider, s.Code}] += s.N
	}
	t.report.Deliveries.note(s.Late, s.Lost, s.N)
}

func (d *Deliveries) note(late, lost bool, n int64) {
	if late {
		d.Late += n
	}
	if lost {
		d.Lost += n
	}
}

// decidedBy folds the finer sources into the contract's.
func decidedBy(s payment.Source) string {
	if s == payment.SourceTransaction || s == payment.SourceAnswer {
		return string(payment.SourceQuery)
	}
	return string(s)
}

// count adds to the whole, to the day, and to the group.
func (t *tally) count(at time.Time, p payment.ProviderID, code string, c Counts) {
	t.report.add(c)
	local := at.In(t.in.Zone)
	group(t.days, local.Format(time.DateOnly)).add(c)
	switch t.in.By {
	case ByHour:
		group(t.groups, local.Format("2006-01-02 15:04")).add(c)
	case ByDay:
		group(t.groups, local.Format(time.DateOnly)).add(c)
	case ByProvider:
		group(t.groups, string(p)).add(c)
	case ByReason:
		if c.Failed > 0 {
			g := group(t.groups, cmp.Or(code, "none"))
			g.add(c)
			g.Meaning = t.meaning(p, code)
		}
	case ByAmount, ByNothing:
	}
}

func group(m map[string]*Group, key string) *Group {
	g := m[key]
	if g == nil {
		g = &Group{Key: key}
		m[key] = g
	}
	return g
}

func (t *tally) meaning(p payment.ProviderID, code string) string {
	if code == "" {
		return "no code was given"
	}
	if t.in.Meaning == nil {
		return ""
	}
	return t.in.Meaning(p, code)
}

func (t *tally) arrived(ctx context.Context, rollups Rollups) error {
	arrived, err := rollups.Arrived(ctx, t.in.Since, t.in.Until)
	if err != nil {
		return err
	}
	for _, a := range arrived {
		d := &t.report.Deliveries
		d.Total += a.N
		t.report.Verdicts[a.Verdict] += a.N
		if a.Duplicate {
			d.Duplicated += a.N
		}
		if a.Verdict != payment.VerdictValid && a.Verdict != payment.VerdictUnsigned {
			d.Unbelieved += a.N
		}
	}
	if t.report.Forwards, err = rollups.Forwarded(ctx, t.in.Since, t.in.Until); err != nil {
		return err
	}
	moved, err := rollups.Wallets(ctx, t.in.Since, t.in.Until)
	for i := range moved {
		t.wallet(&moved[i])
	}
	return err
}

func (t *tally) wallet(m *store.WalletMoved) {
	r := t.report
	at := slices.IndexFunc(r.Wallets, func(w Wallet) bool { return w.Provider == m.Provider && w.Currency == m.Currency })
	if at < 0 {
		at = len(r.Wallets)
		r.Wallets = append(r.Wallets, Wallet{Provider: m.Provider, Currency: m.Currency})
	}
	w := &r.Wallets[at]
	switch m.Status {
	case payment.StatusCompleted:
		w.Completed += m.N
		switch m.Direction {
		case "credit":
			w.In += m.Amount
		case "debit":
			w.Out += m.Amount
		default:
			w.Unstated += m.Amount
		}
	case payment.StatusFailed:
		w.Failed += m.N
	case payment.StatusCreated, payment.StatusPending, payment.StatusUnknown:
		w.Undecided += m.N
	default: // none was stated
		w.Undecided += m.N
	}
}

// band names the group of amounts that reach so many of the bounds, so that names sort
// as amounts do.
func band(reached int) string {
	bounds, low := store.AmountBounds(), int64(0)
	if reached > 0 {
		low = bounds[reached-1] / 100
	}
	if reached == len(bounds) {
		return fmt.Sprintf("%7d and more", low)
	}
	return fmt.Sprintf("%7d - %d", low, bounds[reached]/100)
}

func (t *tally) bands(ctx context.Context, rollups Rollups, back []store.Back) error {
	found, err := rollups.Bands(ctx, t.in.Environment, t.report.Currency, t.in.Since, t.in.Until)
	for _, b := range found {
		c := Counts{Undecided: b.N}
		switch b.Status {
		case payment.StatusCompleted:
			c = Counts{Completed: b.N, Amount: b.Amount}
		case payment.StatusFailed:
			c = Counts{Failed: b.N}
		case payment.StatusCreated, payment.StatusUnknown, payment.StatusPending:
		}
		group(t.groups, band(b.Reached)).add(c)
	}
	for _, b := range back {
		if b.Amount.Currency() == t.report.Currency {
			minor := b.Amount.Minor()
			reached, _ := slices.BinarySearch(store.AmountBounds(), minor+1)
			group(t.groups, band(reached)).add(Counts{Reversed: minor})
		}
	}
	return err
}

func (t *tally) finish() {
	r := t.report
	r.Groups, r.Days = ordered(t.groups), ordered(t.days)
	slices.SortFunc(r.Wallets, func(a, b Wallet) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Currency, b.Currency))
	})
	if t.in.By == ByReason {
		slices.SortStableFunc(r.Groups, func(a, b Group) int { return cmp.Compare(b.Failed, a.Failed) })
	}
	for i := range r.Groups {
		r.Groups[i].Key = strings.TrimSpace(r.Groups[i].Key)
	}
	for k, n := range t.reasons {
		r.Reasons = append(r.Reasons, Reason{k.provider, k.code, t.meaning(k.provider, k.code), n})
	}
	slices.SortFunc(r.Reasons, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Provider, b.Provider))
	})
	r.P50, r.HasSettle = percentile(r.Buckets, 0.50)
	r.P95, _ = percentile(r.Buckets, 0.95)
	r.P99, _ = percentile(r.Buckets, 0.99)
}

func ordered(m map[string]*Group) []Group {
	out := make([]Group, 0, len(m))
	for _, g := range m {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b Group) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// percentile finds the time within which a share of the payments was decided, between
// the bounds of its bucket in proportion.
func percentile(buckets []store.Took, share float64) (time.Duration, bool) {
	total := int64(0)
	for _, b := range buckets {
		total += b.N
	}
	if total == 0 {
		return 0, false
	}
	rank := share * float64(total)
	seen := int64(0)
	for _, b := range buckets {
		if float64(seen+b.N) < rank {
			seen += b.N
			continue
		}
		if b.To == 0 {
			return b.From, true // the last bucket has no end
		}
		inside := (rank - float64(seen)) / float64(b.N)
		return b.From + time.Duration(inside*float64(b.To-b.From)).Round(100*time.Millisecond), true
	}
	return 0, true
}
