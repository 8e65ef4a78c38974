package listen

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
)

// newForwarderForTest is a forwarder that nothing drives but the test.
func newForwarderForTest(t *testing.T, ledger Ledger) *forwarder {
	t.Helper()
	s, err := New(Options{Routes: provider.Builtin().Routes(), Ledger: ledger, Receivers: fakeReceivers(), Forward: Forward{Sender: deliver.New(deliver.Options{})}})
	if err != nil {
		t.Fatal(err)
	}
	return s.forward
}

// forwardAt is the forward of a delivery, made at a second and leased for long.
func forwardAt(id, delivery string, second int) store.Forward {
	return store.Forward{
		ID: id, DeliveryID: delivery, Target: "http://127.0.0.1:1/",
		CreatedAt: time.Unix(int64(second), 0), DueAt: time.Now().Add(time.Hour),
	}
}

// takeReady hands what is ready to workers, who are the test.
func (f *forwarder) takeReady() []*waiting {
	out := f.ready
	f.ready = nil
	for _, w := range out {
		t := f.target(w.forward.Target)
		t.queued--
		t.running++
		f.running++
	}
	return out
}

// askBehind catches up when the time for it has come.
func (f *forwarder) askBehind() {
	for _, w := range f.behind {
		w.askAgain = time.Time{}
	}
	f.catchUp(time.Minute)
}

func names(ws []*waiting) []string {
	out := []string{}
	for _, w := range ws {
		out = append(out, w.forward.DeliveryID)
	}
	return out
}

// TestBehindIsOfferedOnce holds that a forward that had to wait behind another
// listener's is not sent again after it went out as the head of its line.
func TestBehindIsOfferedOnce(t *testing.T) {
	t.Parallel()
	f := newForwarderForTest(t, (&fakeLedger{}).ledger())
	l := line{target: "http://127.0.0.1:1/", about: "p"}
	one, two := forwardAt("fwd_1", "dlv_1", 1), forwardAt("fwd_2", "dlv_2", 2)
	f.order.place(one, l, one.DueAt)
	f.offer(f.order.head(l))
	first := f.takeReady()
	f.settle(result{item: first[0], behind: true})

	f.order.place(two, l, two.DueAt) // the next event of the payment
	f.offer(f.order.head(l))
	got := [][]string{names(first), names(f.takeReady())}
	f.settle(result{item: first[0], out: deliver.Answer{Status: 200}, next: store.Outcome{Delivered: true}})
	f.askBehind()
	second := f.takeReady()
	got = append(got, names(second))
	f.settle(result{item: second[0], out: deliver.Answer{Status: 200}, next: store.Outcome{Delivered: true}})
	f.askBehind()
	got = append(got, names(f.takeReady()))
	if diff := cmp.Diff([][]string{{"dlv_1"}, {"dlv_1"}, {"dlv_2"}, {}}, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if len(f.behind) != 0 || len(f.order.where) != 0 || f.running != 0 {
		t.Errorf("left over: behind %v, order %v, running %d", names(f.behind), f.order.where, f.running)
	}
}

// TestBehindForgotten holds that what the order forgot while it was behind is
// not sent.
func TestBehindForgotten(t *testing.T) {
	t.Parallel()
	f := newForwarderForTest(t, (&fakeLedger{}).ledger())
	l := line{target: "http://127.0.0.1:1/", about: "p"}
	one := forwardAt("fwd_1", "dlv_1", 1)
	f.order.place(one, l, one.DueAt)
	f.offer(f.order.head(l))
	f.settle(result{item: f.takeReady()[0], behind: true})
	f.order.keepOnly(nil) // another listener has delivered it
	f.askBehind()
	if got := names(f.takeReady()); len(got) != 0 || len(f.behind) != 0 {
		t.Errorf("sent %v, behind %v", got, names(f.behind))
	}
}

// TestBehindWithoutRoom holds that a forward that the order had no room for is
// offered again after it was behind.
func TestBehindWithoutRoom(t *testing.T) {
	t.Parallel()
	f := newForwarderForTest(t, (&fakeLedger{}).ledger())
	one := forwardAt("fwd_1", "dlv_1", 1)
	w := &waiting{forward: one, line: line{target: one.Target, about: "p"}, until: one.DueAt, loose: true}
	f.offer(w)
	f.settle(result{item: f.takeReady()[0], behind: true})
	f.askBehind()
	again := f.takeReady()
	f.settle(result{item: w, out: deliver.Answer{Status: 200}, next: store.Outcome{Delivered: true}})
	f.offer(w)
	if diff := cmp.Diff([][]string{{"dlv_1"}, {}}, [][]string{names(again), names(f.takeReady())}); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// TestKeyGivenAgain holds that a forward is not taken for one that is gone and
// whose key it was given.
func TestKeyGivenAgain(t *testing.T) {
	t.Parallel()
	f := newForwarderForTest(t, (&fakeLedger{}).ledger())
	l, other := line{target: "http://127.0.0.1:1/", about: "p"}, line{target: "http://127.0.0.1:1/", about: "q"}
	one, two := forwardAt("fwd_1", "dlv_1", 1), forwardAt("fwd_1", "dlv_2", 2)
	f.order.place(one, l, one.DueAt)
	f.offer(f.order.head(l))
	first := f.takeReady()
	// Its delivery is recorded, the key is free, and the result is yet to come.
	if _, known := f.order.lineOf(two); known {
		t.Error("another delivery's line is known")
	}
	f.order.place(two, other, two.DueAt)
	f.settle(result{item: first[0], out: deliver.Answer{Status: 200}, next: store.Outcome{Delivered: true}})
	f.offer(f.order.head(other))
	if diff := cmp.Diff([]string{"dlv_2"}, names(f.takeReady())); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// TestGoneIsNotSent holds that a forward that another listener has delivered is
// not sent, and makes room for the next of its line.
func TestGoneIsNotSent(t *testing.T) {
	t.Parallel()
	target := newTarget(t, always(200))
	path := filepath.Join(t.TempDir(), "l.db")
	other, f := openStore(t, path), newForwarderForTest(t, LedgerOf(openStore(t, path)))
	var a store.Arrival
	a.Delivery.Provider, a.Delivery.Route, a.Delivery.Method = "daraja", stkPath, http.MethodPost
	a.Delivery.Body, a.Delivery.ReceivedAt = []byte(event("p", "stk.completed")), time.Now()
	a.Inspection, a.Targets = f.s.inspect(fakeReceivers()["daraja"], a.Delivery), []string{target.URL}
	if _, err := other.Deliveries.Record(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	due, _, err := f.s.o.Ledger.Forwards.Lease(t.Context(), 1, time.Hour)
	if err != nil || len(due) != 1 {
		t.Fatalf("%+v, error %v", due, err)
	}
	done := store.Attempt{DeliveryID: due[0].DeliveryID, Target: target.URL, At: time.Now(), Status: 200}
	if err := other.Forwards.MarkAttempt(t.Context(), due[0].ID, done, store.Outcome{Delivered: true}); err != nil {
		t.Fatal(err)
	}
	l := line{target: target.URL, about: "p"}
	next := forwardAt("fwd_2", "dlv_2", 1<<40)
	f.order.place(due[0], l, due[0].DueAt)
	f.order.place(next, l, next.DueAt)
	f.offer(f.order.head(l))
	f.attempt(t.Context(), f.takeReady()[0])
	f.settle(<-f.results)

	if got := target.got(); len(got) != 0 {
		t.Errorf("sent again: %+v", got)
	}
	if diff := cmp.Diff([]string{"dlv_2"}, names(f.takeReady())); diff != "" {
		t.Errorf("next (-want +got):\n%s", diff)
	}
}
