package cli

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/wasaapay"
	"github.com/payctl/payctl/internal/watch"
)

// fullFor is a ledger on a disk that has no room for answers for some time.
type fullFor struct {
	*store.Deposits
	until time.Time
}

func (f fullFor) Apply(ctx context.Context, id string, c payment.Claim) (payment.Deposit, payment.Move, error) {
	if time.Now().Before(f.until) {
		return payment.Deposit{}, payment.MoveNone, &payment.Error{Kind: payment.KindInternal, Message: "ledger: the disk is full"}
	}
	return f.Deposits.Apply(ctx, id, c)
}

// paying is a provider that takes a push, and tells that it was paid when asked.
type paying struct{ asked *int }

func (paying) Create(context.Context, payment.DepositRequest) (payment.Answer, error) {
	return payment.Answer{Status: payment.StatusPending, ProviderID: "ws_CO_1"}, nil
}

func (p paying) Ask(context.Context, payment.Deposit) (payment.Answer, error) {
	*p.asked++
	return payment.Answer{Status: payment.StatusCompleted}, nil
}

// TestUnrecordedAnswerIsRecordedWhileWaiting checks that an answer that the ledger
// could not take is not lost: it goes in while the deposit is followed, or at the end.
func TestUnrecordedAnswerIsRecordedWhileWaiting(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		full time.Duration
		// stop is when the operator stops waiting.
		stop     time.Duration
		kind     payment.Kind
		status   payment.Status
		provider string
	}{
		"while it is followed": {30 * time.Second, time.Hour, 0, payment.StatusCompleted, "ws_CO_1"},
		"at the end":           {20*time.Second + time.Millisecond, 20*time.Second + 2*time.Millisecond, payment.KindInterrupted, payment.StatusPending, "ws_CO_1"},
		"never":                {time.Hour, 2 * time.Hour, payment.KindPending, payment.StatusUnknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, ledger := budgetApp(t)
				asked := 0
				full := fullFor{ledger.Deposits, time.Now().Add(c.full)}
				ctx, cancel := context.WithTimeoutCause(t.Context(), 24*time.Hour, nil)
				defer cancel()
				time.AfterFunc(c.stop, cancel)
				asker := deposit.Asker{Ledger: full, Depositor: paying{&asked}, Now: time.Now}
				d, _, lost := asker.Ask(ctx, intentOf(t))
				if !deposit.IsOpen(d, lost) {
					t.Fatalf("%s, error %v, want an unknown outcome", d.Status, lost)
				}
				w := a.watcher(provider.Provider{ID: payment.Daraja, Schedule: daraja.Schedule(payment.Local), Depositor: paying{&asked}}, watch.ViaAuto, ledger)
				err := deposit.FollowOpen(ctx, full, lost, func() error {
					f := following{session: a, single: true}
					f.add(provider.Provider{ID: payment.Daraja}, w, d)
					return f.follow(ctx)
				}, func(string) {})
				if (err != nil) != (c.kind != 0) || err != nil && payment.KindOf(err) != c.kind {
					t.Errorf("error %v, want %s", err, c.kind)
				}
				now, err := ledger.Deposits.Get(t.Context(), d.ID)
				if err != nil || now.Status != c.status || now.ProviderID != c.provider {
					t.Errorf("the ledger has %s %q, error %v, want %s %q", now.Status, now.ProviderID, err, c.status, c.provider)
				}
			})
		})
	}
}

// TestWaitForWhatAnotherProcessSends checks that --wait follows a deposit whose key
// another process is using, also where the provider honours the key.
func TestWaitForWhatAnotherProcessSends(t *testing.T) {
	t.Parallel()
	for _, wait := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			a, ledger := budgetApp(t)
			a.conf = &config.Config{Environment: payment.Local}
			intent := intentOf(t)
			intent.Provider = payment.WasaaPay
			d, _, err := ledger.Deposits.Create(t.Context(), intent)
			if err != nil {
				t.Fatal(err)
			}
			if d, _, err = ledger.Deposits.ClaimSend(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(5*time.Second, func() {
				_, _, err := ledger.Deposits.Apply(t.Context(), d.ID, payment.Claim{
					Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: "w1", At: time.Now(),
				})
				if err != nil {
					t.Error(err)
				}
			})
			asked := 0
			p := provider.Provider{ID: payment.WasaaPay, Schedule: wasaapay.Schedule(payment.Local), Depositor: paying{&asked}, Idempotent: true}
			err = (&depositCreate{session: a, via: watch.ViaPoll, wait: wait}).send(t.Context(), p, intent)
			if wait && err != nil || !wait && payment.KindOf(err) != payment.KindPending {
				t.Errorf("waiting %t: error %v", wait, err)
			}
			if asked > 0 != wait {
				t.Errorf("waiting %t: asked %d times", wait, asked)
			}
			time.Sleep(6 * time.Second)
		})
	}
}
