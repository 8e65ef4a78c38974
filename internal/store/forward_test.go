package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func TestForwardQueue(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	targets := []string{"http://127.0.0.1:1/a", "http://127.0.0.1:1/b"}
	a := callback("ws_1", "", 100)
	a.Targets = targets
	id := record(t, s, a).DeliveryID
	if err := s.Enqueue(t.Context(), id, targets...); err != nil {
		t.Fatal(err)
	}
	due, _, err := s.NextDue(t.Context(), 10, time.Minute)
	if err != nil || len(due) != 2 || due[0].Target != targets[0] || due[0].DeliveryID != id || due[0].Attempts != 0 {
		t.Fatalf("%+v, error %v", due, err)
	}
	leased, next, err := s.NextDue(t.Context(), 10, time.Minute)
	if err != nil || len(leased) != 0 || !next.Equal(c.Now().Add(time.Minute)) {
		t.Errorf("leased twice: %+v, next %v, error %v", leased, next, err)
	}

	c.Add(time.Second)
	ok := Attempt{At: c.Now(), Status: 200, Latency: 3 * time.Millisecond, Body: "ok"}
	if err := s.MarkAttempt(t.Context(), due[0].ID, ok, Outcome{Delivered: true}); err != nil {
		t.Fatal(err)
	}
	down := Attempt{At: c.Now().Add(time.Millisecond), Error: "connection refused", Body: strings.Repeat("x", 5000)}
	if err := s.MarkAttempt(t.Context(), due[1].ID, down, Outcome{RetryAt: c.Now().Add(5 * time.Minute)}); err != nil {
		t.Fatal(err)
	}
	c.Add(5 * time.Minute)
	again, _, err := s.NextDue(t.Context(), 10, time.Minute)
	if err != nil || len(again) != 1 || again[0].ID != due[1].ID || again[0].Attempts != 1 {
		t.Fatalf("%+v, error %v", again, err)
	}
	if err := s.MarkAttempt(t.Context(), again[0].ID, Attempt{At: c.Now(), Status: 500}, Outcome{}); err != nil {
		t.Fatal(err)
	}
	dead, err := s.Forwards(t.Context(), ForwardDead, 0)
	if err != nil || len(dead) != 1 || dead[0].Attempts != 2 {
		t.Fatalf("%+v, error %v", dead, err)
	}
	if due, next, err := s.NextDue(t.Context(), 10, time.Minute); err != nil || len(due) != 0 || !next.IsZero() {
		t.Errorf("an empty queue gives %+v, next %v, error %v", due, next, err)
	}
	if n, err := s.Requeue(t.Context(), dead[0].ID); err != nil || n != 1 {
		t.Errorf("%d queued again, error %v", n, err)
	}
	if n, err := s.Requeue(t.Context()); err != nil || n != 0 {
		t.Errorf("%d queued again, error %v", n, err)
	}
	if due, _, err = s.NextDue(t.Context(), 10, time.Minute); err != nil || len(due) != 1 {
		t.Errorf("%+v, error %v", due, err)
	}

	down.Body = strings.Repeat("x", mostExcerpt)
	ok.DeliveryID, ok.Target, down.DeliveryID, down.Target = id, targets[0], id, targets[1]
	want := []Attempt{ok, down, {DeliveryID: id, Target: targets[1], At: newClock().Now().Add(5*time.Minute + time.Second), Status: 500}}
	got, err := s.Attempts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestForwardNotFound(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	for what, err := range map[string]error{
		"enqueue": s.Enqueue(t.Context(), "dlv_1", "http://127.0.0.1:1"),
		"gone":    s.Enqueue(t.Context(), s.id(deliveryPrefix, 77), "http://127.0.0.1:1"),
		"mark":    s.MarkAttempt(t.Context(), "fwd_1", Attempt{}, Outcome{}),
		"attempt": s.RecordAttempt(t.Context(), Attempt{DeliveryID: "dlv_1"}),
		"finish":  s.FinishRun(t.Context(), "run_1"),
		"each":    s.EachAnswered(t.Context(), "run_1", nil),
	} {
		if kindOf(err) != payment.KindNotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.MarkAttempt(t.Context(), s.id(forwardPrefix, 77), Attempt{}, Outcome{}); err != nil {
		t.Errorf("a forward that is gone: %v", err)
	}
}

func TestReplayResumes(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	if _, err := s.FindRun(t.Context(), ""); kindOf(err) != payment.KindNotFound {
		t.Errorf("no run yet: %v", err)
	}
	spec := json.RawMessage(`{"to":["http://127.0.0.1:1"]}`)
	r, err := s.StartRun(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{}
	for i := range 20 {
		id := record(t, s, callback(fmt.Sprint("ws_", i), "", 100)).DeliveryID
		a := Attempt{DeliveryID: id, Target: "http://127.0.0.1:1", RunID: r.ID, Status: 200 + i%2*300}
		if i%5 == 0 {
			a.Status, a.Error = 0, "connection reset"
		} else {
			want[id] = a.Status
		}
		if err := s.RecordAttempt(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]int{}
	err = s.EachAnswered(t.Context(), r.ID, func(id, target string, status int) error {
		got[id] = status
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	latest, err := s.FindRun(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, latest); diff != "" {
		t.Error(diff)
	}
	if err := s.FinishRun(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FindRun(t.Context(), ""); kindOf(err) != payment.KindNotFound {
		t.Errorf("a finished run is not to be resumed: %v", err)
	}
	if byID, err := s.FindRun(t.Context(), r.ID); err != nil || byID.FinishedAt.IsZero() {
		t.Errorf("%+v, error %v", byID, err)
	}
	if _, err := s.StartRun(t.Context(), nil); kindOf(err) != payment.KindUsage {
		t.Errorf("no description: %v", err)
	}
}
