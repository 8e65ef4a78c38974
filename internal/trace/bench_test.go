package trace

import (
	"os"
	"testing"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// BenchmarkTrace gathers a payment in the middle of the ledger at PAYCTL_BENCH_LEDGER,
// which internal/store's BenchmarkLarge makes (five million deliveries, say). The baseline
// is the list of the newest fifty deliveries.
func BenchmarkTrace(b *testing.B) {
	path := os.Getenv("PAYCTL_BENCH_LEDGER")
	if path == "" {
		b.Skip("PAYCTL_BENCH_LEDGER names no ledger")
	}
	s, err := store.Open(b.Context(), store.Options{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	page, _, err := s.Deposits.List(b.Context(), store.DepositFilter{Statuses: []payment.Status{payment.StatusCompleted}, Limit: 1})
	if err != nil || len(page) == 0 {
		b.Fatalf("no deposit: %v", err)
	}
	ledger := Ledger{Deposits: s.Deposits, Deliveries: s.Deliveries, Queries: s.Queries, Actions: s.Actions}
	b.Run("payment", func(b *testing.B) {
		for b.Loop() {
			t, err := Run(b.Context(), ledger, Input{Deposit: &page[0], ID: page[0].ID, Providers: []payment.ProviderID{payment.Daraja, payment.WasaaPay, payment.Sevi}})
			if err != nil {
				b.Fatal(err)
			}
			if len(t.Deliveries) == 0 {
				b.Fatal("it has no deliveries")
			}
		}
	})
	b.Run("baseline/latest_50", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := s.Deliveries.List(b.Context(), store.DeliveryFilter{Limit: 50}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
