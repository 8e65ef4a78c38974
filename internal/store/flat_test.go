package store

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// flatTurns is how often each read is timed, in the small and the large ledger in turn.
const flatTurns = 60

// flatRows are the deliveries of the two ledgers. The small one has as much in each of its
// ninety days as answers are long, so that those of the large one are no longer.
func flatRows(b *testing.B) (small, large int) {
	b.Helper()
	large = max(benchRows(b), 100_000)
	return max(large/100, 10_000), large
}

// BenchmarkFlat shows how much longer reads take in a large ledger than in a small one, as
// answers of the same length: of the clock's time and of the processors'; the target is 1.5.
// It makes 100,000 deliveries beside 10,000; PAYCTL_BENCH_ROWS=10000000 with
// PAYCTL_BENCH_LEDGER=FILE makes ten million beside 100,000 there, once, and keeps them (8 GB).
// Both are read from memory: each read has been made before it is timed.
func BenchmarkFlat(b *testing.B) {
	n, m := flatRows(b)
	small, large := flatLedger(b, filepath.Join(b.TempDir(), "small.db"), n), flatLedger(b, largePath(b), m)
	type named struct {
		name         string
		small, large func() error
	}
	var reads []named
	inLarge := flatReads(b, large, m)
	for i, read := range flatReads(b, small, n) {
		reads = append(reads, named{read.name, read.run, inLarge[i].run})
	}
	reads = append(reads, named{"open", openAndRead(b, small), openAndRead(b, large)})
	worst, worstCPU := 0.0, 0.0
	for _, read := range reads {
		b.Run(read.name, func(b *testing.B) {
			c := compareFlat(b, read.small, read.large)
			worst, worstCPU = max(worst, c.x), max(worstCPU, c.cpu)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(c.x, "x")
			b.ReportMetric(c.cpu, "cpu-x")
			b.ReportMetric(float64(c.large.Microseconds()), "µs/op")
		})
	}
	b.Run("worst", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(worst, "x")
		b.ReportMetric(worstCPU, "cpu-x")
	})
}

func flatLedger(b *testing.B, path string, n int) *Store {
	b.Helper()
	s := makeLarge(b, path, n)
	largeTroubles(b, s)
	largeOthers(b, s)
	if err := s.Close(); err != nil { // and what it has logged is in the file
		b.Fatal(err)
	}
	return makeLarge(b, path, n)
}

// openAndRead opens a ledger again and asks it for a page.
func openAndRead(b *testing.B, s *Store) func() error {
	ctx := b.Context()
	return func() error {
		again, err := Open(ctx, Options{Path: s.Path()})
		if err != nil {
			return err
		}
		defer func() { _ = again.Close() }()
		_, _, err = again.Deposits.List(ctx, DepositFilter{Limit: 50})
		return err
	}
}

// flatCost is how much longer a read takes in the large ledger, and how long.
type flatCost struct {
	x, cpu float64
	large  time.Duration
}

// compareFlat takes the lower quartile, which other programs on the machine disturb least.
func compareFlat(b *testing.B, small, large func() error) flatCost {
	b.Helper()
	var took, cpu [2][]time.Duration
	for turn := range flatTurns + 1 {
		for i, do := range []func() error{small, large} {
			began, used := time.Now(), cpuTime()
			if err := do(); err != nil {
				b.Fatal(err)
			}
			if turn > 0 { // the first fills the caches
				took[i], cpu[i] = append(took[i], time.Since(began)), append(cpu[i], cpuTime()-used)
			}
		}
	}
	quartile := func(list []time.Duration) float64 {
		slices.Sort(list)
		return float64(max(list[len(list)/4], 1))
	}
	return flatCost{quartile(took[1]) / quartile(took[0]), quartile(cpu[1]) / quartile(cpu[0]), time.Duration(quartile(took[1]))}
}

type flatRead struct {
	name string
	run  func() error
}

// flatReads are what verbs ask of a ledger of n deliveries: lists with each of their filters
// and their pages, one payment by each of its names with all that came about it, the
// statistics, what a reconciliation asks, and a pruning's choice.
func flatReads(b *testing.B, s *Store, n int) []flatRead {
	b.Helper()
	return slices.Concat(flatDeliveries(b, s, n), flatDeposits(b, s, n), flatOthers(b, s), flatCounts(b, s, n), flatTrace(b, s, n), flatBooks(b, s, n))
}

func flatDeliveries(b *testing.B, s *Store, n int) []flatRead {
	b.Helper()
	ctx, many := b.Context(), mustPhone(b, benchPhone(100))
	middle := position{at: micros(largeTime(n/2, n)), seq: int64(n / 2)}.cursor()
	tenDays := DeliveryFilter{Since: largeEnd.AddDate(0, 0, -50), Until: largeEnd.AddDate(0, 0, -40)}
	var out []flatRead
	list := func(name string, f DeliveryFilter) {
		f.Limit = 50
		out = append(out, flatRead{"deliveries/" + name, func() error {
			found, _, err := s.Deliveries.List(ctx, f)
			return sized(err, len(found), 50)
		}})
	}
	list("all", DeliveryFilter{})
	list("page", DeliveryFilter{Cursor: middle})
	list("provider", DeliveryFilter{Provider: payment.Daraja})
	list("event", DeliveryFilter{Event: "c2b.*"})
	list("verdict", DeliveryFilter{Verdicts: []payment.Verdict{payment.VerdictMismatch}})
	list("status", DeliveryFilter{Statuses: []payment.Status{payment.StatusFailed}})
	list("first", DeliveryFilter{OnlyFirst: true})
	list("days", tenDays)
	tenDays.Event = "stk.failed"
	list("event_days", tenDays)
	tenDays.Cursor = position{at: micros(largeEnd.AddDate(0, 0, -41)), seq: int64(n)}.cursor()
	list("event_days_page", tenDays)
	list("failed", DeliveryFilter{Failed: true})
	list("failed_event", DeliveryFilter{Failed: true, Event: "c2b.confirmation"})
	list("phone", DeliveryFilter{Phone: many})
	list("phone_verdict", DeliveryFilter{Phone: many, Verdicts: []payment.Verdict{payment.VerdictMismatch}})
	out = append(out, flatRead{"deliveries/phone_failed_none", func() error {
		found, _, err := s.Deliveries.List(ctx, DeliveryFilter{Phone: many, Failed: true, Limit: 50})
		return sized(err, len(found), 0)
	}}, flatRead{"deliveries/count_all", func() error {
		found, err := s.Deliveries.Count(ctx, DeliveryFilter{}, 5000)
		return sized(err, found, 5000)
	}})
	return out
}

func flatDeposits(b *testing.B, s *Store, n int) []flatRead {
	b.Helper()
	ctx := b.Context()
	var out []flatRead
	list := func(name string, want int, f DepositFilter) {
		f.Limit = 50
		out = append(out, flatRead{"deposits/" + name, func() error {
			found, _, err := s.Deposits.List(ctx, f)
			return sized(err, len(found), want)
		}})
	}
	list("all", 50, DepositFilter{})
	list("page", 50, DepositFilter{Cursor: position{at: micros(largeTime(n/2, n)), seq: int64(n / 4)}.cursor()})
	list("provider", 50, DepositFilter{Provider: payment.Daraja, Environment: payment.Local})
	list("days", 50, DepositFilter{Since: largeEnd.AddDate(0, 0, -50), Until: largeEnd.AddDate(0, 0, -40)})
	for _, status := range []payment.Status{payment.StatusPending, payment.StatusCompleted, payment.StatusFailed} {
		list(strings.ToLower(string(status)), 50, DepositFilter{Statuses: []payment.Status{status}})
	}
	middle := flatMiddle(b, s, n)
	list("reference", 1, DepositFilter{Reference: middle.Reference})
	list("receipt", 1, DepositFilter{Receipt: middle.Receipt})
	list("phone_none", 0, DepositFilter{Phone: mustPhone(b, "0799999999")})
	list("unknown", 0, DepositFilter{Statuses: []payment.Status{payment.StatusUnknown}})
	list("conflict", 0, DepositFilter{Conflict: true})
	list("reference_none", 0, DepositFilter{Reference: "none"})
	count := func(name string, f DepositFilter) {
		out = append(out, flatRead{"deposits/count_" + name, func() error {
			found, err := s.Deposits.Count(ctx, f, 1000)
			return sized(err, found, 1000)
		}})
	}
	count("all", DepositFilter{})
	count("completed", DepositFilter{Statuses: []payment.Status{payment.StatusCompleted}})
	return out
}

func flatOthers(b *testing.B, s *Store) []flatRead {
	b.Helper()
	ctx := b.Context()
	list := func(name string, f QueryFilter) flatRead {
		return flatRead{name, func() error {
			f.Limit = 50
			found, _, err := s.Queries.List(ctx, f)
			return sized(err, len(found), 50)
		}}
	}
	return []flatRead{
		list("queries/all", QueryFilter{}),
		list("queries/kind", QueryFilter{Kind: "transaction_status"}),
		list("queries/status", QueryFilter{Status: QueryAnswered}),
		{"wallet", func() error {
			found, err := s.Books.Wallet(ctx, payment.Sevi, "", 50)
			return sized(err, len(found), 50)
		}},
		{"wallet_status", func() error {
			found, err := s.Books.Wallet(ctx, payment.Sevi, payment.StatusCompleted, 50)
			return sized(err, len(found), 50)
		}},
		{"queue", func() error {
			found, err := s.Forwards.Queue(ctx, 50)
			return sized(err, len(found), 50)
		}},
		{"queue_waiting", func() error { _, err := s.Forwards.Waiting(ctx); return err }},
		{"queue_dead", func() error {
			found, err := s.Forwards.List(ctx, ForwardDead, 50)
			return sized(err, len(found), 50)
		}},
	}
}

func flatCounts(b *testing.B, s *Store, n int) []flatRead {
	b.Helper()
	ctx := b.Context()
	// newest is the hour from which on a table has so many counts, which are what is read.
	newest := func(table string, counts int) time.Time {
		var hour int64
		if err := s.read.QueryRowContext(ctx, "SELECT hour FROM "+table+" ORDER BY hour DESC LIMIT 1 OFFSET ?", counts).Scan(&hour); err != nil {
			b.Fatal(err)
		}
		return startOfHour(hour)
	}
	outcomes, bands := newest("outcomes", 1000), newest("amount_bands", 2500)
	stats := func(name string, days int) flatRead {
		return flatRead{"stats/" + name, func() error { return readStats(ctx, s, days) }}
	}
	return []flatRead{
		stats("day", 1), stats("week", 7), stats("ninety_days", 90),
		{"stats/hourly", func() error { _, err := s.Rollups.Settled(ctx, payment.Local, outcomes, largeEnd, true); return err }},
		{"stats/bands", func() error { _, err := s.Rollups.Bands(ctx, payment.Local, payment.KES, bands, largeEnd); return err }},
		{"ledger_stats", func() error { _, err := s.Stats(ctx, time.Time{}); return err }},
		{"prune/nothing", func() error { _, err := s.Prune(ctx, largeEnd.Add(-largeSpan)); return err }},
		{"prune/choice", func() error {
			return s.do(ctx, "choose", func(ctx context.Context, t *tx) error {
				kinds, err := s.tables.kinds.all(ctx, s, "")
				for _, k := range kinds {
					if err == nil {
						_, _, err = t.prune.candidates(ctx, k, position{at: micros(largeTime(n/2, n))}, largeEnd)
					}
				}
				return err
			})
		}},
	}
}

// flatMiddle is a payment in the middle of the ledger.
func flatMiddle(b *testing.B, s *Store, n int) payment.Deposit {
	b.Helper()
	found, err := s.Deposits.Find(b.Context(), checkoutID(int64(n/2/40*40)))
	if err != nil || len(found) != 1 {
		b.Fatal(len(found), err)
	}
	return found[0]
}

// flatTrace follows that payment, found by each of its names.
func flatTrace(b *testing.B, s *Store, n int) []flatRead {
	b.Helper()
	ctx, d := b.Context(), flatMiddle(b, s, n)
	var out []flatRead
	for _, name := range []struct{ name, id string }{
		{"id", d.ID},
		{"reference", d.Reference},
		{"provider_id", d.ProviderID},
		{"merchant_request", d.MerchantRequestID},
		{"receipt", d.Receipt},
		{"key", d.IdempotencyKey},
	} {
		out = append(out, flatRead{"trace/" + name.name, func() error {
			found, err := s.Deposits.Find(ctx, name.id)
			if err != nil || len(found) != 1 {
				return sized(err, len(found), 1)
			}
			return readTrace(ctx, s, found[0])
		}})
	}
	return append(out, flatRead{"trace/nothing", func() error {
		found, err := s.Deposits.Find(ctx, "nothing")
		if err == nil {
			_, err = s.Queries.Find(ctx, "nothing")
		}
		return sized(err, len(found), 0)
	}}, flatRead{"repeats", func() error {
		_, err := s.Deposits.RecentSends(ctx, d.Phone, payment.Amount{}, largeEnd.AddDate(0, 0, -1))
		return err
	}})
}

// readTrace reads what package trace does about a deposit.
func readTrace(ctx context.Context, s *Store, d payment.Deposit) error {
	err := s.Deliveries.Each(ctx, DeliveryFilter{DepositID: d.ID}, func(v StoredDelivery) error {
		_, err := s.Deliveries.Attempts(ctx, v.ID)
		return err
	})
	for _, read := range []func() error{
		func() error { _, err := s.Queries.OfDeposit(ctx, d.ID); return err },
		func() error { _, err := s.Deliveries.OfReceipt(ctx, d.Provider, d.Receipt); return err },
		func() error { _, err := s.Queries.Find(ctx, d.Receipt); return err },
		func() error { _, err := s.Deposits.History(ctx, d.ID); return err },
		func() error { _, err := s.Actions.Of(ctx, d.ID); return err },
		func() error { _, err := s.Deposits.Doubts(ctx, d.ID); return err },
	} {
		if err == nil {
			err = read()
		}
	}
	return err
}

// flatBooks is what a reconciliation asks: 4,000 receipts, and 2,000 deliveries' time.
func flatBooks(b *testing.B, s *Store, n int) []flatRead {
	b.Helper()
	ctx, scope := b.Context(), BookScope{Provider: payment.Daraja, Environment: payment.Local}
	receipts, next := make([]string, 4000), 0
	count := func(rows *int) func(BookRow) error { return func(BookRow) error { *rows++; return nil } }
	return []flatRead{
		{"reconcile/receipts", func() error {
			for i := range receipts {
				receipts[i] = largeReceipt(next%n, n)
				next++
			}
			rows := 0
			return sizedAbout(s.Books.WithReceipts(ctx, scope, receipts, count(&rows)), rows, 1925)
		}},
		{"reconcile/period", func() error {
			rows := 0
			return sizedAbout(s.Books.Between(ctx, scope, largeTime(n/2, n), largeTime(n/2+2000, n), count(&rows)), rows, 1900)
		}},
	}
}

// sized is an error unless an answer is as long as in every ledger.
func sized(err error, got, want int) error {
	if err == nil && got != want {
		err = fmt.Errorf("%d rows, not %d", got, want)
	}
	return err
}

// sizedAbout lets it differ by a tenth.
func sizedAbout(err error, got, want int) error {
	if err == nil && (got < want*9/10 || got > want*11/10) {
		err = fmt.Errorf("%d rows, not about %d", got, want)
	}
	return err
}
