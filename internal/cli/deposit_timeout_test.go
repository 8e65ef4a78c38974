package cli

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/watch"
)

// slow is a provider that takes its time to answer a push, and does not know the
// outcome when it is asked.
type slow struct {
	answer time.Duration
	asked  *int
}

func (s slow) Create(ctx context.Context, _ payment.DepositRequest) (payment.Answer, error) {
	select {
	case <-time.After(s.answer):
		return payment.Answer{Status: payment.StatusPending, ProviderID: "ws_CO_1"}, nil
	case <-ctx.Done():
		return payment.Answer{}, &payment.Error{Kind: payment.KindUnavailable, Message: "no answer", Err: payment.ErrOutcomeUnknown}
	}
}

func (s slow) Ask(context.Context, payment.Deposit) (payment.Answer, error) {
	*s.asked++
	return payment.Answer{Status: payment.StatusPending}, nil
}

// TestTimeoutBoundsSendingAndWaiting checks that --timeout is the time of the
// whole command: the watch gets what sending has left, the last question included.
func TestTimeoutBoundsSendingAndWaiting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		timeout, answer time.Duration
		spent           time.Duration
		took            time.Duration
		status          payment.Status
		asked           bool
	}{
		{"a quick answer", time.Minute, 0, 0, time.Minute, payment.StatusPending, true},
		{"a slow answer", time.Minute, 40 * time.Second, 0, time.Minute, payment.StatusPending, true},
		{"an answer at the end", time.Minute, time.Minute - time.Millisecond, 0, time.Minute, payment.StatusPending, true},
		{"no answer in time", 20 * time.Second, time.Hour, 0, 20 * time.Second, payment.StatusUnknown, false},
		{"time spent before sending", time.Minute, 20 * time.Second, 30 * time.Second, 30 * time.Second, payment.StatusPending, true},
		{"no answer, longer than a request may take", 2 * time.Minute, time.Hour, 0, 2 * time.Minute, payment.StatusUnknown, false},
		{"no --timeout", 0, 50 * time.Second, 0, 50*time.Second + watch.Deadline, payment.StatusPending, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, ledger := budgetApp(t)
				a.conf = &config.Config{Environment: payment.Local}
				a.deadline.limit = c.timeout
				asked := 0
				p := provider.Provider{ID: payment.Daraja, Schedule: daraja.Schedule(payment.Local), Depositor: slow{c.answer, &asked}}
				a.deadline.began = time.Now().Add(-c.spent)
				start := time.Now()
				err := (&depositCreate{session: a, via: watch.ViaAuto, wait: true}).send(t.Context(), p, intentOf(t))
				if payment.KindOf(err) != payment.KindPending {
					t.Errorf("error %v, want pending", err)
				}
				if took := time.Since(start).Round(time.Millisecond); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
				if asked > 0 != c.asked {
					t.Errorf("asked %d times, want any: %t", asked, c.asked)
				}
				found, _, err := ledger.Deposits.List(t.Context(), store.DepositFilter{})
				if err != nil || len(found) != 1 || found[0].Status != c.status {
					t.Errorf("the ledger has %v, error %v, want one deposit that is %s", found, err, c.status)
				}
			})
		})
	}
}

// TestTimeoutUsedUpBeforeSending checks that nobody is asked once the time is over.
func TestTimeoutUsedUpBeforeSending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, ledger := budgetApp(t)
		a.conf = &config.Config{Environment: payment.Local}
		a.deadline.limit = time.Second
		asked := 0
		p := provider.Provider{ID: payment.Daraja, Schedule: daraja.Schedule(payment.Local), Depositor: slow{0, &asked}}
		a.deadline.began = time.Now().Add(-time.Second)
		err := (&depositCreate{session: a, wait: true}).send(t.Context(), p, intentOf(t))
		if payment.KindOf(err) != payment.KindUnavailable {
			t.Errorf("error %v, want unavailable", err)
		}
		if found, _, err := ledger.Deposits.List(t.Context(), store.DepositFilter{}); err != nil || len(found) != 0 {
			t.Errorf("%d deposits, error %v, want none", len(found), err)
		}
	})
}

func intentOf(t *testing.T) payment.Deposit {
	t.Helper()
	phone, err := payment.ParsePhone("0712345678")
	if err != nil {
		t.Fatal(err)
	}
	return payment.Deposit{
		Provider: payment.Daraja, Environment: payment.Local, Status: payment.StatusCreated, Reference: "INV-1",
		IdempotencyKey: "key-1", Amount: payment.AmountOf(10000, payment.KES), Phone: phone, CallbackToken: "token-1",
		CreatedAt: time.Now(), UpdatedAt: time.Now(),
	}
}
