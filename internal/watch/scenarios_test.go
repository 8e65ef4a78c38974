package watch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// outcome is all that a scenario promises.
type outcome struct {
	Status    payment.Status
	DecidedBy payment.Source
	Receipt   string
	Conflict  string
	// Kind is the name of the result's error kind, "" for none.
	Kind string
	// Ends is when the watch ended, Asked when questions were asked.
	Ends  time.Duration
	Asked []time.Duration
}

type scenario struct {
	name   string
	policy Policy
	// deposit changes the usual pending deposit.
	deposit func(*payment.Deposit)
	replies []reply
	steps   []step
	// meanwhile runs beside the watch.
	meanwhile func(t *testing.T, l *memLedger)
	want      outcome
}

func play(t *testing.T, s scenario) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := pending(depositID, checkoutID, time.Now())
		if s.deposit != nil {
			s.deposit(&d)
		}
		ledger, asks, start := newLedger(d), newOracle(t, s.replies...), time.Now()
		o := Options{
			Ledger: ledger, Depositor: asks, Policy: s.policy, Now: time.Now,
			Budget: &memBudget{start: start}, Rand: func() float64 { return 0 },
		}
		if s.steps != nil {
			o.Streamer = &tape{steps: s.steps}
		}
		if s.meanwhile != nil {
			go s.meanwhile(t, ledger)
		}
		var last Update
		results, err := New(o).Watch(t.Context(), []string{depositID}, func(u Update) { last = u })
		if err != nil {
			t.Fatalf("watch: %v", err)
		}
		got := outcome{
			Status: results[0].Deposit.Status, DecidedBy: results[0].Deposit.DecidedBy, Receipt: results[0].Deposit.Receipt,
			Conflict: results[0].Deposit.Conflict.Reason, Ends: time.Since(start), Asked: asks.asked,
		}
		if err := results.Err(); err != nil {
			got.Kind = payment.KindOf(err).String()
		}
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("outcome (-want +got):\n%s", diff)
		}
		if !last.Final {
			t.Errorf("the last update is not final: %+v", last)
		}
		if diff := cmp.Diff(results[0].Deposit, last.Deposit, cmp.AllowUnexported(payment.Amount{}, payment.Phone{})); diff != "" {
			t.Errorf("the last update and the result differ (-result +update):\n%s", diff)
		}
		asks.spent()
	})
}

func at(seconds ...float64) []time.Duration {
	var times []time.Duration
	for _, s := range seconds {
		times = append(times, time.Duration(s*float64(time.Second)))
	}
	return times
}

// later runs f on the ledger after a time.
func later(wait time.Duration, f func(*testing.T, *memLedger)) func(*testing.T, *memLedger) {
	return func(t *testing.T, l *memLedger) {
		time.Sleep(wait)
		f(t, l)
	}
}

func calledBack(after time.Duration, s payment.Status) func(*testing.T, *memLedger) {
	return later(after, func(t *testing.T, l *memLedger) { l.callback(t, depositID, s) })
}

func with(p Policy, change func(*Policy)) Policy {
	change(&p)
	return p
}

const receipt = "UA2K7QX9ZP"
