package cli

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/budget"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/wasaapay"
)

// TestInterruptedWaitIsGivenBack checks that Ctrl-C while the WasaaPay adapter
// waits for its turn leaves the turn to others.
func TestInterruptedWaitIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		files := budget.Files{Dir: t.TempDir(), Now: time.Now}
		client, err := wasaapay.New(wasaapay.Config{
			Environment: payment.Sandbox, APIKey: secret.New("sk_sandbox_1"), HTTP: &http.Client{Transport: unreachable{t}}, Budget: files,
		})
		if err != nil {
			t.Fatal(err)
		}
		key := wasaapay.Schedule(payment.Sandbox).BudgetKey
		reserve(t, files, key) // for a minute
		phone, _ := payment.ParsePhone("254711000222")
		d := payment.Deposit{
			ID: "dep_1", IdempotencyKey: payment.NewIdempotencyKey(), Amount: payment.AmountOf(15000, payment.KES), Phone: phone, Wallet: "wal_1", Reference: "INV-1",
		}
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			if _, err := client.Create(ctx, payment.DepositRequest{Deposit: d}); payment.KindOf(err) != payment.KindInterrupted {
				t.Errorf("error %v, want interrupted", err)
			}
		}
		if wait := reserve(t, files, key); wait != 57*time.Second {
			t.Errorf("the next slot is %s off, want 57s", wait)
		}
	})
}

type unreachable struct{ t *testing.T }

func (u unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	u.t.Error("the provider was asked")
	return nil, http.ErrHandlerTimeout
}
