package watch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// failure is an error as far as these tests care.
type failure struct {
	Kind     string
	Canceled bool
	States   []payment.Status
}

func states(rs Results) []payment.Status {
	var out []payment.Status
	for _, r := range rs {
		out = append(out, r.Deposit.Status)
	}
	return out
}

// TestWatchFails checks what ends a watch without an outcome.
func TestWatchFails(t *testing.T) {
	t.Parallel()
	wasaapay := WasaaPayPolicy(payment.Sandbox)
	denied := refuses(payment.KindUnauthorized, "the key was refused")
	for _, c := range []struct {
		name    string
		policy  Policy
		ids     []string
		replies []reply
		steps   []step
		ledger  func(*memLedger)
		budget  func() error
		ends    time.Duration
		want    failure
	}{
		{name: "no ids", policy: wasaapay, ids: []string{}, want: failure{Kind: "usage"}},
		{name: "an id that nobody knows", policy: wasaapay, ids: []string{"nope"}, want: failure{Kind: "not_found"}},
		{
			name: "via stream without a stream", policy: with(wasaapay, func(p *Policy) { p.Via = ViaStream }),
			want: failure{Kind: "usage"},
		},
		{
			name: "a refused key when polling", policy: wasaapay, replies: []reply{denied}, ends: 2 * time.Second,
			want: failure{Kind: "unauthorized", States: []payment.Status{payment.StatusPending}},
		},
		{
			name: "a wrong setting when polling", policy: wasaapay, replies: []reply{refuses(payment.KindUsage, "bad base_url")}, ends: 2 * time.Second,
			want: failure{Kind: "usage", States: []payment.Status{payment.StatusPending}},
		},
		{
			name: "a refused key on the only way", policy: with(wasaapay, func(p *Policy) { p.Via = ViaStream }),
			steps: []step{ends(time.Second, denied.err)}, ends: time.Second,
			want: failure{Kind: "unauthorized", States: []payment.Status{payment.StatusPending}},
		},
		{
			name: "a key that the stream and the next answer refuse", policy: wasaapay,
			steps: []step{ends(time.Second, denied.err)}, replies: []reply{denied}, ends: time.Second,
			want: failure{Kind: "unauthorized", States: []payment.Status{payment.StatusPending}},
		},
		{
			name: "via stream and certificate trouble", policy: with(wasaapay, func(p *Policy) { p.Via = ViaStream }),
			steps: []step{ends(time.Second, refuses(payment.KindUnavailable, "certificate").err)}, ends: time.Second,
			want: failure{Kind: "unavailable", States: []payment.Status{payment.StatusPending}},
		},
		{
			name: "via stream and a stream that just ends", policy: with(wasaapay, func(p *Policy) { p.Via = ViaStream }),
			steps: []step{ends(time.Second, nil)}, ends: time.Second,
			want: failure{Kind: "unavailable", States: []payment.Status{payment.StatusPending}},
		},
		{
			name: "a broken ledger at the first look", policy: wasaapay,
			ledger: func(l *memLedger) { l.readErr = func() error { return errors.New("disk") } },
			want:   failure{Kind: "internal"},
		},
		{
			name: "a broken budget", policy: wasaapay, ends: 2 * time.Second, budget: func() error { return errors.New("disk") },
			want: failure{Kind: "internal", States: []payment.Status{payment.StatusPending}},
		},
		{
			name: "an answer that cannot be recorded", policy: wasaapay, replies: []reply{says(payment.StatusFailed)}, ends: 2 * time.Second,
			ledger: func(l *memLedger) { l.claimErr = func() error { return errors.New("disk full") } },
			want:   failure{Kind: "internal", States: []payment.Status{payment.StatusPending}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ledger, asks, start := newLedger(pending(depositID, checkoutID, time.Now())), newOracle(t, c.replies...), time.Now()
				if c.ledger != nil {
					c.ledger(ledger)
				}
				o := Options{Ledger: ledger, Depositor: asks, Policy: c.policy, Budget: &memBudget{err: c.budget}}
				if c.steps != nil {
					o.Streamer = &tape{steps: c.steps}
				}
				ids := c.ids
				if ids == nil {
					ids = []string{depositID}
				}
				results, err := New(o).Watch(t.Context(), ids, nil)
				if err == nil {
					t.Fatal("the watch did not fail")
				}
				got := failure{Kind: payment.KindOf(err).String(), Canceled: errors.Is(err, context.Canceled), States: states(results)}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("failure (-want +got):\n%s", diff)
				}
				if took := time.Since(start); took != c.ends {
					t.Errorf("ended after %s, want %s", took, c.ends)
				}
				asks.spent()
			})
		})
	}
	t.Run("via poll without anybody to ask", func(t *testing.T) {
		t.Parallel()
		o := Options{Ledger: newLedger(), Policy: Policy{Via: ViaPoll}}
		if _, err := New(o).Watch(t.Context(), []string{depositID}, nil); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("error is %v, want usage", err)
		}
	})
}

// TestRefusedKeyAfterTheOutcome checks that a refused key does not hide an
// outcome that the ledger already holds.
func TestRefusedKeyAfterTheOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ledger := newLedger(pending(depositID, checkoutID, time.Now()))
		asks := newOracle(t, reply{err: refuses(payment.KindUnauthorized, "refused").err, after: time.Second})
		go func() {
			time.Sleep(2500 * time.Millisecond)
			ledger.mu.Lock()
			defer ledger.mu.Unlock()
			ledger.deposits[depositID], _ = ledger.deposits[depositID].Apply(payment.Claim{Status: payment.StatusCompleted, By: payment.SourceCallback})
		}()
		results, err := New(Options{Ledger: ledger, Depositor: asks, Policy: WasaaPayPolicy(payment.Local)}).Watch(t.Context(), []string{depositID}, nil)
		if err != nil || results.Err() != nil {
			t.Errorf("watch: %v, outcome: %v; want neither", err, results.Err())
		}
	})
}

// TestStopped checks that an interrupted watch ends at once, tells how to go
// on, and loses no answer that had come.
func TestStopped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		stop func(context.Context) (context.Context, context.CancelFunc)
		want failure
	}{
		{
			name: "by the operator",
			stop: func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(40*time.Second, cancel)
				return ctx, cancel
			},
			want: failure{Kind: "interrupted", Canceled: true, States: []payment.Status{payment.StatusPending}},
		},
		{
			name: "by a deadline of the caller",
			stop: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 40*time.Second)
			},
			want: failure{Kind: "pending", States: []payment.Status{payment.StatusPending}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ledger, start := newLedger(pending(depositID, checkoutID, time.Now())), time.Now()
				asks := newOracle(t, says(payment.StatusPending), says(payment.StatusPending))
				ctx, cancel := c.stop(t.Context())
				defer cancel()
				o := Options{Ledger: ledger, Depositor: asks, Policy: DarajaPolicy(payment.Sandbox), Streamer: &tape{}}
				results, err := New(o).Watch(ctx, []string{depositID}, nil)
				got := failure{Kind: payment.KindOf(err).String(), Canceled: errors.Is(err, context.Canceled), States: states(results)}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("failure (-want +got):\n%s", diff)
				}
				if took := time.Since(start); took != 40*time.Second {
					t.Errorf("ended after %s, want 40s", took)
				}
				var e *payment.Error
				if !errors.As(err, &e) || !strings.Contains(e.Hint, "payctl status watch "+depositID) {
					t.Errorf("the error %v has no hint how to go on", err)
				}
			})
		})
	}
}

// stubborn answers only when its context has ended, as a server does whose
// answer crosses with Ctrl-C.
type stubborn struct{ *oracle }

func (s stubborn) Ask(ctx context.Context, _ payment.Deposit) (payment.Answer, error) {
	<-ctx.Done()
	return says(payment.StatusCompleted).answer, nil
}

// TestAnswerCrossesInterrupt checks that an outcome that arrives together with
// Ctrl-C is recorded.
func TestAnswerCrossesInterrupt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ledger := newLedger(pending(depositID, checkoutID, time.Now()))
		ctx, cancel := context.WithTimeoutCause(t.Context(), 15*time.Second, context.Canceled)
		defer cancel()
		o := Options{Ledger: ledger, Depositor: stubborn{newOracle(t)}, Policy: DarajaPolicy(payment.Sandbox)}
		results, err := New(o).Watch(ctx, []string{depositID}, nil)
		if err != nil {
			t.Errorf("watch: %v; the outcome is known", err)
		}
		if got := ledger.deposits[depositID].Status; got != payment.StatusCompleted || results[0].Deposit.Status != got {
			t.Errorf("the ledger says %s, the result %s; want COMPLETED", got, results[0].Deposit.Status)
		}
	})
}

// TestNotesAreClean checks that nothing a provider says brings a phone number,
// a second line or a flood into a note.
func TestNotesAreClean(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nasty := "held for 254711000222\r\n\x1b[31m" + strings.Repeat("x", 5000)
		ledger := newLedger(pending(depositID, checkoutID, time.Now()))
		asks := newOracle(t,
			reply{answer: payment.Answer{Status: payment.StatusPending, Code: "4999\n", Message: nasty}},
			refuses(payment.KindUnavailable, nasty), refuses(payment.KindNotFound, nasty),
			says(payment.StatusFailed),
		)
		stream := &tape{steps: []step{
			up(2500 * time.Millisecond),
			tells(0, payment.Event{Name: "deposit.held", Status: payment.StatusUnknown, Notes: []string{nasty}}),
			{after: 0, update: payment.StreamUpdate{Signal: payment.StreamDown, Note: nasty}},
		}}
		notes := 0
		o := Options{Ledger: ledger, Depositor: asks, Streamer: stream, Policy: WasaaPayPolicy(payment.Local)}
		_, err := New(o).Watch(t.Context(), []string{depositID}, func(u Update) {
			notes++
			if strings.Contains(u.Note, "711000222") || strings.ContainsAny(u.Note, "\r\n\x1b") || len(u.Note) > 400 {
				t.Errorf("unclean note: %q", u.Note)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if notes < 6 {
			t.Errorf("only %d updates", notes)
		}
	})
}

// TestFormerConnection checks that what a connection says after it was given up
// for a wider one does not count.
func TestFormerConnection(t *testing.T) {
	t.Parallel()
	r := newRun(New(Options{Ledger: newLedger()}).o, func(Update) {})
	r.stream.generation = 2
	for _, m := range []streamMessage{
		{generation: 1, update: payment.StreamUpdate{Signal: payment.StreamUp}},
		{generation: 1, ended: true, err: refuses(payment.KindUnauthorized, "refused").err},
	} {
		if err := r.hear(t.Context(), m); err != nil || r.stream.up || r.stream.over {
			t.Errorf("%+v was heard: %v", m, err)
		}
	}
}
