package watch

import (
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// TestDaraja follows pushes by ledger and poll (reference/daraja.md §5).
func TestDaraja(t *testing.T) {
	t.Parallel()
	sandbox := DarajaPolicy(payment.Sandbox)
	busy, wait := says(payment.StatusPending), says(payment.StatusUnknown)
	for _, s := range []scenario{
		{
			name: "already paid ends at once", policy: sandbox,
			deposit: func(d *payment.Deposit) {
				d.Status, d.DecidedBy, d.Receipt = payment.StatusCompleted, payment.SourceCallback, receipt
			},
			want: outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourceCallback, Receipt: receipt},
		},
		{
			name: "a callback of another process decides before any question", policy: sandbox,
			meanwhile: calledBack(9*time.Second, payment.StatusCompleted),
			want:      outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourceCallback, Receipt: receipt, Ends: 9 * time.Second},
		},
		{
			name: "a cancelled prompt by callback", policy: sandbox, replies: []reply{busy},
			meanwhile: calledBack(17*time.Second, payment.StatusFailed),
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourceCallback, Kind: "declined",
				Ends: 17 * time.Second, Asked: at(12),
			},
		},
		{
			name: "4999 and no answer never settle; the schedule is 12, 15, 20, 30 and a last query", policy: sandbox,
			replies: []reply{busy, wait, wait, busy, busy, wait},
			want:    outcome{Status: payment.StatusPending, Kind: "pending", Ends: 130 * time.Second, Asked: at(12, 27, 47, 77, 107, 130)},
		},
		{
			name: "the last query decides", policy: sandbox,
			replies: []reply{busy, busy, busy, busy, busy, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourceQuery, Kind: "declined",
				Ends: 132 * time.Second, Asked: at(12, 27, 47, 77, 107, 130),
			},
		},
		{
			name: "paid by poll, the receipt follows by callback", policy: sandbox, replies: []reply{says(payment.StatusCompleted)},
			meanwhile: calledBack(14*time.Second, payment.StatusCompleted),
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourcePoll, Receipt: receipt,
				Ends: 14 * time.Second, Asked: at(12),
			},
		},
		{
			name: "paid by poll, no callback: the wait for a receipt is short", policy: sandbox,
			replies: []reply{says(payment.StatusCompleted)},
			want:    outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourcePoll, Ends: 15 * time.Second, Asked: at(12)},
		},
		{
			name: "via poll does not wait for the receipt", policy: with(sandbox, func(p *Policy) { p.Via = ViaPoll }),
			replies: []reply{says(payment.StatusCompleted)},
			want:    outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourcePoll, Ends: 12 * time.Second, Asked: at(12)},
		},
		{
			name: "failed by poll, paid by callback soon after: a conflict", policy: sandbox, replies: []reply{says(payment.StatusFailed)},
			meanwhile: calledBack(13500*time.Millisecond, payment.StatusCompleted),
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourceCallback, Receipt: receipt, Kind: "conflict",
				Conflict: "the poll said FAILED, the callback says COMPLETED", Ends: 13500 * time.Millisecond, Asked: at(12),
			},
		},
		{
			name: "failed by poll, and the callback agrees", policy: sandbox, replies: []reply{says(payment.StatusFailed)},
			meanwhile: calledBack(13*time.Second, payment.StatusFailed),
			want:      outcome{Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined", Ends: 14 * time.Second, Asked: at(12)},
		},
		{
			name: "via poll a failure is not held for the callback", policy: with(sandbox, func(p *Policy) { p.Via = ViaPoll }),
			replies: []reply{says(payment.StatusFailed)},
			want:    outcome{Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined", Ends: 12 * time.Second, Asked: at(12)},
		},
		{
			name: "a failing query beside a paid callback is a conflict and overwrites nothing", policy: sandbox,
			replies: []reply{{answer: says(payment.StatusFailed).answer, after: 2 * time.Second}},
			// Stored but not yet heard of when the answer arrives at the same instant.
			meanwhile: later(13*time.Second, func(_ *testing.T, l *memLedger) {
				l.mu.Lock()
				defer l.mu.Unlock()
				d, _ := l.deposits[depositID].Apply(payment.Claim{Status: payment.StatusCompleted, By: payment.SourceCallback, Receipt: receipt})
				l.deposits[depositID] = d
			}),
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourceCallback, Receipt: receipt, Kind: "conflict",
				Conflict: "the callback said COMPLETED, the poll says FAILED", Ends: 14 * time.Second, Asked: at(12),
			},
		},
		{
			name: "a paid callback overrules a failing query", policy: sandbox,
			deposit: func(d *payment.Deposit) {
				failed, _ := d.Apply(payment.Claim{Status: payment.StatusFailed, By: payment.SourcePoll})
				*d, _ = failed.Apply(payment.Claim{Status: payment.StatusCompleted, By: payment.SourceCallback, Receipt: receipt})
			},
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourceCallback, Receipt: receipt, Kind: "conflict",
				Conflict: "the poll said FAILED, the callback says COMPLETED",
			},
		},
		{
			name: "via callback asks nobody", policy: with(sandbox, func(p *Policy) { p.Via = ViaCallback }),
			want: outcome{Status: payment.StatusPending, Kind: "pending", Ends: 130 * time.Second},
		},
		{
			name: "via callback is decided by one", policy: with(sandbox, func(p *Policy) { p.Via = ViaCallback }),
			meanwhile: calledBack(129*time.Second, payment.StatusCompleted),
			want:      outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourceCallback, Receipt: receipt, Ends: 129 * time.Second},
		},
		{
			name: "unknown without an id waits for the callback only", policy: sandbox,
			deposit:   func(d *payment.Deposit) { d.Status, d.ProviderID = payment.StatusUnknown, "" },
			meanwhile: calledBack(100*time.Second, payment.StatusCompleted),
			want:      outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourceCallback, Receipt: receipt, Ends: 100 * time.Second},
		},
		{
			name: "unknown without an id and without a callback has no last query", policy: sandbox,
			deposit: func(d *payment.Deposit) { d.Status, d.ProviderID = payment.StatusUnknown, "" },
			want:    outcome{Status: payment.StatusUnknown, Kind: "pending", Ends: 130 * time.Second},
		},
		{
			name: "an id that appears later is asked with", policy: sandbox, replies: []reply{says(payment.StatusFailed)},
			deposit: func(d *payment.Deposit) { d.Status, d.ProviderID = payment.StatusCreated, "" },
			meanwhile: later(30*time.Second, func(_ *testing.T, l *memLedger) {
				l.edit(depositID, func(d *payment.Deposit) {
					d.Status, d.ProviderID, d.SentAt = payment.StatusPending, checkoutID, time.Now()
				})
			}),
			want: outcome{Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined", Ends: 44 * time.Second, Asked: at(42)},
		},
		{
			name: "a deposit sent long ago is asked about at once", policy: sandbox, replies: []reply{says(payment.StatusFailed)},
			deposit: func(d *payment.Deposit) { d.SentAt = d.SentAt.Add(-time.Hour) },
			want:    outcome{Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined", Ends: 2 * time.Second, Asked: at(0)},
		},
		{
			name: "a clock that was set back does not delay the first question", policy: sandbox, replies: []reply{says(payment.StatusFailed)},
			deposit: func(d *payment.Deposit) { d.SentAt = d.SentAt.Add(24 * time.Hour) },
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 14 * time.Second, Asked: at(12),
			},
		},
		{
			name: "a storm of 429 fails nothing", policy: sandbox,
			replies: []reply{limited(0), limited(0), limited(0), limited(0), says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				// Backing off for 3, 6 and 12 s is within a slot, the fourth wait is 15 s.
				Ends: 65 * time.Second, Asked: at(12, 24, 36, 48, 63),
			},
		},
		{
			name: "retry-after is kept by the shared budget", policy: sandbox,
			replies: []reply{limited(40 * time.Second), says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 54 * time.Second, Asked: at(12, 52),
			},
		},
		{
			name: "a retry-after beyond the end costs the last query, not the watch", policy: sandbox,
			replies: []reply{limited(time.Hour)},
			want:    outcome{Status: payment.StatusPending, Kind: "pending", Ends: 130 * time.Second, Asked: at(12)},
		},
		{
			name: "a gateway that hangs is left after 20 s", policy: sandbox,
			replies: []reply{{after: time.Hour}, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 37 * time.Second, Asked: at(12, 35),
			},
		},
		{
			name: "an id that the provider does not know (yet) is asked about again", policy: sandbox,
			replies: []reply{refuses(payment.KindNotFound, "no such deposit"), says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 29 * time.Second, Asked: at(12, 27),
			},
		},
		{
			name: "an answer on its way at the deadline is the last one", policy: with(sandbox, func(p *Policy) { p.Deadline = 25 * time.Second }),
			replies: []reply{{answer: busy.answer, after: 18 * time.Second}},
			want:    outcome{Status: payment.StatusPending, Kind: "pending", Ends: 30 * time.Second, Asked: at(12)},
		},
		{
			name: "a question within a slot of the deadline is left to the last query", policy: with(sandbox, func(p *Policy) { p.Deadline = 85 * time.Second }),
			replies: []reply{busy, busy, busy, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourceQuery, Kind: "declined",
				Ends: 87 * time.Second, Asked: at(12, 27, 47, 85),
			},
		},
		{
			name: "the emulator is asked every second", policy: DarajaPolicy(payment.Local),
			replies: []reply{busy, busy, says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourcePoll, Kind: "declined",
				Ends: 4 * time.Second, Asked: at(1, 2, 3),
			},
		},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			play(t, s)
		})
	}
}
