package store

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// flatTurns is how often each read is timed, in the small and the large ledger in turn.
const flatTurns = 60

// BenchmarkFlat shows how much longer reads take in a ledger of benchRows deliveries than
// in one of a twentieth of them; the target is 1.5.
func BenchmarkFlat(b *testing.B) {
	n := benchRows(b)
	ctx := b.Context()
	small, large := flatLedger(b, n/20), flatLedger(b, n)
	worst := 0.0
	for _, read := range flatReads() {
		ratio := compareFlat(b, func() error { return read.run(ctx, small, n/20) }, func() error { return read.run(ctx, large, n) })
		b.ReportMetric(ratio, read.name+"-x")
		worst = max(worst, ratio)
	}
	open := func(s *Store) func() error {
		return func() error {
			again, err := Open(ctx, Options{Path: s.Path()})
			if err != nil {
				return err
			}
			return again.Close()
		}
	}
	opened := compareFlat(b, open(small), open(large))
	b.ReportMetric(opened, "open-x")
	b.ReportMetric(max(worst, opened), "worst-x")
	b.ReportMetric(0, "ns/op")
}

func flatLedger(b *testing.B, n int) *Store {
	b.Helper()
	path := filepath.Join(b.TempDir(), fmt.Sprint(n, ".db"))
	if err := makeLarge(b, path, n).Close(); err != nil { // and what it has logged is in the file
		b.Fatal(err)
	}
	return makeLarge(b, path, n)
}

// compareFlat returns how much longer the second takes than the first, by their medians.
func compareFlat(b *testing.B, small, large func() error) float64 {
	b.Helper()
	var took [2][]time.Duration
	for turn := range flatTurns + 1 {
		for i, do := range []func() error{small, large} {
			began := time.Now()
			if err := do(); err != nil {
				b.Fatal(err)
			}
			if turn > 0 { // the first fills the caches
				took[i] = append(took[i], time.Since(began))
			}
		}
	}
	slices.Sort(took[0])
	slices.Sort(took[1])
	return float64(took[1][flatTurns/2]) / float64(took[0][flatTurns/2])
}

type flatRead struct {
	name string
	run  func(ctx context.Context, s *Store, n int) error
}

// flatReads are what verbs ask of a ledger: lists and their pages, one payment with all
// that came about it, the statistics, what a reconciliation asks about a page of receipts,
// and a pruning that finds nothing old.
func flatReads() []flatRead {
	filter := func(f DeliveryFilter) func(context.Context, *Store, int) error {
		return func(ctx context.Context, s *Store, _ int) error {
			f.Limit = 50
			_, _, err := s.Deliveries.List(ctx, f)
			return err
		}
	}
	from := largeEnd.Add(-largeSpan)
	return []flatRead{
		{"list", filter(DeliveryFilter{})},
		{"page", func(ctx context.Context, s *Store, n int) error {
			_, _, err := s.Deliveries.List(ctx, DeliveryFilter{Limit: 50, Cursor: position{at: micros(largeTime(n/2, n)), seq: int64(n / 2)}.cursor()})
			return err
		}},
		{"filtered", filter(DeliveryFilter{Provider: payment.Daraja, Event: "stk.failed", Statuses: []payment.Status{payment.StatusFailed}})},
		{"deposits", func(ctx context.Context, s *Store, _ int) error {
			_, _, err := s.Deposits.List(ctx, DepositFilter{Limit: 50, Statuses: []payment.Status{payment.StatusCompleted}})
			return err
		}},
		{"trace", func(ctx context.Context, s *Store, n int) error {
			found, err := s.Deposits.Find(ctx, checkoutID(int64(n/2/20*20)))
			if err != nil || len(found) == 0 {
				return fmt.Errorf("%d found: %w", len(found), err)
			}
			_, _, err = s.Deliveries.List(ctx, DeliveryFilter{Limit: 50, DepositID: found[0].ID})
			return err
		}},
		{"stats", func(ctx context.Context, s *Store, _ int) error {
			_, err := s.Rollups.Settled(ctx, payment.Local, from, largeEnd, false)
			return err
		}},
		{"ledger-stats", func(ctx context.Context, s *Store, _ int) error { _, err := s.Stats(ctx, time.Time{}); return err }},
		{"reconcile", func(ctx context.Context, s *Store, n int) error {
			receipts := make([]string, 100)
			for i := range receipts {
				receipts[i] = fmt.Sprintf("UK%08X", uint64(n/2+i)*2654435761%(1<<32))
			}
			return s.Books.WithReceipts(ctx, BookScope{Provider: payment.Daraja, Environment: payment.Local}, receipts, func(BookRow) error { return nil })
		}},
		{"prune", func(ctx context.Context, s *Store, _ int) error { _, err := s.Prune(ctx, from); return err }},
	}
}
