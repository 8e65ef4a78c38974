package listen

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestMetrics holds the names that a dashboard relies on, and that strangers
// cannot make series.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, Options{Backlog: func(context.Context) (Backlog, error) {
		return Backlog{Writes: 1, ForwardsWaiting: 2, ForwardsDead: 3, OldestPending: time.Now().Add(-time.Hour)}, nil
	}})
	for i := range 400 {
		ask(t, s, "POST", stkPath, home, `{"id":"a","name":"made.up.`+strings.Repeat("x", i)+`"}`)
	}
	ask(t, s, "POST", "/callbacks/sevi", home, stkBody, "Authorization", "tok")
	ask(t, s, "POST", "/callbacks/sevi", home, stkBody, "Authorization", "no")
	text := ask(t, s, "GET", "/metrics", home, "").Body.String()
	for _, line := range []string{
		`payctl_deliveries_total{event="",provider="sevi",verdict="mismatch"} 1`,
		`payctl_deliveries_total{event="other",provider="daraja",verdict="unsigned"} 144`,
		`payctl_deliveries_total{event="other",provider="sevi",verdict="valid"} 1`,
		`payctl_answers_total{code="401"} 1`,
		`payctl_record_seconds_count 402`,
		`payctl_forwards_waiting 2`, `payctl_forwards_dead 3`, `payctl_ledger_queue 1`, `payctl_deliveries_in_flight 0`, `payctl_spilled_files 0`,
		`payctl_oldest_pending_seconds 36`, `go_goroutines `, `payctl_commit_batch_size_count 0`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("missing: %s", line)
		}
	}
	if n := strings.Count(text, "payctl_deliveries_total{"); n > mostSeries+4 {
		t.Errorf("%d series", n)
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	calls := 0
	fail := errors.New("disk is full")
	r := readiness{check: func(context.Context) error { calls++; return fail }}
	for range 5 {
		if err := r.get(t.Context()); !errors.Is(err, fail) {
			t.Errorf("err %v", err)
		}
		r.at = time.Now() // whatever the machine did meanwhile
	}
	if calls != 1 {
		t.Errorf("the ledger was asked %d times", calls)
	}
	s, _ := newServer(t, Options{})
	s.draining.Store(true)
	if w := ask(t, s, "GET", "/readyz", home, ""); w.Code != 503 {
		t.Errorf("ready while stopping: %d", w.Code)
	}
}
