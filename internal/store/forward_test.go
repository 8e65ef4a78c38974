package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// requeue makes dead letters wait again, as an operator would have it.
func requeue(t *testing.T, s *Store) {
	t.Helper()
	err := s.do(t.Context(), "requeue", func(ctx context.Context, x *tx) error {
		err := x.exec(ctx, "UPDATE forwards SET state = ?, due_at = ? WHERE state = ?",
			string(ForwardWaiting), micros(x.now), string(ForwardDead))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestForwardQueue(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	targets := []string{"http://127.0.0.1:1/a", "http://127.0.0.1:1/b"}
	a := callback("ws_1", "", 100)
	a.Targets = targets
	id := record(t, s, a).DeliveryID
	due := append(take(t, s, targets[0], 1, time.Minute), take(t, s, targets[1], 10, time.Minute)...)
	if len(due) != 2 || due[0].Target != targets[0] || due[0].DeliveryID != id || due[1].DeliveryID != id || due[0].Attempts != 0 {
		t.Fatalf("%+v", due)
	}
	if leased, next := take(t, s, targets[1], 10, time.Minute), dueAt(t, s, targets[1]); len(leased) != 0 || !next.Equal(c.Now().Add(time.Minute)) {
		t.Errorf("leased twice: %+v, next %v", leased, next)
	}

	c.Add(time.Second)
	ok := Attempt{At: c.Now(), Status: 200, Latency: 3 * time.Millisecond, Body: "ok"}
	if err := s.Forwards.MarkAttempt(t.Context(), due[0], ok, Outcome{Delivered: true}); err != nil {
		t.Fatal(err)
	}
	down := Attempt{At: c.Now().Add(time.Millisecond), Error: "connection refused", Body: strings.Repeat("x", 5000)}
	if err := s.Forwards.MarkAttempt(t.Context(), due[1], down, Outcome{RetryAt: c.Now().Add(5 * time.Minute)}); err != nil {
		t.Fatal(err)
	}
	c.Add(5 * time.Minute)
	again := take(t, s, targets[1], 10, time.Minute)
	if len(again) != 1 || again[0].ID != due[1].ID || again[0].Attempts != 1 {
		t.Fatalf("%+v", again)
	}
	if err := s.Forwards.MarkAttempt(t.Context(), again[0], Attempt{At: c.Now(), Status: 500}, Outcome{}); err != nil {
		t.Fatal(err)
	}
	dead, err := s.Forwards.List(t.Context(), ForwardDead, 0)
	if err != nil || len(dead) != 1 || dead[0].Attempts != 2 {
		t.Fatalf("%+v, error %v", dead, err)
	}
	if due, next := take(t, s, targets[1], 10, time.Minute), dueAt(t, s, targets[1]); len(due) != 0 || !next.IsZero() {
		t.Errorf("an empty queue gives %+v, next %v", due, next)
	}
	requeue(t, s)
	if due = take(t, s, targets[1], 10, time.Minute); len(due) != 1 {
		t.Errorf("%+v", due)
	}

	down.Body = strings.Repeat("x", mostExcerpt)
	ok.DeliveryID, ok.Target, down.DeliveryID, down.Target = id, targets[0], id, targets[1]
	want := []Attempt{ok, down, {DeliveryID: id, Target: targets[1], At: newClock().Now().Add(5*time.Minute + time.Second), Status: 500}}
	got, err := s.Deliveries.Attempts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestForwardStranger holds that under a secret path only what counts or knows
// the token of what it is about is sent on.
func TestForwardStranger(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	c2b := func(route string) Arrival {
		a := callback("", "REC0000001", 15000)
		a.Inspection.Event.Name, a.Inspection.Event.Key = "c2b.confirmation", "c2b/"+route
		a.Delivery.Route, a.Delivery.Body = route, []byte(route)
		return a
	}
	for name, c := range map[string]struct {
		arrival  Arrival
		stranger bool
		withheld bool
	}{
		"a push nobody made":              {withToken(callback("ws_9", "REC0000009", 100), "AAAA"), true, true},
		"another's push":                  {withToken(callback("ws_1", "REC0000009", 15000), "AAAA"), true, true},
		"our push, another amount":        {withToken(callback("ws_1", "REC0000009", 100), d.CallbackToken), true, true},
		"a push of an app's own":          {callback("ws_7", "REC0000007", 100), false, false},
		"our push without its token":      {callback("ws_1", "REC0000006", 15000), false, true},
		"our push":                        {withToken(callback("ws_1", "REC0000009", 15000), d.CallbackToken), true, false},
		"a push nobody made, of the shop": {callback("ws_8", "REC0000008", 100), false, false},
		"a customer's payment":            {c2b("/callbacks/daraja/c2b/confirmation"), false, false},
		"a customer's payment as a push":  {withToken(c2b("/callbacks/daraja/stk"), "AAAA"), true, true},
	} {
		c.arrival.Targets, c.arrival.Stranger = []string{"http://127.0.0.1:1/" + name}, c.stranger
		got := record(t, s, c.arrival)
		if got.Withheld != c.withheld {
			t.Errorf("%s: %s (%s), withheld %v", name, got.Verdict, got.Reason, got.Withheld)
		}
		left, err := s.Forwards.List(t.Context(), ForwardWaiting, 0)
		if err != nil {
			t.Fatal(err)
		}
		queued := slices.ContainsFunc(left, func(f Forward) bool { return f.DeliveryID == got.DeliveryID })
		if queued == c.withheld {
			t.Errorf("%s: queued %v", name, queued)
		}
	}
}

func TestForwardNotFound(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	for what, err := range map[string]error{
		"mark":    s.Forwards.MarkAttempt(t.Context(), Forward{ID: "fwd_1"}, Attempt{}, Outcome{}),
		"attempt": s.Runs.RecordAttempts(t.Context(), []Attempt{{DeliveryID: "dlv_1"}}),
		"finish":  s.Runs.Finish(t.Context(), "run_1"),
		"dead":    s.Forwards.MarkDeadAttempt(t.Context(), "fwd_1", Attempt{}),
		"letter":  s.Forwards.MarkDeadAttempt(t.Context(), s.id(forwardPrefix, 77), Attempt{DeliveryID: "dlv_1"}),
		"each":    s.Runs.EachAttempt(t.Context(), "run_1", nil),
	} {
		if kindOf(err) != payment.KindNotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.Forwards.MarkAttempt(t.Context(), Forward{ID: s.id(forwardPrefix, 77), DeliveryID: s.id(deliveryPrefix, 77), Target: hook}, Attempt{}, Outcome{}); err != nil {
		t.Errorf("a forward that is gone: %v", err)
	}
}

// TestAttemptAtPruned holds that what was pruned while it was being sent leaves
// no attempts behind, which nothing would ever delete.
func TestAttemptAtPruned(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	const target = "http://127.0.0.1:1"
	kept := record(t, s, callback("ws_1", "", 100)).DeliveryID
	gone := s.id(deliveryPrefix, 77)
	for _, id := range []string{kept, gone} {
		if err := s.Runs.RecordAttempts(t.Context(), []Attempt{{DeliveryID: id, Target: target, Status: 200}}); err != nil {
			t.Errorf("attempt at %s: %v", id, err)
		}
		if err := s.Forwards.MarkDeadAttempt(t.Context(), s.id(forwardPrefix, 77), Attempt{DeliveryID: id, Target: target, Status: 500}); err != nil {
			t.Errorf("attempt at the dead letter of %s: %v", id, err)
		}
	}
	var all int
	if err := s.read.QueryRowContext(t.Context(), "SELECT count(*) FROM attempts").Scan(&all); err != nil {
		t.Fatal(err)
	}
	recorded, err := s.Deliveries.Attempts(t.Context(), kept)
	if err != nil || len(recorded) != 2 || all != 2 {
		t.Errorf("%d attempts, %d of them at the delivery that is there; error %v", all, len(recorded), err)
	}
}

func TestReplayResumes(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	if _, err := s.Runs.Find(t.Context(), ""); kindOf(err) != payment.KindNotFound {
		t.Errorf("no run yet: %v", err)
	}
	spec := json.RawMessage(`{"to":["http://127.0.0.1:1"]}`)
	r, err := s.Runs.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]Attempt{}
	for i := range 20 {
		id := record(t, s, callback(fmt.Sprint("ws_", i), "", 100)).DeliveryID
		for try := range i % 3 {
			a := Attempt{
				DeliveryID: id, Target: "http://127.0.0.1:1", RunID: r.ID, Status: 500 - try*300,
				At: newClock().Now().Add(time.Duration(try) * time.Minute), Latency: time.Millisecond,
			}
			if i%5 == 0 {
				a.Status = 0
			}
			want[id] = append(want[id], a)
			a.Error, a.Body = "connection reset", "start of the answer"
			if err := s.Runs.RecordAttempts(t.Context(), []Attempt{a}); err != nil {
				t.Fatal(err)
			}
			a.RunID = "" // the forwarder's is no part of the run
			if err := s.Runs.RecordAttempts(t.Context(), []Attempt{a}); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := map[string][]Attempt{}
	err = s.Runs.EachAttempt(t.Context(), r.ID, func(a Attempt) error {
		got[a.DeliveryID] = append(got[a.DeliveryID], a)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	latest, err := s.Runs.Find(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, latest); diff != "" {
		t.Error(diff)
	}
	if err := s.Runs.Finish(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Runs.Find(t.Context(), ""); kindOf(err) != payment.KindNotFound {
		t.Errorf("a finished run is not to be resumed: %v", err)
	}
	if byID, err := s.Runs.Find(t.Context(), r.ID); err != nil || byID.FinishedAt.IsZero() {
		t.Errorf("%+v, error %v", byID, err)
	}
	if _, err := s.Runs.Start(t.Context(), nil); kindOf(err) != payment.KindUsage {
		t.Errorf("no description: %v", err)
	}
}

// TestReplayOfDeadLetters holds that an attempt at a dead letter is its run's,
// whatever became of the letter, and touches no other forward.
func TestReplayOfDeadLetters(t *testing.T) {
	t.Parallel()
	const target = "http://127.0.0.1:1"
	s := openTest(t, Options{})
	r, err := s.Runs.Start(t.Context(), json.RawMessage(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	queue := func(id string) Forward {
		a := callback(id, "", 100)
		a.Targets = []string{target}
		record(t, s, a)
		due := take(t, s, target, 1, time.Minute)
		if len(due) != 1 {
			t.Fatalf("%+v", due)
		}
		return due[0]
	}
	bury := func(f Forward) {
		mark(t, s, f, 0, Outcome{})
	}
	attempt := func(f Forward, status int) {
		a := Attempt{DeliveryID: f.DeliveryID, Target: target, RunID: r.ID, Status: status}
		if err := s.Forwards.MarkDeadAttempt(t.Context(), f.ID, a); err != nil {
			t.Fatal(err)
		}
	}
	left := func(state ForwardState) []string {
		forwards, err := s.Forwards.List(t.Context(), state, 0)
		if err != nil {
			t.Fatal(err)
		}
		out := []string{}
		for _, f := range forwards {
			out = append(out, fmt.Sprint(f.DeliveryID, " ", f.Attempts))
		}
		return out
	}
	check := func(what string, want, got []string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}

	first := queue("ws_1")
	bury(first)
	attempt(first, 500)
	check("refused", []string{first.DeliveryID + " 2"}, left(ForwardDead))
	attempt(first, 200)
	check("delivered", []string{}, left(ForwardDead))
	attempt(first, 500)

	// The next forward is given the key of the one that is gone.
	second := queue("ws_2")
	if second.ID != first.ID && testServer() == "" {
		t.Fatalf("forward %s, want the key of %s again", second.ID, first.ID)
	}
	bury(second)
	attempt(first, 200)
	mark(t, s, first, 200, Outcome{Delivered: true})
	check("another's key", []string{second.DeliveryID + " 1"}, left(ForwardDead))

	// A letter that the operator put back is the forwarder's again.
	requeue(t, s)
	attempt(second, 200)
	check("queued again", []string{second.DeliveryID + " 1"}, left(ForwardWaiting))

	var statuses []string
	err = s.Runs.EachAttempt(t.Context(), r.ID, func(a Attempt) error {
		statuses = append(statuses, fmt.Sprint(a.DeliveryID, " ", a.Status))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	one, two := first.DeliveryID, second.DeliveryID
	check("attempts", []string{one + " 500", one + " 200", one + " 500", one + " 200", two + " 200"}, statuses)
}

// TestMoveInFlight: an attempt that comes back from the target which a forward was moved
// away from is kept, and leaves nothing that failed behind.
func TestMoveInFlight(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	from, to := "http://127.0.0.1:1/a", "http://127.0.0.1:1/b"
	a := callback("ws_1", "", 100)
	a.Targets = []string{from}
	id := record(t, s, a).DeliveryID
	leased := take(t, s, from, 1, time.Minute)
	if n, err := s.Forwards.Move(t.Context(), from, to); err != nil || n != 1 || len(leased) != 1 {
		t.Fatalf("moved %d of %d, error %v", n, len(leased), err)
	}
	if err := s.Forwards.MarkAttempt(t.Context(), leased[0], Attempt{Error: "connection refused"}, Outcome{}); err != nil {
		t.Fatal(err)
	}
	if failing, err := s.Forwards.Failing(t.Context(), id); err != nil || len(failing) != 0 {
		t.Errorf("fails at %v, error %v", failing, err)
	}
	mark(t, s, take(t, s, to, 1, time.Minute)[0], 500, Outcome{})
	if failing, err := s.Forwards.Failing(t.Context(), id); err != nil || len(failing) != 1 || failing[0] != to {
		t.Errorf("fails at %v, error %v", failing, err)
	}
}
