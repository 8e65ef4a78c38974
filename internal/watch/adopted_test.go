package watch

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// TestAdopted follows deposits that the ledger does not know: each way settles them by
// itself, and what no source knows leaves nothing behind.
func TestAdopted(t *testing.T) {
	t.Parallel()
	amount, policy := payment.AmountOf(25000, payment.KES), WasaaPayPolicy(payment.Local)
	policy.Deadline, policy.Strict = 20*time.Second, true
	down := reply{err: &payment.Error{Kind: payment.KindUnavailable, Message: "REST is down"}}
	completed := reply{answer: payment.Answer{
		Status: payment.StatusCompleted, ProviderID: checkoutID, Amount: amount, Reference: "INV-7", Receipt: receipt,
	}}
	paid := payment.Event{
		Provider: payment.WasaaPay, Environment: payment.Local, Name: "deposit.completed", ProviderID: checkoutID,
		Status: payment.StatusCompleted, Amount: amount, Reference: "INV-7", Receipt: receipt,
	}
	for name, c := range map[string]struct {
		via       Via
		replies   []reply
		steps     []step
		meanwhile func(*memLedger)
		by        payment.Source
		kind      payment.Kind
		entered   bool
		asked     bool
	}{
		"poll": {via: ViaPoll, replies: []reply{completed}, by: payment.SourcePoll, entered: true, asked: true},
		"the stream, although REST is down": {
			via: ViaStream, replies: slices.Repeat([]reply{down}, 40), steps: []step{up(0), {after: 2 * time.Second, update: payment.StreamUpdate{Signal: payment.StreamEvent, Event: paid}}},
			by: payment.SourceStream, entered: true, asked: true,
		},
		"a callback that proves itself": {
			via: ViaCallback, entered: true, by: payment.SourceCallback,
			meanwhile: func(l *memLedger) {
				d := payment.Deposit{Provider: payment.WasaaPay, ProviderID: checkoutID, Amount: payment.AmountOf(0, payment.KES), Status: payment.StatusPending}
				_, _, _ = l.Adopt(context.WithoutCancel(t.Context()), d, payment.Claim{
					Status: payment.StatusCompleted, By: payment.SourceCallback, Amount: amount, Reference: "INV-7", Receipt: receipt,
				})
			},
		},
		"a callback that proves nothing prompts a query": {
			via: ViaCallback, replies: []reply{completed}, entered: true, asked: true, by: payment.SourcePoll,
			meanwhile: func(l *memLedger) { l.hear(payment.Unproved) },
		},
		"nobody knows it": {
			via: ViaAuto, replies: []reply{{answer: payment.Answer{Status: payment.StatusUnknown, NotKnown: true}}},
			kind: payment.KindNotFound, asked: true,
		},
		"not found":              {via: ViaPoll, replies: []reply{{err: payment.NotFound("no", "")}}, kind: payment.KindNotFound, asked: true},
		"nobody says anything":   {via: ViaCallback, kind: payment.KindPending},
		"the provider is silent": {via: ViaPoll, replies: slices.Repeat([]reply{down}, 40), kind: payment.KindPending, asked: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ledger, asks := newLedger(), newOracle(t, c.replies...)
				p := policy
				p.Via = c.via
				o := Options{Ledger: ledger, Depositor: asks, Policy: p, Now: time.Now, Rand: func() float64 { return 0 }}
				if c.steps != nil {
					o.Streamer = &tape{steps: c.steps}
				}
				if c.meanwhile != nil {
					time.AfterFunc(3*time.Second, func() { c.meanwhile(ledger) })
				}
				elsewhere := payment.Deposit{
					Provider: payment.WasaaPay, Environment: payment.Local, ProviderID: checkoutID, Adopted: true,
					Status: payment.StatusPending, Amount: payment.AmountOf(0, payment.KES),
				}
				results, err := New(o).Watch(t.Context(), nil, func(u Update) {
					if u.Changed && u.Deposit.ID == "" {
						t.Errorf("shown without being entered: %+v", u)
					}
				}, elsewhere)
				if err == nil {
					err = results.Err()
				}
				if (err != nil) != (c.kind != 0) || err != nil && payment.KindOf(err) != c.kind {
					t.Errorf("error %v, want %s", err, c.kind)
				}
				d, entered := ledger.deposits[depositID]
				if entered != c.entered || len(asks.asked) > 0 != c.asked {
					t.Errorf("entered %t, asked %d times, want %t and %t", entered, len(asks.asked), c.entered, c.asked)
				}
				if c.entered && (d.Status != payment.StatusCompleted || d.DecidedBy != c.by || d.Amount != amount || d.Reference != "INV-7" || d.Receipt != receipt) {
					t.Errorf("%+v", d)
				}
			})
		})
	}
}

// TestDoubtsAreTold checks that each thing that moves nothing is shown as it comes, once.
func TestDoubtsAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ledger := newLedger(pending(depositID, checkoutID, time.Now()))
		time.AfterFunc(time.Second, func() { ledger.hear("the amount 1.00 is not the 150.00 asked for") })
		time.AfterFunc(2*time.Second, func() { ledger.hear("unknown result code 9999 (odd)") })
		time.AfterFunc(3*time.Second, func() { ledger.callback(t, depositID, payment.StatusCompleted) })
		var told []string
		o := Options{Ledger: ledger, Policy: with(DarajaPolicy(payment.Local), func(p *Policy) { p.Via = ViaCallback })}
		results, err := New(o).Watch(t.Context(), []string{depositID}, func(u Update) {
			for _, d := range u.Doubts[len(u.Doubts)-u.Fresh:] {
				told = append(told, d.Reason)
				if !u.Changed {
					t.Errorf("a doubt is a change: %+v", u)
				}
			}
		})
		if err != nil || results.Err() != nil || len(told) != 2 || len(results[0].Doubts) != 2 {
			t.Errorf("told %q, results %+v, error %v", told, results, err)
		}
	})
}
