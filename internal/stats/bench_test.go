package stats

import (
	"os"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// BenchmarkStats counts a week and ninety days of the ledger at PAYCTL_BENCH_LEDGER, which
// internal/store's BenchmarkLarge makes (five million deliveries, say). The baseline counts
// a week by reading its deposits one by one.
func BenchmarkStats(b *testing.B) {
	path := os.Getenv("PAYCTL_BENCH_LEDGER")
	if path == "" {
		b.Skip("PAYCTL_BENCH_LEDGER names no ledger")
	}
	s, err := store.Open(b.Context(), store.Options{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	end := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	for _, bc := range []struct {
		name string
		days int
		by   By
	}{{"week", 7, ByNothing}, {"week/by=hour", 7, ByHour}, {"week/by=reason", 7, ByReason}, {"week/by=amount", 7, ByAmount}, {"ninety_days", 90, ByNothing}} {
		b.Run(bc.name, func(b *testing.B) {
			for b.Loop() {
				r, err := Run(b.Context(), s.Rollups, Input{
					Environment: payment.Local, Since: end.AddDate(0, 0, -bc.days), Until: end, By: bc.by, Now: end,
				})
				if err != nil {
					b.Fatal(err)
				}
				if r.Asked() == 0 || r.Deliveries.Total == 0 {
					b.Fatalf("nothing was counted: %+v", r)
				}
			}
		})
	}
	b.Run("baseline/week_row_by_row", func(b *testing.B) {
		for b.Loop() {
			n := 0
			scope := store.BookScope{Provider: payment.Daraja, Environment: payment.Local}
			if err := s.Books.Between(b.Context(), scope, end.AddDate(0, 0, -7), end, func(store.BookRow) error { n++; return nil }); err != nil {
				b.Fatal(err)
			}
			if n == 0 {
				b.Fatal("nothing was read")
			}
		}
	})
}
