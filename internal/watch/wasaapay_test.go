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
	doubtful := payment.Event{Name: "deposit.completed", Status: payment.StatusPending, Notes: []string{"the status SETTLED is not documented"}}
	viaStream := with(policy, func(p *Policy) { p.Via = ViaStream })
	for _, s := range []scenario{
		{
			name: "the stream decides; one question closes the gap, and few are asked beside it", policy: policy,
			steps: []step{up(time.Second), tells(minute, paid)}, replies: []reply{busy, busy, busy},
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourceStream, Receipt: receipt,
				Ends: 61 * time.Second, Asked: at(1, 26, 51),
			},
		},
		{
			name: "via stream, one question closes the gap and no more are asked", policy: viaStream,
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
			steps: []step{up(10 * time.Second), tells(minute, failed)}, replies: []reply{busy, busy, busy, busy, busy, busy},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourceStream, Kind: "declined",
				Ends: 70 * time.Second, Asked: at(2, 5, 9.5, 10.5, 35.5, 60.5),
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
			name: "after each reconnect it asks again and polls seldom", policy: policy,
			steps: []step{up(time.Second), down(20 * time.Second), up(6 * time.Second), tells(minute, paid)},
			// The gap is asked about at 27 s, when the slot of 26 s is over.
			replies: []reply{busy, busy, busy, busy, busy, busy},
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourceStream, Receipt: receipt,
				Ends: 87 * time.Second, Asked: at(1, 23, 26, 27, 52, 77),
			},
		},
		{
			name: "an event that is lost costs seconds", policy: policy,
			steps: []step{up(time.Second)}, replies: []reply{busy, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 26 * time.Second, Asked: at(1, 26),
			},
		},
		{
			name: "a deposit whose subscription is not confirmed is polled", policy: policy,
			steps: []step{up(time.Second), unheard(0)}, replies: []reply{busy, busy, busy, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 15250 * time.Millisecond, Asked: at(1, 4, 8.5, 15.25),
			},
		},
		{
			name: "a subscription that is confirmed after all: it asks once and polls seldom", policy: policy,
			steps:   []step{up(time.Second), unheard(0), heard(10 * time.Second)},
			replies: []reply{busy, busy, busy, busy, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 36 * time.Second, Asked: at(1, 4, 8.5, 11, 36),
			},
		},
		{
			name: "an unconfirmed subscription may still bring the event", policy: policy,
			steps: []step{up(time.Second), unheard(0), tells(time.Second, paid)}, replies: []reply{busy},
			want: outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourceStream, Receipt: receipt, Ends: 2 * time.Second, Asked: at(1)},
		},
		{
			name: "a final event that cannot be used is asked about at once, then polled", policy: policy,
			steps: []step{up(time.Second), tells(9*time.Second, doubtful)}, replies: []reply{busy, busy, says(payment.StatusCompleted)},
			want: outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourcePoll, Ends: 13 * time.Second, Asked: at(1, 10, 13)},
		},
		{
			name: "a final event of an uncertain deposit is asked about at once, via stream too", policy: viaStream,
			steps:   []step{up(time.Second), tells(9*time.Second, payment.Event{Name: "deposit.failed"})},
			replies: []reply{busy, says(payment.StatusFailed)},
			want:    outcome{Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined", Ends: 10 * time.Second, Asked: at(1, 10)},
		},
		{
			name: "an event that comes while a question is under way is asked about after it", policy: viaStream,
			steps:   []step{up(time.Second), tells(time.Second, doubtful)},
			replies: []reply{{answer: busy.answer, after: 5 * time.Second}, says(payment.StatusCompleted)},
			want:    outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourcePoll, Ends: 6 * time.Second, Asked: at(1, 6)},
		},
		{
			name: "a flood of such events is no flood of questions", policy: with(policy, func(p *Policy) { p.PerSlot = 0 }),
			steps: []step{
				up(time.Second), tells(9*time.Second, doubtful), tells(100*time.Millisecond, doubtful),
				tells(100*time.Millisecond, doubtful), tells(time.Second, doubtful),
			},
			replies: []reply{busy, busy, busy, says(payment.StatusCompleted)},
			want:    outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourcePoll, Ends: 12 * time.Second, Asked: at(1, 10, 11, 12)},
		},
		{
			name: "via stream, a mute one is followed by the last query", policy: viaStream,
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
			name: "a stream that refuses the key leaves polling, beginning at once", policy: policy,
			steps:   []step{ends(time.Second, &payment.Error{Kind: payment.KindUnauthorized, Message: "service restarting"})},
			replies: []reply{busy, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 4 * time.Second, Asked: at(1, 4),
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
			name: "an event about another amount is not believed but asked about, then polled", policy: policy,
			steps: []step{up(time.Second), tells(time.Minute, payment.Event{
				Name: "deposit.completed", Status: payment.StatusCompleted, Amount: payment.AmountOf(100, payment.KES),
			})},
			replies: []reply{busy, busy, busy, busy, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 64 * time.Second, Asked: at(1, 26, 51, 61, 64),
			},
		},
		{
			name: "the same final event twice is applied once", policy: policy,
			steps: []step{up(time.Second), tells(time.Second, failed), tells(0, failed)}, replies: []reply{busy},
			want: outcome{Status: payment.StatusFailed, DecidedBy: payment.SourceStream, Kind: "declined", Ends: 2 * time.Second, Asked: at(1)},
		},
		{
			name: "a contradiction stays, and nobody is asked: looking does not end it", policy: policy,
			deposit: func(d *payment.Deposit) {
				done, _ := d.Apply(payment.Claim{Status: payment.StatusCompleted, By: payment.SourceCallback, Receipt: receipt})
				*d, _ = done.Apply(payment.Claim{Status: payment.StatusFailed, By: payment.SourceStream})
			},
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourceCallback, Receipt: receipt, Kind: "conflict",
				Conflict: "the callback said COMPLETED, the stream says FAILED",
			},
		},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			play(t, s)
		})
	}
}
