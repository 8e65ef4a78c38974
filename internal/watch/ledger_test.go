package watch

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// TestTroubledLedger checks that a ledger that is busy, or has stopped telling
// of changes, delays a watch but does not fail it.
func TestTroubledLedger(t *testing.T) {
	t.Parallel()
	busy := func(times int) func() error {
		return func() error {
			if times--; times >= 0 {
				return &payment.Error{Kind: payment.KindUnavailable, Message: "the ledger is busy"}
			}
			return nil
		}
	}
	failed := []payment.Status{payment.StatusFailed}
	t.Run("silent about changes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ledger, start := newLedger(pending(depositID, checkoutID, time.Now())), time.Now()
			ledger.mute = true
			go calledBack(10*time.Second, payment.StatusFailed)(t, ledger)
			results, err := New(Options{Ledger: ledger, Policy: Policy{Via: ViaCallback}}).Watch(t.Context(), []string{depositID}, nil)
			if diff := cmp.Diff(failed, states(results)); diff != "" || err != nil {
				t.Errorf("error %v, states (-want +got):\n%s", err, diff)
			}
			if late := time.Since(start) - 10*time.Second; late > blindLook {
				t.Errorf("noticed after %s, want at most %s", late, blindLook)
			}
		})
	})
	t.Run("busy when told of a change", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ledger, start := newLedger(pending(depositID, checkoutID, time.Now())), time.Now()
			go func() {
				time.Sleep(10 * time.Second)
				ledger.mu.Lock()
				ledger.readErr = busy(3)
				ledger.mu.Unlock()
				ledger.callback(t, depositID, payment.StatusFailed)
			}()
			results, err := New(Options{Ledger: ledger, Policy: Policy{Via: ViaCallback}}).Watch(t.Context(), []string{depositID}, nil)
			if diff := cmp.Diff(failed, states(results)); diff != "" || err != nil {
				t.Errorf("error %v, states (-want +got):\n%s", err, diff)
			}
			if late := time.Since(start) - 10*time.Second; late > 3*blindLook {
				t.Errorf("noticed after %s, want at most %s", late, 3*blindLook)
			}
		})
	})
	t.Run("busy when an answer is recorded", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ledger, asks := newLedger(pending(depositID, checkoutID, time.Now())), newOracle(t, says(payment.StatusFailed), says(payment.StatusFailed))
			ledger.claimErr = busy(1)
			results, err := New(Options{Ledger: ledger, Depositor: asks, Policy: WasaaPayPolicy(payment.Local)}).Watch(t.Context(), []string{depositID}, nil)
			if diff := cmp.Diff(failed, states(results)); diff != "" || err != nil {
				t.Errorf("error %v, states (-want +got):\n%s", err, diff)
			}
			asks.spent()
		})
	})
	t.Run("busy when a stream event is recorded", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ledger, asks := newLedger(pending(depositID, checkoutID, time.Now())), newOracle(t, says(payment.StatusPending), says(payment.StatusFailed))
			ledger.claimErr = busy(1)
			stream := &tape{steps: []step{up(time.Second), tells(time.Second, payment.Event{Status: payment.StatusFailed})}}
			o := Options{Ledger: ledger, Depositor: asks, Streamer: stream, Policy: WasaaPayPolicy(payment.Local)}
			results, err := New(o).Watch(t.Context(), []string{depositID}, nil)
			if diff := cmp.Diff(failed, states(results)); diff != "" || err != nil {
				t.Errorf("error %v, states (-want +got):\n%s", err, diff)
			}
			asks.spent()
		})
	})
	t.Run("busy budget, also at the last query", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ledger, start := newLedger(pending(depositID, checkoutID, time.Now())), time.Now()
			o := Options{
				Ledger: ledger, Depositor: newOracle(t), Policy: DarajaPolicy(payment.Local),
				Budget: &memBudget{err: busy(1 << 30)},
			}
			results, err := New(o).Watch(t.Context(), []string{depositID}, nil)
			if err != nil || payment.KindOf(results.Err()) != payment.KindPending {
				t.Errorf("watch: %v, outcome: %v; want pending", err, results.Err())
			}
			if took := time.Since(start); took != Deadline {
				t.Errorf("ended after %s, want %s", took, Deadline)
			}
		})
	})
}

// raced is a ledger to which a callback comes right after the first read.
type raced struct {
	*memLedger
	t    *testing.T
	once sync.Once
}

func (l *raced) Get(ctx context.Context, id string) (payment.Deposit, error) {
	d, err := l.memLedger.Get(ctx, id)
	l.once.Do(func() { l.callback(l.t, id, payment.StatusFailed) })
	return d, err
}

// TestNoChangeFallsBetween checks that a callback between the first look and
// the waiting is noticed.
func TestNoChangeFallsBetween(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ledger := &raced{memLedger: newLedger(pending(depositID, checkoutID, start)), t: t}
		results, err := New(Options{Ledger: ledger, Policy: Policy{Via: ViaCallback}}).Watch(t.Context(), []string{depositID}, nil)
		if diff := cmp.Diff([]payment.Status{payment.StatusFailed}, states(results)); diff != "" || err != nil {
			t.Errorf("error %v, states (-want +got):\n%s", err, diff)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("ended after %s, want at once", took)
		}
	})
}
