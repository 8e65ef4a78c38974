package cli

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/budget"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/watch"
)

// silent is a provider that nobody should have reached.
type silent struct {
	payment.Depositor
	t *testing.T
}

func (s silent) Ask(context.Context, payment.Deposit) (payment.Answer, error) {
	s.t.Error("the provider was asked")
	return payment.Answer{}, nil
}

// TestUnaskedQuestionIsGivenBack checks that a question that was not asked, for
// want of patience or by Ctrl-C, leaves its slot of the budget to others.
func TestUnaskedQuestionIsGivenBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		timeout time.Duration
		stop    func(context.Context) (context.Context, context.CancelFunc)
		want    payment.Kind
	}{
		{"too far off", time.Second, context.WithCancel, payment.KindUnavailable},
		{
			"stopped while waiting", 0,
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(10*time.Second, cancel)
				return ctx, cancel
			},
			payment.KindInterrupted,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, ledger := budgetApp(t)
				a.deadline.limit = c.timeout
				d := payment.Deposit{ID: "dep_1", Provider: payment.Daraja, Environment: payment.Sandbox, ProviderID: "ws_CO_1"}
				p := provider.Provider{ID: payment.Daraja, Schedule: payment.Schedule{PerSlot: time.Minute, BudgetKey: "daraja"}, Depositor: silent{t: t}}
				files := budget.Files{Dir: t.TempDir(), Now: time.Now}
				p.Budget = files
				key := a.policy(p, "").BudgetKey
				start := time.Now()
				reserve(t, files, key)
				for range 3 {
					ctx, cancel := c.stop(t.Context())
					if _, err := (once{a, a.watchOptions(p, watch.ViaPoll, ledger)}).Ask(ctx, d); payment.KindOf(err) != c.want {
						t.Errorf("error %v, want %s", err, c.want)
					}
					cancel()
				}
				if next := reserve(t, files, key) + time.Since(start); next != time.Minute {
					t.Errorf("the next slot is %s after the first, want 1m", next)
				}
			})
		})
	}
}

func budgetApp(t *testing.T) (*session, *store.Store) {
	t.Helper()
	ledger, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ledger.Close() })
	printer, err := ui.New(ui.Options{Stdout: io.Discard, Stderr: io.Discard, Format: ui.FormatText, Env: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	a := newSession(Invocation{})
	a.out, a.ledger = printer, ledger
	// A bubble's time stands still while a real socket is waited for.
	a.client = &http.Client{Transport: nobody{}}
	return a, ledger
}

// nobody is a network without anybody.
type nobody struct{}

// RoundTrip implements http.RoundTripper.
func (nobody) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("nobody is there")
}

func reserve(t *testing.T, files budget.Files, key string) time.Duration {
	t.Helper()
	slot, err := files.ReserveWithin(t.Context(), key, time.Minute, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return slot.Wait
}
