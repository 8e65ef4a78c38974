package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// TestProgress: how far deliveries got, target by target; what was never to be sent on is
// left out.
func TestProgress(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	record := func(id string, targets ...string) string {
		a := callback(id, "R"+id, 15000)
		a.Targets = targets
		got, err := s.Deliveries.Record(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		return got.DeliveryID
	}
	queued := record("1", "http://a/", "http://b/", "http://c/")
	tried, quiet := record("2"), record("3")
	for target, status := range map[string]int{"http://a/": 200, "http://b/": 500} {
		leased, err := s.Forwards.Lease(t.Context(), target, 1, time.Minute)
		if err != nil || len(leased) != 1 {
			t.Fatalf("leased %v, %v", leased, err)
		}
		at := Attempt{DeliveryID: queued, Target: target, At: time.Now(), Status: status}
		if err := s.Forwards.MarkAttempt(t.Context(), leased[0], at, Outcome{Delivered: status == 200}); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []Attempt{{Target: "http://a/", Status: 500}, {Target: "http://a/", Status: 204}, {Target: "http://d/", Status: 0}} {
		at.DeliveryID, at.At = tried, time.Now()
		if err := s.Runs.RecordAttempts(t.Context(), []Attempt{at}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Deliveries.Progress(t.Context(), queued, tried, quiet, "dlv_unknown", "")
	want := map[string]Progress{queued: {Targets: 3, Taken: 1, Waiting: 1, Dead: 1}, tried: {Targets: 2, Taken: 1}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	targets, err := s.Forwards.Targets(t.Context(), 3)
	if err != nil || len(targets) != 3 || targets[0] != "http://d/" {
		t.Errorf("targets %v, %v", targets, err)
	}
}

// TestReferences: of those deposits that there are.
func TestReferences(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := create(t, s, push(t, "INV-1"))
	got, err := s.Deposits.References(t.Context(), d.ID, "", "dep_unknown", "dlv_1")
	if diff := cmp.Diff(map[string]string{d.ID: "INV-1"}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestListConflicts: only those that contradict themselves, of one environment, by pages.
func TestListConflicts(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	var ids []string
	for _, name := range []string{"a", "b", "c"} {
		d := pending(t, s, push(t, name), "ws_"+name)
		if name != "b" { // what failed by the poll and is paid by the callback contradicts itself
			if _, _, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusFailed, By: payment.SourceQuery, Failure: &payment.Failure{Code: "1"}}); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, d.ID)
		}
		paid := callback("ws_"+name, "RECEIPT"+name, 15000)
		paid.Delivery.Token = d.CallbackToken
		if _, err := s.Deliveries.Record(t.Context(), paid); err != nil {
			t.Fatal(err)
		}
	}
	first, next, err := s.Deposits.List(t.Context(), DepositFilter{Conflict: true, Environment: payment.Sandbox, Limit: 1})
	if err != nil || len(first) != 1 || first[0].ID != ids[1] || next == "" {
		t.Fatalf("first page %v, %q, %v", first, next, err)
	}
	rest, _, err := s.Deposits.List(t.Context(), DepositFilter{Conflict: true, Environment: payment.Sandbox, Cursor: next})
	if err != nil || len(rest) != 1 || rest[0].ID != ids[0] {
		t.Errorf("second page %v, %v", rest, err)
	}
	if other, _, err := s.Deposits.List(t.Context(), DepositFilter{Conflict: true, Environment: payment.Production}); err != nil || len(other) != 0 {
		t.Errorf("another environment has %v, %v", other, err)
	}
}
