package watch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// strict is a policy whose deadline somebody set.
func strict(p Policy, deadline time.Duration) Policy {
	p.Deadline, p.Strict = deadline, true
	return p
}

// TestDeadlineThatWasSet checks that a deadline that was set holds, last queries
// included, and that deposits are still looked at until then.
func TestDeadlineThatWasSet(t *testing.T) {
	t.Parallel()
	sandbox := DarajaPolicy(payment.Sandbox)
	busy := says(payment.StatusPending)
	longAgo := func(d *payment.Deposit) { d.SentAt = d.SentAt.Add(-time.Hour) }
	for _, s := range []scenario{
		{
			name: "a short one: the last query is asked before its end", policy: strict(sandbox, 4*time.Second), deposit: longAgo,
			replies: []reply{busy},
			want:    outcome{Status: payment.StatusPending, Kind: "pending", Ends: 4 * time.Second, Asked: at(3)},
		},
		{
			name: "the last query decides", policy: strict(with(sandbox, func(p *Policy) { p.Via = ViaPoll }), 4*time.Second), deposit: longAgo,
			replies: []reply{says(payment.StatusFailed)},
			want: outcome{
				Status: payment.StatusFailed, DecidedBy: payment.SourceQuery, Kind: "declined",
				Ends: 3 * time.Second, Asked: at(3),
			},
		},
		{
			name: "a long one: the last queries have 30 s", policy: strict(sandbox, 150*time.Second),
			replies: []reply{busy, busy, busy, busy, busy, busy},
			want:    outcome{Status: payment.StatusPending, Kind: "pending", Ends: 150 * time.Second, Asked: at(12, 27, 47, 77, 107, 120)},
		},
		{
			name: "a last query that hangs", policy: strict(WasaaPayPolicy(payment.Local), 3*time.Second),
			replies: []reply{busy, {after: time.Hour}},
			want:    outcome{Status: payment.StatusPending, Kind: "pending", Ends: 3 * time.Second, Asked: at(2, 2.25)},
		},
		{
			name: "a question that hangs is the last one", policy: strict(WasaaPayPolicy(payment.Local), 3*time.Second), deposit: longAgo,
			replies: []reply{{after: time.Hour}},
			want:    outcome{Status: payment.StatusPending, Kind: "pending", Ends: 3 * time.Second, Asked: at(0)},
		},
		{
			name: "a callback after the last query", policy: strict(sandbox, 40*time.Second), replies: []reply{busy, busy},
			meanwhile: calledBack(39*time.Second, payment.StatusCompleted),
			want: outcome{
				Status: payment.StatusCompleted, DecidedBy: payment.SourceCallback, Receipt: receipt,
				Ends: 39 * time.Second, Asked: at(12, 30),
			},
		},
		{
			name: "via callback is patient to its end", policy: strict(with(sandbox, func(p *Policy) { p.Via = ViaCallback }), 40*time.Second),
			meanwhile: calledBack(39*time.Second, payment.StatusFailed),
			want:      outcome{Status: payment.StatusFailed, DecidedBy: payment.SourceCallback, Kind: "declined", Ends: 39 * time.Second},
		},
		{
			name: "the receipt is waited for no longer", policy: strict(sandbox, 4*time.Second), deposit: longAgo,
			replies: []reply{says(payment.StatusCompleted)},
			want:    outcome{Status: payment.StatusCompleted, DecidedBy: payment.SourceQuery, Ends: 4 * time.Second, Asked: at(3)},
		},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			play(t, s)
		})
	}
}

// TestLastQueriesAreBounded checks that many deposits do not lengthen a watch
// beyond its end, and that no slot is taken that lies behind it.
func TestLastQueriesAreBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		policy Policy
		ends   time.Duration
		asked  []time.Duration
	}{
		{"a deadline of its own", strict(DarajaPolicy(payment.Sandbox), time.Second), time.Second, at(0.75)},
		{"a longer one", strict(DarajaPolicy(payment.Sandbox), 100*time.Second), 100 * time.Second, at(12, 24, 36, 48, 60, 72, 84, 96)},
		// The rounds end at 108 s, the last queries fit until 160 s.
		{"none", DarajaPolicy(payment.Sandbox), 156 * time.Second, at(12, 24, 36, 48, 60, 72, 84, 96, 108, 120, 132, 144, 156)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				deposits, ids := crowd(8)
				asks, budget, start := newOracle(t), &memBudget{}, time.Now()
				for _, d := range deposits {
					asks.lines[d.ProviderID] = []reply{says(payment.StatusPending), says(payment.StatusPending), says(payment.StatusPending)}
				}
				o := Options{Ledger: newLedger(deposits...), Depositor: asks, Budget: budget, Policy: c.policy}
				results, err := New(o).Watch(t.Context(), ids, nil)
				if err != nil || payment.KindOf(results.Err()) != payment.KindPending {
					t.Errorf("watch: %v, outcome: %v; want pending", err, results.Err())
				}
				if took := time.Since(start); took != c.ends {
					t.Errorf("ended after %s, want %s", took, c.ends)
				}
				if diff := cmp.Diff(c.asked, asks.asked); diff != "" {
					t.Errorf("questions (-want +got):\n%s", diff)
				}
				if next, want := budget.next.Sub(start), c.asked[len(c.asked)-1]+12*time.Second; next != want {
					t.Errorf("the next slot is at %s, want %s: after the last question", next, want)
				}
			})
		})
	}
}

// TestSlotBeyondTheEnd checks that a watch whose turn never comes books nothing,
// asks nothing and ends in time.
func TestSlotBeyondTheEnd(t *testing.T) {
	t.Parallel()
	sandbox := DarajaPolicy(payment.Sandbox)
	for _, c := range []struct {
		name   string
		policy Policy
		ends   time.Duration
	}{
		{"a deadline of its own", strict(sandbox, time.Second), time.Second},
		{"a longer one", strict(sandbox, 100*time.Second), 100 * time.Second},
		{"none", sandbox, Deadline},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				budget := &memBudget{next: start.Add(215 * time.Second)}
				o := Options{
					Ledger: newLedger(pending(depositID, checkoutID, start)), Depositor: newOracle(t), Budget: budget, Policy: c.policy,
				}
				told := false
				if _, err := New(o).Watch(t.Context(), []string{depositID}, func(u Update) {
					told = told || u.Note == "not asked: the query budget is used up for another "+rounded(budget.next.Sub(u.At))
				}); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != c.ends {
					t.Errorf("ended after %s, want %s", took, c.ends)
				}
				if !told {
					t.Error("no update told that nothing was asked")
				}
				if next := budget.next.Sub(start); next != 215*time.Second {
					t.Errorf("the next slot is at %s, want 215s as before", next)
				}
			})
		})
	}
}

// TestBudgetThatComesBack checks that a watch that was refused a slot asks once
// one is given back.
func TestBudgetThatComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		budget, asks := &memBudget{next: start.Add(time.Hour)}, newOracle(t, says(payment.StatusFailed))
		time.AfterFunc(30*time.Second, func() {
			budget.mu.Lock()
			defer budget.mu.Unlock()
			budget.next = start
		})
		o := Options{Ledger: newLedger(pending(depositID, checkoutID, start)), Depositor: asks, Budget: budget, Policy: DarajaPolicy(payment.Sandbox)}
		if _, err := New(o).Watch(t.Context(), []string{depositID}, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(at(36), asks.asked); diff != "" {
			t.Errorf("questions (-want +got):\n%s", diff)
		}
	})
}

// TestHeldSlotIsGivenBack checks that a slot that a watch did not come to use is
// free again, whatever ended it.
func TestHeldSlotIsGivenBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(*testing.T, *memLedger, context.CancelFunc)
	}{
		{"by a callback", func(t *testing.T, l *memLedger, _ context.CancelFunc) { l.callback(t, depositID, payment.StatusFailed) }},
		{"by Ctrl-C", func(_ *testing.T, _ *memLedger, cancel context.CancelFunc) { cancel() }},
		{"by a broken ledger", func(_ *testing.T, l *memLedger, _ context.CancelFunc) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.readErr = func() error { return context.DeadlineExceeded }
			l.changed()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ledger, budget := newLedger(pending(depositID, checkoutID, start)), &memBudget{next: start.Add(time.Minute)}
				time.AfterFunc(40*time.Second, func() { c.end(t, ledger, cancel) })
				o := Options{Ledger: ledger, Depositor: newOracle(t), Budget: budget, Policy: DarajaPolicy(payment.Sandbox)}
				_, _ = New(o).Watch(ctx, []string{depositID}, nil)
				if took := time.Since(start); took != 40*time.Second {
					t.Errorf("ended after %s, want 40s", took)
				}
				if next := budget.next.Sub(start); next != time.Minute {
					t.Errorf("the next slot is at %s, want 1m: nothing was asked", next)
				}
			})
		})
	}
}
