package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// crowd returns n pending deposits, dep-0 and so on.
func crowd(n int) (deposits []payment.Deposit, ids []string) {
	for i := range n {
		id := fmt.Sprintf("dep-%d", i)
		ids = append(ids, id)
		deposits = append(deposits, pending(id, "ws_"+id, time.Now()))
	}
	return deposits, ids
}

// TestManyShareOneConnection follows several ids to different ends.
func TestManyShareOneConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deposits, ids := crowd(3)
		ledger, asks := newLedger(deposits...), newOracle(t)
		asks.lines = map[string][]reply{
			"ws_dep-0": slices.Repeat([]reply{says(payment.StatusPending)}, 3),
			"ws_dep-1": slices.Repeat([]reply{says(payment.StatusPending)}, 3),
			"ws_dep-2": slices.Repeat([]reply{says(payment.StatusPending)}, 7), // the gap, seldom, then the last query
		}
		stream := &tape{steps: []step{
			up(time.Second),
			tells(time.Minute, payment.Event{ProviderID: "ws_dep-1", Status: payment.StatusFailed}),
			tells(time.Second, payment.Event{ProviderID: "ws_dep-0", Status: payment.StatusCompleted}),
		}}
		finals := map[string]int{}
		o := Options{Ledger: ledger, Depositor: asks, Streamer: stream, Policy: WasaaPayPolicy(payment.Sandbox), Budget: &memBudget{}}
		results, err := New(o).Watch(t.Context(), append(ids, ids[0]), func(u Update) {
			if u.Final {
				finals[u.Deposit.ID]++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]payment.Status{payment.StatusCompleted, payment.StatusFailed, payment.StatusPending}, states(results)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([][]string{{"ws_dep-0", "ws_dep-1", "ws_dep-2"}}, stream.subscribed); diff != "" {
			t.Errorf("connections (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{"dep-0": 1, "dep-1": 1, "dep-2": 1}, finals); diff != "" {
			t.Errorf("final updates (-want +got):\n%s", diff)
		}
		// One question a second, the budget's slot; the last query at the end.
		if diff := cmp.Diff(at(1, 2, 3, 26, 27, 28, 51, 52, 53, 78, 103, 128, 130), asks.asked); diff != "" {
			t.Errorf("questions (-want +got):\n%s", diff)
		}
		if got := payment.KindOf(results.Err()); got != payment.KindDeclined {
			t.Errorf("the worst outcome is %s, want declined", got)
		}
		asks.spent()
	})
}

// TestCrowdOnTheStream checks that a crowd which a stream tells of leaves half
// of the budget to others.
func TestCrowdOnTheStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deposits, ids := crowd(50)
		asks := newOracle(t)
		for _, d := range deposits {
			asks.lines[d.ProviderID] = slices.Repeat([]reply{says(payment.StatusPending)}, 3)
		}
		stream := &tape{steps: []step{up(time.Second)}}
		o := Options{Ledger: newLedger(deposits...), Depositor: asks, Streamer: stream, Policy: WasaaPayPolicy(payment.Sandbox), Budget: &memBudget{}}
		ctx, cancel := context.WithTimeout(t.Context(), 125*time.Second)
		defer cancel()
		if _, err := New(o).Watch(ctx, ids, nil); payment.KindOf(err) != payment.KindPending {
			t.Errorf("got %v, want pending", err)
		}
		// 50 to close the gap, half of the budget's slots after the first 101 s.
		if got := len(asks.asked); got < 70 || got > 80 {
			t.Errorf("%d questions, want 75", got)
		}
	})
}

// TestOverruledMeanwhile checks that a deposit that a poll called failed is
// still looked at while others are followed, and that the paid callback wins.
func TestOverruledMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deposits, ids := crowd(2)
		ledger, asks := newLedger(deposits...), newOracle(t)
		asks.lines = map[string][]reply{"ws_dep-0": {says(payment.StatusFailed)}, "ws_dep-1": {says(payment.StatusPending)}}
		go func() {
			time.Sleep(20 * time.Second)
			ledger.callback(t, "dep-0", payment.StatusCompleted)
			ledger.callback(t, "dep-0", payment.StatusCompleted)
			time.Sleep(time.Second)
			ledger.callback(t, "dep-1", payment.StatusCompleted)
		}()
		var told []string
		o := Options{Ledger: ledger, Depositor: asks, Policy: with(DarajaPolicy(payment.Sandbox), func(p *Policy) { p.PerSlot = 0 })}
		results, err := New(o).Watch(t.Context(), ids, func(u Update) {
			if u.Final {
				told = append(told, fmt.Sprint(u.Deposit.ID, " ", u.Deposit.Status, " by ", u.Via))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"dep-0 FAILED by poll", "dep-0 COMPLETED by callback", "dep-1 COMPLETED by callback"}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("final updates (-want +got):\n%s", diff)
		}
		if got := payment.KindOf(results.Err()); got != payment.KindConflict {
			t.Errorf("the worst outcome is %s, want conflict", got)
		}
		asks.spent()
	})
}

// TestBudgetIsShared runs two watches, as two processes would, on one budget of
// a question in 12 s, and checks that waiting is told and fails nothing.
func TestBudgetIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deposits, ids := crowd(4)
		ledger, asks, budget := newLedger(deposits...), newOracle(t), &memBudget{}
		for _, d := range deposits {
			asks.lines[d.ProviderID] = []reply{says(payment.StatusPending), says(payment.StatusFailed)}
		}
		waits := 0
		jobs := make([]Job, 2)
		for i := range jobs {
			o := Options{Ledger: ledger, Depositor: asks, Budget: budget, Policy: DarajaPolicy(payment.Sandbox)}
			jobs[i] = Job{Watcher: New(o), IDs: ids[2*i : 2*i+2]}
		}
		results, err := Several(t.Context(), jobs, func(u Update) {
			if strings.Contains(u.Note, "budget is shared") {
				waits++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(asks.asked)
		for i := 1; i < len(asks.asked); i++ {
			if gap := asks.asked[i] - asks.asked[i-1]; gap < 12*time.Second {
				t.Errorf("questions %s apart at %s, want at least 12s", gap, asks.asked[i])
			}
		}
		if waits == 0 {
			t.Error("no update told of waiting for the budget")
		}
		failed := []payment.Status{payment.StatusFailed, payment.StatusFailed, payment.StatusFailed, payment.StatusFailed}
		if diff := cmp.Diff(failed, states(results)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		asks.spent()
	})
}

// TestQuestionsAreBounded checks that many due deposits do not become as many
// requests at once, and that all get their turn and their last query.
func TestQuestionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deposits, ids := crowd(50)
		asks := newOracle(t)
		for _, d := range deposits {
			asks.lines[d.ProviderID] = []reply{{answer: says(payment.StatusPending).answer, after: time.Second}, says(payment.StatusFailed)}
		}
		policy := Policy{Schedule: payment.Schedule{Gaps: []time.Duration{time.Second, time.Hour}}, Deadline: time.Minute}
		results, err := New(Options{Ledger: newLedger(deposits...), Depositor: asks, Policy: policy}).Watch(t.Context(), ids, nil)
		if err != nil {
			t.Fatal(err)
		}
		if asks.most != maxAsks {
			t.Errorf("%d questions at once, want %d", asks.most, maxAsks)
		}
		for _, r := range results {
			if r.Questions != 2 || r.Deposit.DecidedBy != payment.SourceQuery {
				t.Fatalf("%s: %d questions, decided by %q; want 2, query", r.Deposit.ID, r.Questions, r.Deposit.DecidedBy)
			}
		}
		asks.spent()
	})
}

// TestStreamWidens checks that an id that is learned later is subscribed to.
func TestStreamWidens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deposits, ids := crowd(2)
		deposits[1].ProviderID, deposits[1].Status = "", payment.StatusUnknown
		ledger, asks := newLedger(deposits...), newOracle(t)
		asks.lines = map[string][]reply{
			"ws_dep-0": {says(payment.StatusPending), says(payment.StatusCompleted)},
			"ws_dep-1": {says(payment.StatusCompleted)},
		}
		stream := &tape{steps: []step{up(time.Second)}}
		go func() {
			time.Sleep(10 * time.Second)
			ledger.edit("dep-1", func(d *payment.Deposit) { d.ProviderID, d.Status = "ws_dep-1", payment.StatusPending })
		}()
		o := Options{Ledger: ledger, Depositor: asks, Streamer: stream, Policy: with(WasaaPayPolicy(payment.Local), func(p *Policy) { p.Via = ViaStream })}
		results, err := New(o).Watch(t.Context(), ids, nil)
		if err != nil || results.Err() != nil {
			t.Fatalf("watch: %v, outcome: %v", err, results.Err())
		}
		if diff := cmp.Diff([][]string{{"ws_dep-0"}, {"ws_dep-0", "ws_dep-1"}}, stream.subscribed); diff != "" {
			t.Errorf("connections (-want +got):\n%s", diff)
		}
		asks.spent()
	})
}

// TestFailuresTogetherAreOne checks that questions which were under way
// together and failed together back off once.
func TestFailuresTogetherAreOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deposits, ids := crowd(maxAsks)
		asks := newOracle(t)
		for _, d := range deposits {
			asks.lines[d.ProviderID] = []reply{limited(0), says(payment.StatusFailed)}
		}
		o := Options{Ledger: newLedger(deposits...), Depositor: asks, Policy: DarajaPolicy(payment.Local), Rand: func() float64 { return 0 }}
		if _, err := New(o).Watch(t.Context(), ids, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(at(1, 1, 1, 1, 1.5, 1.5, 1.5, 1.5), asks.asked); diff != "" {
			t.Errorf("questions (-want +got):\n%s", diff)
		}
	})
}

// TestRetryAfterBindsLastQueries checks that a slot taken before the provider
// asked for patience is not used before its time.
func TestRetryAfterBindsLastQueries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deposits, ids := crowd(2)
		asks, budget := newOracle(t), &memBudget{start: time.Now()}
		asks.lines = map[string][]reply{"ws_dep-0": {limited(20 * time.Second)}, "ws_dep-1": {says(payment.StatusFailed)}}
		policy := with(DarajaPolicy(payment.Sandbox), func(p *Policy) { p.Deadline = 10 * time.Second })
		o := Options{Ledger: newLedger(deposits...), Depositor: asks, Budget: budget, Policy: policy}
		results, err := New(o).Watch(t.Context(), ids, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(at(10, 30), asks.asked); diff != "" {
			t.Errorf("questions (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(at(30), budget.holds); diff != "" {
			t.Errorf("holds (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]payment.Status{payment.StatusPending, payment.StatusFailed}, states(results)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

// TestRetryAfterWithoutBudget checks that patience does not need a budget.
func TestRetryAfterWithoutBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asks := newOracle(t, limited(25*time.Second), says(payment.StatusFailed))
		o := Options{Ledger: newLedger(pending(depositID, checkoutID, time.Now())), Depositor: asks, Policy: DarajaPolicy(payment.Local)}
		if _, err := New(o).Watch(t.Context(), []string{depositID}, nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(at(1, 26), asks.asked); diff != "" {
			t.Errorf("questions (-want +got):\n%s", diff)
		}
	})
}

// TestWrongSettingsForOne checks that a deposit that cannot be asked about with
// these settings does not end the watch of the others, nor its own.
func TestWrongSettingsForOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deposits, ids := crowd(2)
		ledger, asks := newLedger(deposits...), newOracle(t)
		asks.lines = map[string][]reply{
			"ws_dep-0": {refuses(payment.KindUsage, "the push was sent for shortcode 600111")},
			"ws_dep-1": {says(payment.StatusPending), says(payment.StatusPending), says(payment.StatusFailed)},
		}
		go func() {
			time.Sleep(2500 * time.Millisecond)
			ledger.callback(t, "dep-0", payment.StatusCompleted)
		}()
		var told []string
		o := Options{Ledger: ledger, Depositor: asks, Policy: DarajaPolicy(payment.Local)}
		results, err := New(o).Watch(t.Context(), ids, func(u Update) {
			if u.Changed {
				told = append(told, fmt.Sprint(u.Deposit.ID, " ", u.Deposit.Status, " final=", u.Final))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]payment.Status{payment.StatusCompleted, payment.StatusFailed}, states(results)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		want := []string{
			"dep-0 PENDING final=false", "dep-1 PENDING final=false", "dep-0 COMPLETED final=true",
			"dep-1 FAILED final=false", // held for the callback
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("changes (-want +got):\n%s", diff)
		}
		asks.spent()
	})
}
