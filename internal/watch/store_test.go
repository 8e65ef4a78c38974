package watch

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// ledgers opens one ledger file twice, as two processes do.
func ledgers(tb testing.TB) (mine, theirs *store.Store) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "ledger.db")
	var open [2]*store.Store
	for i := range open {
		s, err := store.Open(tb.Context(), store.Options{Path: path})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			if err := s.Close(); err != nil {
				tb.Error(err)
			}
		})
		open[i] = s
	}
	return open[0], open[1]
}

// sent records a deposit that the provider has accepted.
func sent(tb testing.TB, s *store.Store, providerID string) payment.Deposit {
	tb.Helper()
	phone, err := payment.ParsePhone("0711000222")
	if err != nil {
		tb.Fatal(err)
	}
	d, _, err := s.Deposits.Create(tb.Context(), payment.Deposit{
		Provider: payment.Daraja, Environment: payment.Sandbox, Amount: payment.AmountOf(10000, payment.KES), Phone: phone,
		Status: payment.StatusCreated, ShortCode: "174379",
	})
	if err != nil {
		tb.Fatal(err)
	}
	if d, _, err = s.Deposits.ClaimSend(tb.Context(), d); err != nil {
		tb.Fatal(err)
	}
	accepted := payment.Claim{Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: providerID, At: time.Now()}
	if d, _, err = s.Deposits.Apply(tb.Context(), d.ID, accepted); err != nil {
		tb.Fatal(err)
	}
	return d
}

// settle stores a paid callback.
func settle(tb testing.TB, s *store.Store, id string) {
	tb.Helper()
	paid := payment.Claim{Status: payment.StatusCompleted, By: payment.SourceCallback, Receipt: receipt, At: time.Now()}
	if _, _, err := s.Deposits.Apply(tb.Context(), id, paid); err != nil {
		tb.Error(err)
	}
}

// TestWithStore follows a deposit in a real ledger, which another handle of it
// settles; the answers go through it too.
func TestWithStore(t *testing.T) {
	t.Parallel()
	mine, theirs := ledgers(t)
	called, asked := sent(t, mine, ""), sent(t, mine, "ws_CO_2") // without an id, nobody can be asked
	asks := newOracle(t)
	asks.lines = map[string][]reply{"ws_CO_2": {says(payment.StatusPending), says(payment.StatusFailed)}}
	o := Options{
		Ledger: mine.Deposits, Depositor: asks, Now: time.Now,
		Policy: Policy{
			Schedule: payment.Schedule{Gaps: []time.Duration{20 * time.Millisecond}, PerSlot: 50 * time.Millisecond, BudgetKey: "test"},
			Deadline: time.Minute,
		},
	}
	go func() {
		<-time.After(20 * time.Millisecond)
		settle(t, theirs, called.ID)
	}()
	results, err := New(o).Watch(t.Context(), []string{called.ID, asked.ID}, nil)
	if err != nil {
		t.Fatal(err)
	}
	type end struct {
		Status    payment.Status
		DecidedBy payment.Source
		Receipt   string
		Questions int
	}
	var got []end
	for _, r := range results {
		got = append(got, end{r.Deposit.Status, r.Deposit.DecidedBy, r.Deposit.Receipt, r.Questions})
	}
	want := []end{
		{payment.StatusCompleted, payment.SourceCallback, receipt, 0},
		{payment.StatusFailed, payment.SourcePoll, "", 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	stored, err := theirs.Deposits.Get(t.Context(), asked.ID)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Status != payment.StatusFailed {
		t.Errorf("the other process reads %s, want FAILED", stored.Status)
	}
	asks.spent()
}

// BenchmarkNotice measures how long after another process's commit a watch
// ends: 50 ms are allowed.
func BenchmarkNotice(b *testing.B) {
	mine, theirs := ledgers(b)
	var waits []time.Duration
	for b.Loop() {
		d := sent(b, mine, "")
		watching, committed := make(chan struct{}, 1), make(chan time.Time, 1)
		go func() {
			<-watching
			settle(b, theirs, d.ID)
			committed <- time.Now()
		}()
		o := Options{Ledger: mine.Deposits, Policy: Policy{Via: ViaCallback}}
		if _, err := New(o).Watch(b.Context(), []string{d.ID}, func(Update) {
			select {
			case watching <- struct{}{}:
			default:
			}
		}); err != nil {
			b.Fatal(err)
		}
		waits = append(waits, time.Since(<-committed))
	}
	slices.Sort(waits)
	b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "ms/notice-p50")
	b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "ms/notice-p99")
}
