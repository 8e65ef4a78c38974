package watch

import (
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// TestWasaaPay races stream and poll (reference/wasaapay.md §12.2, §13).
func TestWasaaPay(t *testing.T) {
	t.Parallel()
	policy := WasaaPayPolicy(payment.Sandbox)
	busy := says(payment.StatusPending)
	paid := payment.Event{Name: "deposit.completed", Status: payment.StatusCompleted, Receipt: receipt}
	failed := payment.Event{Name: "deposit.failed", Status: payment.StatusFailed}
	minute := time.Minute
	for _, s := range []scenario{
		{
			name: "the stream decides; one question closes the gap", policy: policy,
			steps: []step{up(time.Second), tells(minute, paid)}, replies: []reply{busy},
			want: outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourceStream, Receipt: receipt, Ends: 61 * time.Second, Asked: at(1)},
		},
		{
			name: "what happened before the subscription is found by asking", policy: policy,
			steps: []step{up(time.Second)}, replies: []reply{says(payment.StatusCompleted)},
			want: outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourcePoll, Ends: time.Second, Asked: at(1)},
		},
		{
			name: "no usable answer leaves the gap open", policy: policy,
			steps: []step{up(time.Second)}, replies: []reply{says(payment.StatusUnknown), limited(0), says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 5 * time.Second, Asked: at(1, 4, 5),
			},
		},
		{
			name: "polling until the stream is up", policy: policy,
			steps: []step{up(10 * time.Second), tells(minute, failed)}, replies: []reply{busy, busy, busy, busy},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourceStream, Kind: "declined",
				Ends: 70 * time.Second, Asked: at(2, 5, 9.5, 10.5),
			},
		},
		{
			name: "the stream is lost and the poll takes over", policy: policy,
			steps: []step{up(time.Second), down(20 * time.Second)}, replies: []reply{busy, busy, busy, busy, says(payment.StatusCompleted)},
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourcePoll,
				Ends: 37250 * time.Millisecond, Asked: at(1, 23, 26, 30.5, 37.25),
			},
		},
		{
			name: "after each reconnect it asks again and stops polling", policy: policy,
			steps: []step{up(time.Second), down(20 * time.Second), up(6 * time.Second), tells(minute, paid)},
			// The gap is asked about at 27 s, when the slot of 26 s is over.
			replies: []reply{busy, busy, busy, busy},
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourceStream, Receipt: receipt,
				Ends: 87 * time.Second, Asked: at(1, 23, 26, 27),
			},
		},
		{
			name: "a mute stream is followed by the last query", policy: policy,
			steps: []step{up(time.Second)}, replies: []reply{busy, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourceQuery, Kind: "declined",
				Ends: 130 * time.Second, Asked: at(1, 130),
			},
		},
		{
			name: "via stream does not poll while it is down", policy: with(policy, func(p *Policy) { p.Via = ViaStream }),
			steps: []step{up(5 * time.Second), down(time.Second), up(minute), tells(time.Second, paid)}, replies: []reply{busy, busy},
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourceStream, Receipt: receipt,
				Ends: 67 * time.Second, Asked: at(5, 66),
			},
		},
		{
			name: "a question that a reconnect overtook does not close the new gap", policy: with(policy, func(p *Policy) { p.Via = ViaStream }),
			steps:   []step{up(time.Second), down(time.Second), up(time.Second)},
			replies: []reply{{answer: busy.answer, after: 5 * time.Second}, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 6 * time.Second, Asked: at(1, 6),
			},
		},
		{
			name: "certificate trouble leaves polling", policy: policy,
			steps:   []step{ends(time.Second, &payment.Error{Kind: payment.KindUnavailable, Message: "certificate"})},
			replies: []reply{busy, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 6 * time.Second, Asked: at(3, 6),
			},
		},
		{
			name: "events of unknown status and of other ids decide nothing", policy: policy,
			steps: []step{
				up(time.Second),
				tells(time.Second, payment.Event{Name: "deposit.reversed", Status: payment.StatusUnknown}),
				tells(time.Second, payment.Event{Name: "deposit.completed", Status: payment.StatusCompleted, ProviderID: "dep_other"}),
				tells(time.Second, failed),
			},
			replies: []reply{busy},
			want:    outcome{Status: payment.StatusFailed, DecidedBy: payment.SourceStream, Kind: "declined", Ends: 4 * time.Second, Asked: at(1)},
		},
		{
			name: "an event about another amount is not believed but asked about", policy: policy,
			steps: []step{up(time.Second), tells(time.Minute, payment.Event{
				Name: "deposit.completed", Status: payment.StatusCompleted, Amount: payment.AmountOf(100, payment.KES),
			})},
			replies: []reply{busy, says(payment.StatusFailed)},
			want:    outcome{Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined", Ends: 61 * time.Second, Asked: at(1, 61)},
		},
		{
			name: "the same final event twice is applied once", policy: policy,
			steps: []step{up(time.Second), tells(time.Second, failed), tells(0, failed)}, replies: []reply{busy},
			want: outcome{Status: payment.StatusFailed, DecidedBy: payment.SourceStream, Kind: "declined", Ends: 2 * time.Second, Asked: at(1)},
		},
		{
			name: "a contradiction is settled by asking and is still a conflict once", policy: policy,
			deposit: func(d *payment.Deposit) {
				done, _ := d.Apply(payment.Claim{Status: payment.StatusCompleted, By: payment.SourceCallback, Receipt: receipt})
				*d, _ = done.Apply(payment.Claim{Status: payment.StatusFailed, By: payment.SourceStream})
			},
			replies: []reply{says(payment.StatusCompleted)},
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourceCallback, Receipt: receipt,
				Kind: "conflict", Asked: at(0),
			},
		},
		{
			name: "a contradiction that asking cannot settle stays", policy: policy,
			deposit: func(d *payment.Deposit) {
				done, _ := d.Apply(payment.Claim{Status: payment.StatusFailed, By: payment.SourceCallback})
				*d, _ = done.Apply(payment.Claim{Status: payment.StatusCompleted, By: payment.SourceStream})
			},
			replies: []reply{limited(0), busy},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourceCallback, Kind: "conflict",
				Conflict: "the callback said FAILED, the stream says COMPLETED", Ends: time.Second, Asked: at(0, 1),
			},
		},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			play(t, s)
		})
	}
}
