package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

const hook = "http://127.0.0.1:1/hook"

// take leases what is due to a target.
func take(t *testing.T, s *Store, target string, limit int, lease time.Duration) []Forward {
	t.Helper()
	got, err := s.Forwards.Lease(t.Context(), target, limit, lease)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// mark records the answer to a forward.
func mark(t *testing.T, s *Store, f Forward, status int, o Outcome) {
	t.Helper()
	if err := s.Forwards.MarkAttempt(t.Context(), f, Attempt{Status: status}, o); err != nil {
		t.Fatal(err)
	}
}

// dueAt is when a target is to be looked at, zero for never.
func dueAt(t *testing.T, s *Store, target string) time.Time {
	t.Helper()
	due, err := s.Forwards.Due(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range due {
		if d.Target == target {
			return d.At
		}
	}
	return time.Time{}
}

func queued(t *testing.T, s *Store, a Arrival, targets ...string) string {
	t.Helper()
	a.Targets = targets
	return record(t, s, a).DeliveryID
}

func deliveriesOf(forwards []Forward) []string {
	out := []string{}
	for _, f := range forwards {
		out = append(out, f.DeliveryID)
	}
	return out
}

func expect(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestForwardRelease holds that a lease is given back by whoever has it, and by
// nobody else.
func TestForwardRelease(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	for i := range 3 {
		queued(t, s, callback(fmt.Sprint("ws_", i), "", 100), hook)
	}
	first := take(t, s, hook, 10, time.Minute)
	if len(first) != 3 {
		t.Fatalf("%+v", first)
	}
	mark(t, s, first[0], 500, Outcome{RetryAt: c.Now().Add(time.Hour)})
	mark(t, s, first[1], 500, Outcome{})
	if err := s.Forwards.Release(t.Context(), first...); err != nil {
		t.Fatal(err)
	}
	again := take(t, s, hook, 10, time.Minute)
	expect(t, "released", []string{first[2].DeliveryID}, deliveriesOf(again))
	if err := s.Forwards.Release(t.Context(), first...); err != nil {
		t.Fatal(err)
	}
	expect(t, "another's lease", []string{}, deliveriesOf(take(t, s, hook, 10, time.Minute)))
	if err := s.Forwards.Release(t.Context(), Forward{ID: "fwd_1"}); kindOf(err) != payment.KindNotFound {
		t.Errorf("no such forward: %v", err)
	}
}

// TestLeaseHeads holds that only the head of a line is given out, to whoever asks,
// and that the next one comes when it has gone.
func TestLeaseHeads(t *testing.T) {
	t.Parallel()
	c := newClock()
	path := filepath.Join(t.TempDir(), "ledger.db")
	s, other := openTest(t, Options{Path: path, Now: c.Now}), openTest(t, Options{Path: path, Now: c.Now})
	pending(t, s, push(t, "INV-1"), "ws_1")
	const two = "http://127.0.0.1:1/two"
	first := queued(t, s, genuine(t, s, callback("ws_1", "REC0000001", 15000)), hook)
	second := queued(t, other, genuine(t, s, callback("ws_1", "REC0000001", 15000)), hook, two)
	alone := queued(t, s, callback("ws_2", "", 15000), hook)
	third := queued(t, other, genuine(t, s, failed(callback("ws_1", "", 15000))), hook)

	heads := take(t, s, hook, 10, time.Minute)
	expect(t, "the heads", []string{first, alone}, deliveriesOf(heads))
	expect(t, "the other target's head", []string{second}, deliveriesOf(take(t, other, two, 10, time.Minute)))
	expect(t, "while they are out", []string{}, deliveriesOf(take(t, other, hook, 10, time.Minute)))
	if at := dueAt(t, other, hook); !at.Equal(c.Now().Add(time.Minute)) {
		t.Errorf("due at %s, want the end of the lease", at)
	}

	c.Add(time.Second)
	mark(t, s, heads[0], 409, Outcome{RetryAt: c.Now().Add(5 * time.Minute)})
	expect(t, "before the retry", []string{}, deliveriesOf(take(t, other, hook, 10, time.Minute)))
	c.Add(5 * time.Minute)
	expect(t, "the retry, and a lease that is over", []string{first, alone}, append(deliveriesOf(take(t, other, hook, 1, time.Minute)), deliveriesOf(take(t, s, hook, 10, time.Minute))...))
	c.Add(2 * time.Minute)
	heads = take(t, s, hook, 10, time.Minute)
	expect(t, "both leases are over", []string{first, alone}, deliveriesOf(heads))
	mark(t, s, heads[0], 200, Outcome{Delivered: true})
	mark(t, s, heads[1], 200, Outcome{Delivered: true})
	next := take(t, other, hook, 10, time.Minute)
	expect(t, "after the head", []string{second}, deliveriesOf(next))
	for _, f := range next {
		mark(t, other, f, 400, Outcome{})
	}
	last := take(t, s, hook, 10, time.Minute)
	expect(t, "after a dead letter", []string{third}, deliveriesOf(last))
	mark(t, s, last[0], 200, Outcome{Delivered: true})
	if at := dueAt(t, s, hook); !at.IsZero() {
		t.Errorf("an empty queue is due at %s", at)
	}
}

// TestLateAnswer holds that the answer to a forward whose lease somebody else has by
// now is kept, and decides nothing.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	id := queued(t, s, callback("ws_1", "", 100), hook)
	late := take(t, s, hook, 1, time.Minute)[0]
	c.Add(time.Minute)
	again := take(t, s, hook, 1, time.Minute)[0]
	for _, o := range []Outcome{{Delivered: true}, {}, {RetryAt: c.Now().Add(-time.Second)}} {
		mark(t, s, late, 200, o)
		expect(t, "the lease of the second", []string{}, deliveriesOf(take(t, s, hook, 1, time.Minute)))
	}
	mark(t, s, again, 422, Outcome{RetryAt: c.Now(), Refused: true})
	waiting, err := s.Forwards.List(t.Context(), ForwardWaiting, 0)
	if err != nil || len(waiting) != 1 || waiting[0].Attempts != 1 || waiting[0].Refusals != 1 {
		t.Errorf("%+v, error %v", waiting, err)
	}
	attempts, err := s.Deliveries.Attempts(t.Context(), id)
	if err != nil || len(attempts) != 4 {
		t.Errorf("%d attempts, error %v", len(attempts), err)
	}
	// A lease that is over, but that nobody else took, still decides.
	third := take(t, s, hook, 1, time.Minute)[0]
	c.Add(time.Hour)
	mark(t, s, third, 200, Outcome{Delivered: true})
	expect(t, "delivered", []string{}, deliveriesOf(take(t, s, hook, 1, time.Minute)))
}

// TestLeaseOnce holds that two listeners are never given the same.
func TestLeaseOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	stores := []*Store{openTest(t, Options{Path: path}), openTest(t, Options{Path: path})}
	const all = 60
	for i := range all {
		queued(t, stores[i%2], callback(fmt.Sprint("ws_", i), "", 100), hook)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]int{}
	for i := range 4 {
		wg.Go(func() {
			for {
				got, err := stores[i%2].Forwards.Lease(t.Context(), hook, 3, time.Hour)
				if err != nil || len(got) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, f := range got {
					seen[f.ID]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was given out %d times", id, n)
		}
	}
	if len(seen) != all {
		t.Errorf("%d of %d were given out", len(seen), all)
	}
}

// TestLeaseLongLine holds that a long line does not hide what stands behind it in
// time, nor is looked at again and again.
func TestLeaseLongLine(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	for i := range mostLooks + 50 {
		a := withToken(callback("ws_1", "", 15000), d.CallbackToken)
		a.Delivery.Body = fmt.Appendf(a.Delivery.Body, " %d", i)
		queued(t, s, a, hook)
	}
	c.Add(time.Second)
	alone := queued(t, s, callback("ws_2", "", 100), hook)
	head := take(t, s, hook, 1, time.Minute)
	for range 4 {
		head = append(head, take(t, s, hook, 1, time.Minute)...)
	}
	if len(head) != 2 || head[1].DeliveryID != alone {
		t.Errorf("given out: %v, want the head and %s", deliveriesOf(head), alone)
	}
	if at := dueAt(t, s, hook); !at.Equal(c.Now().Add(time.Minute)) {
		t.Errorf("due at %s, want the end of the leases", at)
	}
	mark(t, s, head[0], 200, Outcome{Delivered: true})
	if next := take(t, s, hook, 10, time.Minute); len(next) != 1 {
		t.Errorf("%d after the head", len(next))
	}
}

// TestLeaseGoesByIndices: a look at every row of the queue for each lease would take
// long when a target is down.
func TestLeaseGoesByIndices(t *testing.T) {
	t.Parallel()
	fileOnly(t)
	s := openTest(t, Options{})
	for query, want := range map[string]string{
		"SELECT seq FROM forwards " + strings.ReplaceAll(sqlHead, "?", "1"):                                       "forwards_line (target=? AND subject=?)",
		"SELECT seq FROM forwards WHERE state = 'waiting' AND target = 1 AND due_at <= 1 ORDER BY due_at LIMIT 1": "forwards_due (state=? AND target=? AND due_at<?)",
		"SELECT min(due_at) FROM forwards WHERE state = 'waiting' AND target = 1":                                 "forwards_due (state=? AND target=?)",
	} {
		plan := planOf(t, s, query)
		if !strings.Contains(plan, want) {
			t.Errorf("%s:\n%s is missing from\n%s", query, want, plan)
		}
	}
}

// planOf says how a query is run.
func planOf(t *testing.T, s *Store, query string, args ...any) string {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
