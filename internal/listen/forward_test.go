package listen

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

func openStore(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Path: path, BusyTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

// received is what a target got.
type received struct {
	Path, Body, Event, Verdict, Attempt string
}

// fakeTarget answers with what answer says and keeps what it took.
type fakeTarget struct {
	*httptest.Server
	mu     sync.Mutex
	took   []received
	seen   int
	answer func(n int, r *http.Request, body string) int
}

func newTarget(t *testing.T, answer func(n int, r *http.Request, body string) int) *fakeTarget {
	t.Helper()
	f := &fakeTarget{answer: answer}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeTarget) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	f.mu.Lock()
	f.seen++
	n := f.seen
	f.mu.Unlock()
	status := f.answer(n, r, string(body))
	if status >= 200 && status < 300 {
		f.mu.Lock()
		f.took = append(f.took, received{
			r.URL.RequestURI(), string(body), r.Header.Get("X-Payctl-Event"), r.Header.Get("X-Payctl-Verdict"), r.Header.Get("X-Payctl-Attempt"),
		})
		f.mu.Unlock()
	}
	if status == http.StatusFound {
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
	}
	w.WriteHeader(status)
}

func (f *fakeTarget) got() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]received(nil), f.took...)
}

func always(status int) func(int, *http.Request, string) int {
	return func(int, *http.Request, string) int { return status }
}

// quick tries again soon. Its patience with a target is long, since an attempt
// that is given up on a loaded machine would arrive twice; thrice that is the
// lease, which who has to wait behind another may have to sit out.
func quick(rules ...Rule) Forward {
	return Forward{
		Rules: rules, Sender: deliver.New(deliver.Options{Timeout: 3 * time.Second}), Timeout: 3 * time.Second,
		FirstRetry: 10 * time.Millisecond, LongestRetry: 50 * time.Millisecond, Attempts: 4,
	}
}

// restAddr is an address that nothing listens on, and that nobody gets by
// chance before a test listens there: its port is below those that systems give
// out by themselves.
func restAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 24000+rand.IntN(4000))
		ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
		if err != nil {
			continue
		}
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		return addr
	}
	t.Fatal("no port is free")
	return ""
}

func event(id, name string) string { return fmt.Sprintf(`{"id":%q,"name":%q}`, id, name) }

// TestForward holds which deliveries go where, and how they look there.
func TestForward(t *testing.T) {
	t.Parallel()
	target := newTarget(t, always(204))
	rule := func(text string) Rule {
		r, err := ParseRule(text, fakeEvents())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := start(t, Options{
		Ledger: LedgerOf(openStore(t, filepath.Join(t.TempDir(), "l.db"))),
		Forward: quick(rule("wasaapay/deposit.*="+target.URL+"/w?k=v"), rule("stk.*="+target.URL+"/stk"),
			rule("daraja/stk.completed="+target.URL+"/stk")),
	})
	for _, request := range []string{
		post("/callbacks/wasaapay", event("a", "deposit.completed"), "Authorization: sig", "Content-Type: application/json"),
		post("/callbacks/wasaapay", event("b", "deposit.completed"), "Authorization: forged"),
		post("/callbacks/wasaapay", event("c", "bill.failed"), "Authorization: sig"),
		post(stkPath, event("d", "stk.completed")),
		post(stkPath, "junk"),
	} {
		r.raw(request)
	}
	eventually(t, "both arrive", func() bool { return len(target.got()) == 2 })
	got := map[string]received{}
	for _, g := range target.got() {
		got[g.Path] = g
	}
	want := map[string]received{
		"/w?k=v": {"/w?k=v", event("a", "deposit.completed"), "deposit.completed", "valid", "1"},
		"/stk":   {"/stk", event("d", "stk.completed"), "stk.completed", "untrusted", "1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("forwarded (-want +got):\n%s", diff)
	}
}

// TestForwardKeepsOrderPerPayment has a target refuse one payment's first
// delivery for a while: its later ones wait, other payments pass.
func TestForwardKeepsOrderPerPayment(t *testing.T) {
	t.Parallel()
	var refusals atomic.Int32
	target := newTarget(t, func(_ int, _ *http.Request, body string) int {
		if body == event("one", "deposit.initiated") && refusals.Add(1) <= 2 {
			return http.StatusBadRequest
		}
		return http.StatusOK
	})
	r := start(t, Options{Ledger: LedgerOf(openStore(t, filepath.Join(t.TempDir(), "l.db"))), Forward: quick(Rule{Event: "*", URL: target.URL})})
	var want []string
	for _, name := range []string{"deposit.initiated", "deposit.pending", "deposit.completed"} {
		r.raw(post("/callbacks/wasaapay", event("one", name), "Authorization: sig"))
		r.raw(post("/callbacks/wasaapay", event("two", name), "Authorization: sig"))
		want = append(want, name)
	}
	eventually(t, "all arrive", func() bool { return len(target.got()) == 6 })
	order := map[string][]string{}
	for _, g := range target.got() {
		id := "two"
		if strings.Contains(g.Body, `"one"`) {
			id = "one"
		}
		order[id] = append(order[id], g.Event)
	}
	if diff := cmp.Diff(map[string][]string{"one": want, "two": want}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// TestForwardDeadLetter holds that a delivery that is never taken ends in the
// dead letter, with every attempt on record, and that the next one gets its turn.
func TestForwardDeadLetter(t *testing.T) {
	t.Parallel()
	target := newTarget(t, func(_ int, _ *http.Request, body string) int {
		if body == event("p", "deposit.initiated") {
			return http.StatusFound // a redirect is not followed
		}
		return http.StatusOK
	})
	ledger := openStore(t, filepath.Join(t.TempDir(), "l.db"))
	r := start(t, Options{Ledger: LedgerOf(ledger), Forward: quick(Rule{Event: "*", URL: target.URL})})
	r.raw(post("/callbacks/wasaapay", event("p", "deposit.initiated"), "Authorization: sig"))
	r.raw(post("/callbacks/wasaapay", event("p", "deposit.completed"), "Authorization: sig"))
	eventually(t, "the second arrives", func() bool { return len(target.got()) == 1 })
	dead, err := ledger.Forwards.List(t.Context(), store.ForwardDead, 0)
	if err != nil || len(dead) != 1 {
		t.Fatalf("dead %+v %v", dead, err)
	}
	attempts, err := ledger.Deliveries.Attempts(t.Context(), dead[0].DeliveryID)
	if err != nil {
		t.Fatal(err)
	}
	var statuses []int
	for _, a := range attempts {
		statuses = append(statuses, a.Status)
	}
	if diff := cmp.Diff([]int{302, 302, 302, 302}, statuses); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
}

// TestForwardRefusal holds that a target that refuses a delivery is not asked
// for hours, while what comes after it waits; a target that is busy is.
func TestForwardRefusal(t *testing.T) {
	t.Parallel()
	var busy atomic.Int32
	target := newTarget(t, func(_ int, _ *http.Request, body string) int {
		switch {
		case body == event("p", "deposit.initiated"):
			return http.StatusUnprocessableEntity
		case body == event("q", "deposit.initiated") && busy.Add(1) <= 5:
			return http.StatusConflict
		}
		return http.StatusOK
	})
	ledger := openStore(t, filepath.Join(t.TempDir(), "l.db"))
	forward := quick(Rule{Event: "*", URL: target.URL})
	forward.Attempts = 1000
	r := start(t, Options{Ledger: LedgerOf(ledger), Forward: forward})
	for _, body := range []string{event("p", "deposit.initiated"), event("p", "deposit.completed"), event("q", "deposit.initiated")} {
		r.raw(post("/callbacks/wasaapay", body, "Authorization: sig"))
	}
	eventually(t, "the others arrive", func() bool { return len(target.got()) == 2 })
	dead, err := ledger.Forwards.List(t.Context(), store.ForwardDead, 0)
	if err != nil || len(dead) != 1 || dead[0].Attempts != mostRefusals {
		t.Errorf("dead %+v %v", dead, err)
	}
}

// TestForwardReleasesLeases holds that what was leased for a target that is down is
// due again soon after a clean stop.
func TestForwardReleasesLeases(t *testing.T) {
	t.Parallel()
	ledger := openStore(t, filepath.Join(t.TempDir(), "l.db"))
	forward := quick(Rule{Event: "*", URL: "http://" + restAddr(t)})
	forward.Attempts, forward.Timeout = 1000, 20*time.Minute // and the lease is an hour
	r := start(t, Options{Ledger: LedgerOf(ledger), Forward: forward})
	const payments = 20
	for i := range payments {
		r.raw(post("/callbacks/wasaapay", event(fmt.Sprint("p", i), "deposit.completed"), "Authorization: sig"))
	}
	eventually(t, "some are leased", func() bool { return r.forward.held.Load() > 0 })
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	left, err := ledger.Forwards.List(t.Context(), store.ForwardWaiting, 0)
	if err != nil || len(left) != payments {
		t.Fatalf("%d left, %v", len(left), err)
	}
	for _, l := range left {
		if wait := time.Until(l.DueAt); wait > time.Minute {
			t.Errorf("%s is due in %s only", l.ID, wait)
		}
	}
}

// TestForwardLoop holds that what a payctl has forwarded goes no further: it is
// kept, and said once.
func TestForwardLoop(t *testing.T) {
	t.Parallel()
	target := newTarget(t, always(200))
	log := &syncBuffer{}
	ledger := openStore(t, filepath.Join(t.TempDir(), "l.db"))
	r := start(t, Options{
		Ledger: LedgerOf(ledger), Forward: quick(Rule{Event: "*", URL: target.URL}),
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	for _, id := range []string{"a", "b"} {
		if got := r.raw(post("/callbacks/wasaapay", event(id, "deposit.completed"), "Authorization: sig", "X-Payctl-Delivery: dlv_1")); got[0] != 200 {
			t.Fatal(got)
		}
	}
	// What an operator replays to a listener goes on: it is sent once.
	r.raw(post("/callbacks/wasaapay", event("c", "deposit.completed"), "Authorization: sig", "X-Payctl-Delivery: dlv_1", "X-Payctl-Replay: 1"))
	eventually(t, "the last arrives", func() bool { return len(target.got()) == 1 })
	waiting, err := ledger.Forwards.List(t.Context(), store.ForwardWaiting, 0)
	if err != nil || len(waiting) > 1 || target.got()[0].Body != event("c", "deposit.completed") {
		t.Errorf("forwarded %+v, waiting %+v %v", target.got(), waiting, err)
	}
	stored, _, err := ledger.Deliveries.List(t.Context(), store.DeliveryFilter{})
	if err != nil || len(stored) != 3 || strings.Count(log.String(), "is not forwarded again") != 1 {
		t.Errorf("%d stored, %v\n%s", len(stored), err, log.String())
	}
}

// TestForwardTargetComesBack holds that a dead target costs the provider
// nothing and loses nothing, also across a restart, and that it does not hold
// up another target.
func TestForwardTargetComesBack(t *testing.T) {
	t.Parallel()
	addr := restAddr(t)
	dead := "http://" + addr
	alive := newTarget(t, always(200))
	path := filepath.Join(t.TempDir(), "l.db")
	forward := quick(Rule{Event: "*", URL: dead}, Rule{Event: "*", URL: alive.URL})
	forward.Attempts = 1000
	const payments = 40
	ledger, err := store.Open(t.Context(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	first := start(t, Options{Ledger: LedgerOf(ledger), Forward: forward})
	for i := range payments {
		for _, name := range []string{"deposit.initiated", "deposit.completed"} {
			if got := first.raw(post("/callbacks/wasaapay", event(fmt.Sprint("p", i), name), "Authorization: sig")); got[0] != 200 {
				t.Fatal(got)
			}
		}
	}
	eventually(t, "the living target has all", func() bool { return len(alive.got()) == 2*payments })
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}

	ledger = openStore(t, path)
	start(t, Options{Ledger: LedgerOf(ledger), Forward: forward})
	back := &fakeTarget{answer: always(200)}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: back, ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	eventually(t, "the target that came back has all", func() bool { return len(back.got()) >= 2*payments })
	seen := map[string][]string{}
	for _, g := range back.got() {
		id := strings.Split(g.Body, `"`)[3]
		seen[id] = append(seen[id], g.Event)
	}
	for id, names := range seen {
		if diff := cmp.Diff([]string{"deposit.initiated", "deposit.completed"}, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	eventually(t, "the queue is empty", func() bool {
		left, err := ledger.Forwards.List(t.Context(), store.ForwardWaiting, 0)
		return err == nil && len(left) == 0
	})
	if n := len(alive.got()); n != 2*payments {
		t.Errorf("the living target got %d", n)
	}
}

// TestForwardNeverDelaysTheAnswer has the target hang.
func TestForwardNeverDelaysTheAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	target := newTarget(t, func(int, *http.Request, string) int { <-release; return 200 })
	t.Cleanup(func() { close(release) })
	forward := quick(Rule{Event: "*", URL: target.URL})
	forward.Timeout = time.Minute
	r := start(t, Options{Ledger: LedgerOf(openStore(t, filepath.Join(t.TempDir(), "l.db"))), Forward: forward})
	began := time.Now()
	for i := range 20 {
		if got := r.raw(post("/callbacks/wasaapay", event(fmt.Sprint(i), "deposit.completed"), "Authorization: sig")); got[0] != 200 {
			t.Fatal(got)
		}
	}
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("20 answers took %s", took)
	}
	began = time.Now()
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("parking the forwarder took %s", took)
	}
}

// TestForwardTwoListeners holds that two forwarders on one ledger send
// everything once, and that what one of them settled does not hold up the other.
func TestForwardTwoListeners(t *testing.T) {
	t.Parallel()
	target := newTarget(t, always(200))
	path := filepath.Join(t.TempDir(), "l.db")
	forward := quick(Rule{Event: "*", URL: target.URL})
	forward.Timeout = 10 * time.Second
	servers := []*running{
		start(t, Options{Ledger: LedgerOf(openStore(t, path)), Forward: forward}), start(t, Options{Ledger: LedgerOf(openStore(t, path)), Forward: forward}),
	}
	const payments = 30
	for i := range payments {
		for n, name := range []string{"deposit.initiated", "deposit.completed"} {
			servers[(i+n)%2].raw(post("/callbacks/wasaapay", event(fmt.Sprint("p", i), name), "Authorization: sig"))
		}
	}
	eventually(t, "all arrive", func() bool { return len(target.got()) == 2*payments })
	seen := map[string]int{}
	for _, g := range target.got() {
		seen[g.Body]++
	}
	if len(seen) != 2*payments {
		t.Errorf("%d different deliveries arrived, want %d", len(seen), 2*payments)
	}
	first := map[string]string{}
	for _, g := range target.got() {
		id := strings.Split(g.Body, `"`)[3]
		if first[id] == "" {
			first[id] = g.Event
		}
	}
	for id, name := range first {
		if name != "deposit.initiated" {
			t.Errorf("%s began with %s", id, name)
		}
	}
}

// TestForwardTwoListenersKeepOrder holds that a payment's later delivery does
// not overtake an earlier one that another listener on the ledger is to retry.
func TestForwardTwoListenersKeepOrder(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	target := newTarget(t, func(_ int, _ *http.Request, body string) int {
		if body == event("p", "deposit.initiated") && asked.Add(1) == 1 {
			return http.StatusConflict
		}
		return http.StatusOK
	})
	path := filepath.Join(t.TempDir(), "l.db")
	forward := quick(Rule{Event: "*", URL: target.URL})
	forward.FirstRetry, forward.LongestRetry = 2*time.Second, 2*time.Second
	ledger := openStore(t, path)
	one := start(t, Options{Ledger: LedgerOf(ledger), Forward: forward})
	two := start(t, Options{Ledger: LedgerOf(openStore(t, path)), Forward: forward})
	one.raw(post("/callbacks/wasaapay", event("p", "deposit.initiated"), "Authorization: sig"))
	eventually(t, "the first is to be retried", func() bool {
		left, err := ledger.Forwards.List(t.Context(), store.ForwardWaiting, 0)
		return err == nil && len(left) == 1 && left[0].Attempts == 1
	})
	two.raw(post("/callbacks/wasaapay", event("p", "deposit.completed"), "Authorization: sig"))
	eventually(t, "both arrive", func() bool { return len(target.got()) == 2 })
	if got := target.got(); got[0].Event != "deposit.initiated" {
		t.Errorf("the later one came first: %+v", got)
	}
}

// TestForwardSlowTargetDoesNotHoldUpOthers has one target hang with a long
// queue, and another that must be served at once.
func TestForwardSlowTargetDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := newTarget(t, func(int, *http.Request, string) int { <-release; return 200 })
	t.Cleanup(func() { close(release) })
	fast := newTarget(t, always(200))
	forward := quick(Rule{Event: "deposit.*", URL: slow.URL}, Rule{Event: "bill.*", URL: fast.URL})
	forward.Timeout = time.Minute
	r := start(t, Options{Ledger: LedgerOf(openStore(t, filepath.Join(t.TempDir(), "l.db"))), Forward: forward})
	for i := range 200 {
		r.raw(post("/callbacks/wasaapay", event(fmt.Sprint("p", i), "deposit.completed"), "Authorization: sig"))
	}
	r.raw(post("/callbacks/wasaapay", event("b", "bill.completed"), "Authorization: sig"))
	eventually(t, "the fast target is served", func() bool { return len(fast.got()) == 1 })
}

// TestRealLedger holds the whole way with the real store: two listeners on one
// ledger, many senders, duplicates.
func TestRealLedger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l.db")
	servers := []*running{start(t, Options{Ledger: LedgerOf(openStore(t, path))}), start(t, Options{Ledger: LedgerOf(openStore(t, path))})}
	var bad atomic.Int64
	var senders sync.WaitGroup
	for i := range 64 {
		senders.Go(func() {
			for n := range 5 {
				body := fmt.Sprintf(`{"id":"ws_CO_%d","name":"stk.completed"}`, (i*5+n)/2)
				if got := servers[(i+n)%2].raw(post(stkPath, body)); len(got) != 1 || got[0] != 200 {
					bad.Add(1)
				}
			}
		})
	}
	senders.Wait()
	if bad.Load() != 0 {
		t.Errorf("%d were not answered 200", bad.Load())
	}
	ledger := openStore(t, path)
	stored, _, err := ledger.Deliveries.List(context.WithoutCancel(t.Context()), store.DeliveryFilter{})
	if err != nil {
		t.Fatal(err)
	}
	duplicates := 0
	for _, d := range stored {
		if d.DuplicateOf != "" {
			duplicates++
		}
		if d.Verdict != payment.VerdictUntrusted {
			t.Errorf("verdict %s", d.Verdict)
		}
	}
	if len(stored) != 320 || duplicates != 160 {
		t.Errorf("%d stored, %d duplicates, want 320 and 160", len(stored), duplicates)
	}
	if got := servers[0].raw("GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); got[0] != 200 {
		t.Errorf("not ready: %v", got)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	o := Forward{}.withDefaults()
	for n, longest := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 12: 30 * time.Minute, 1 << 30: 30 * time.Minute} {
		for range 20 {
			if got := o.pause(n); got > longest || got < longest*4/5-time.Nanosecond {
				t.Errorf("pause(%d) = %s, want up to %s", n, got, longest)
			}
		}
	}
}

// TestShortLeaseIsNotSent holds that a forward whose lease would not last for an
// attempt, as after a machine's sleep, goes back instead of being sent beside whoever
// may have it next.
func TestShortLeaseIsNotSent(t *testing.T) {
	t.Parallel()
	target := newTarget(t, always(200))
	ledger := openStore(t, filepath.Join(t.TempDir(), "l.db"))
	s, err := New(Options{Ledger: LedgerOf(ledger), Receivers: fakeReceivers(), Forward: quick(Rule{Event: "*", URL: target.URL})})
	if err != nil {
		t.Fatal(err)
	}
	a := store.Arrival{Targets: []string{target.URL}, Delivery: payment.Delivery{Provider: payment.WasaaPay, Route: "/callbacks/wasaapay", Body: []byte("x")}}
	if _, err := ledger.Deliveries.Record(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	f := s.forward
	take := func() []store.Forward {
		got, err := ledger.Forwards.Lease(t.Context(), target.URL, 1, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	f.attempt(t.Context(), lease{take()[0], time.Now().Add(f.o.Timeout / 2)})
	if r := <-f.results; r.sent || len(target.got()) != 0 {
		t.Errorf("sent: %+v", target.got())
	}
	again := take()
	if len(again) != 1 {
		t.Fatal("the lease was not given back")
	}
	f.attempt(t.Context(), lease{again[0], time.Now().Add(time.Hour)})
	if r := <-f.results; !r.sent || len(target.got()) != 1 {
		t.Errorf("not sent: %+v", r)
	}
}
