package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// sharedOnly skips a test of what only a shared ledger has.
func sharedOnly(t testing.TB) {
	t.Helper()
	if testServer() == "" {
		t.Skip("a shared ledger's alone: make test-postgres")
	}
}

// TestRoundTrips holds what a command costs at a distance: opening two round trips at
// most after connecting, a write three.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	proxy, err := postgrestest.NewProxy(context.WithoutCancel(t.Context()), testPlace(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	warm := openTest(t, Options{Path: proxy.URL})
	pending(t, warm, push(t, "INV-0"), "ws_0")
	deliver(t, warm, callback("ws_0", "REC0000000", 15000))
	if _, err := warm.Forwards.Lease(t.Context(), "http://127.0.0.1:1/", 10, time.Minute); err != nil {
		t.Fatal(err)
	}
	last := proxy.Trips()
	step := func(what string, most int64) {
		t.Helper()
		now := proxy.Trips()
		t.Logf("%s: %d round trips", what, now-last)
		if now-last > most {
			t.Errorf("%s takes %d round trips, want at most %d", what, now-last, most)
		}
		last = now
	}
	open := func() *Store {
		t.Helper()
		s := openTest(t, Options{Path: proxy.URL, Actor: func() Actor { return Actor{Who: "me", Host: "here", Command: "test"} }})
		step("opening", 2)
		return s
	}
	d := create(t, open(), push(t, "INV-1"))
	step("create", 3)
	if _, mine, err := open().Deposits.ClaimSend(t.Context(), d); err != nil || !mine {
		t.Fatal(mine, err)
	}
	step("claim", 3)
	if _, _, err = open().Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: "ws_1", MerchantRequestID: "m"}); err != nil {
		t.Fatal(err)
	}
	step("answer", 3)
	s := open()
	a := withToken(callback("ws_1", "REC0000001", 15000), deposit(t, s, d.ID).CallbackToken)
	step("read a deposit", 1)
	if got := record(t, s, a); got.Move != payment.MoveApply {
		t.Errorf("%+v", got)
	}
	step("callback", 3)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	step("ping", 2)
	if _, err := s.Queries.Create(t.Context(), Query{Kind: "transaction_status", Provider: payment.Daraja, Receipt: "R1"}); err != nil {
		t.Fatal(err)
	}
	step("query", 3)
	if _, err := s.Forwards.Lease(t.Context(), "http://127.0.0.1:1/", 10, time.Minute); err != nil {
		t.Fatal(err)
	}
	step("a lease of nothing", 3)
	if _, _, err := s.Deliveries.List(t.Context(), DeliveryFilter{Limit: 10}); err != nil {
		t.Fatal(err)
	}
	step("a list", 3)
}

// two opens a ledger twice, as two machines have it open.
func two(t *testing.T) (a, b *Store) {
	t.Helper()
	place := testPlace(t)
	return openTest(t, Options{Path: place}), openTest(t, Options{Path: place})
}

// together runs what two machines do at once, held at the same point: each has judged
// what it read before either writes.
func together(t *testing.T, a, b *Store, doA, doB func() error) (errA, errB error) {
	t.Helper()
	var met sync.WaitGroup
	met.Add(2)
	for _, s := range []*Store{a, b} {
		var once sync.Once
		setFailCommit(t, s, func() error {
			once.Do(func() { met.Done(); met.Wait() })
			return nil
		})
	}
	var wg sync.WaitGroup
	wg.Go(func() { errA = doA() })
	wg.Go(func() { errB = doB() })
	wg.Wait()
	return errA, errB
}

// TestTwoClaimOneSend: of two machines that would send one push, one may.
func TestTwoClaimOneSend(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	a, b := two(t)
	d := create(t, a, push(t, "INV-1"))
	mine := make([]bool, 2)
	claim := func(i int, s *Store) func() error {
		return func() (err error) {
			_, mine[i], err = s.Deposits.ClaimSend(t.Context(), d)
			return err
		}
	}
	if errA, errB := together(t, a, b, claim(0, a), claim(1, b)); errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if mine[0] == mine[1] {
		t.Errorf("both or neither may send: %v", mine)
	}
}

// TestOrphanBesideAnswer: a signed event that comes while the answer that names its
// deposit is being written is the deposit's own.
func TestOrphanBesideAnswer(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	a, b := two(t)
	d := push(t, "INV-1")
	d.Provider, d.ShortCode = payment.WasaaPay, ""
	d = create(t, a, d)
	if _, mine, err := a.Deposits.ClaimSend(t.Context(), d); err != nil || !mine {
		t.Fatal(mine, err)
	}
	event := wasaapayEvent("wp_1", "elsewhere") // so that the id alone ties it
	errA, errB := together(t, a, b, func() error {
		_, _, err := a.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: "wp_1"})
		return err
	}, func() error {
		_, err := b.Deliveries.Record(t.Context(), event)
		return err
	})
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if got := deposit(t, a, d.ID); got.Status != payment.StatusCompleted {
		t.Errorf("the money was never booked: %s", got.Status)
	}
	checkSound(t, a)
}

// TestOneReceiptTwoDeposits: of two callbacks with one receipt for two deposits, one counts.
func TestOneReceiptTwoDeposits(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	a, b := two(t)
	one, other := pending(t, a, push(t, "INV-1"), "ws_1"), pending(t, a, push(t, "INV-2"), "ws_2")
	deliverAt := func(s *Store, id, token string) func() error {
		return func() error {
			_, err := s.Deliveries.Record(t.Context(), withToken(callback(id, "REC0000001", 15000), token))
			return err
		}
	}
	if errA, errB := together(t, a, b, deliverAt(a, "ws_1", one.CallbackToken), deliverAt(b, "ws_2", other.CallbackToken)); errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	completed := 0
	for _, id := range []string{one.ID, other.ID} {
		d := deposit(t, a, id)
		if d.Status == payment.StatusCompleted {
			completed++
		}
		if d.Conflict.IsZero() {
			t.Errorf("%s is %s and not told of the other", d.Reference, d.Status)
		}
	}
	if completed != 1 {
		t.Errorf("%d deposits have the receipt", completed)
	}
	checkSound(t, a)
}

// TestSameEventTwice: a callback and its duplicate, sent to two machines at once, are one
// event and two deliveries.
func TestSameEventTwice(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	a, b := two(t)
	d := pending(t, a, push(t, "INV-1"), "ws_1")
	got := make([]Recorded, 2)
	at := func(i int, s *Store) func() error {
		return func() (err error) {
			got[i], err = s.Deliveries.Record(t.Context(), withToken(callback("ws_1", "REC0000001", 15000), d.CallbackToken))
			return err
		}
	}
	if errA, errB := together(t, a, b, at(0, a), at(1, b)); errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if got[0].Duplicate == got[1].Duplicate || got[0].Move == got[1].Move || got[0].DeliveryID == got[1].DeliveryID {
		t.Errorf("%+v\n%+v", got[0], got[1])
	}
	if d := deposit(t, a, d.ID); d.Status != payment.StatusCompleted || !d.Conflict.IsZero() {
		t.Errorf("%+v", d)
	}
	checkSound(t, a)
}

// TestOneKeyTwoHosts: two machines that create under one idempotency key get one deposit,
// and no error.
func TestOneKeyTwoHosts(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	a, b := two(t)
	ids, existed := make([]string, 2), make([]bool, 2)
	make1 := func(i int, s *Store) func() error {
		return func() error {
			d, was, err := s.Deposits.Create(t.Context(), push(t, "INV-1"))
			ids[i], existed[i] = d.ID, was
			return err
		}
	}
	if errA, errB := together(t, a, b, make1(0, a), make1(1, b)); errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if ids[0] != ids[1] || existed[0] == existed[1] {
		t.Errorf("deposits %v, existed %v", ids, existed)
	}
}

// TestTwinsOnTwoHosts: the same asked under two keys, on two machines at once, is refused
// to one of them.
func TestTwinsOnTwoHosts(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	a, b := two(t)
	one, other := push(t, "INV-1"), push(t, "INV-1")
	other.IdempotencyKey = "another"
	one, other = create(t, a, one), create(t, b, other)
	sent := make([]bool, 2)
	send := func(i int, s *Store, d payment.Deposit) func() error {
		return func() (err error) {
			_, sent[i], err = s.Deposits.ClaimSend(t.Context(), d)
			return err
		}
	}
	errA, errB := together(t, a, b, send(0, a, one), send(1, b, other))
	if sent[0] == sent[1] || (errA == nil) == (errB == nil) || kindOf(errors.Join(errA, errB)) != payment.KindConflict {
		t.Errorf("sent %v, errors %v, %v", sent, errA, errB)
	}
}

// TestOneReversal: two machines that ask for a reversal of one receipt ask once.
func TestOneReversal(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	a, b := two(t)
	sole := make([]bool, 2)
	ask := func(i int, s *Store) func() error {
		return func() (err error) {
			_, sole[i], err = s.Queries.CreateSole(t.Context(), Query{Kind: kindReversal, Provider: payment.Daraja, Receipt: "R1"}, nil)
			return err
		}
	}
	if errA, errB := together(t, a, b, ask(0, a), ask(1, b)); errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if sole[0] == sole[1] {
		t.Errorf("asked twice, or not at all: %v", sole)
	}
}

// TestUnsortedBatches: two batches that insert the same in other orders both end.
func TestUnsortedBatches(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	a, b := two(t)
	const n = 40
	batch := func(s *Store, order func(int) int) ([]*job, []*arrival) {
		var jobs []*job
		var arrivals []*arrival
		for i := range n {
			p, err := s.prepare(callback(fmt.Sprint("ws_", order(i)), "", 100))
			if err != nil {
				t.Fatal(err)
			}
			arrivals = append(arrivals, p)
			jobs = append(jobs, &job{run: p.record, arrival: p, done: make(chan struct{})})
		}
		return jobs, arrivals
	}
	jobsA, inA := batch(a, func(i int) int { return i })
	jobsB, inB := batch(b, func(i int) int { return n - 1 - i })
	var wg sync.WaitGroup
	wg.Go(func() { runBatch(t, a, jobsA) })
	wg.Go(func() { runBatch(t, b, jobsB) })
	wg.Wait()
	repeated := 0
	for i, j := range append(jobsA, jobsB...) {
		if j.err != nil {
			t.Fatal(j.err)
		}
		if append(inA, inB...)[i].out.Duplicate {
			repeated++
		}
	}
	if repeated != n {
		t.Errorf("%d of %d are repetitions", repeated, 2*n)
	}
	checkSound(t, a)
}

// TestSkippedLeases: two forwarders are given different forwards.
func TestSkippedLeases(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	a, b := two(t)
	const hook = "http://127.0.0.1:1/hook"
	for i := range 20 {
		arrival := callback(fmt.Sprint("ws_", i), "", 100)
		arrival.Targets, arrival.ForwardUntrusted = []string{hook}, true
		record(t, a, arrival)
	}
	got := make([][]Forward, 2)
	lease := func(i int, s *Store) func() error {
		return func() (err error) {
			got[i], err = s.Forwards.Lease(t.Context(), hook, 10, time.Minute)
			return err
		}
	}
	if errA, errB := together(t, a, b, lease(0, a), lease(1, b)); errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	seen := map[string]bool{}
	for _, f := range append(got[0], got[1]...) {
		if seen[f.ID] {
			t.Errorf("%s was given twice", f.ID)
		}
		seen[f.ID] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d forwards were given out", len(seen))
	}
}

// TestBarrier: a complete scan waits for a transaction that took its key before.
func TestBarrier(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	a, b := two(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	setFailCommit(t, a, func() error {
		once.Do(func() {
			// The transaction has its key, and has written nothing that others see.
			a.writer.tx.remoteFlush(t)
			close(begun)
			<-goOn
		})
		return nil
	})
	done := make(chan error, 1)
	go func() {
		_, err := a.Deliveries.Record(t.Context(), callback("ws_early", "", 100))
		done <- err
	}()
	<-begun
	record(t, b, callback("ws_late", "", 100))
	time.AfterFunc(300*time.Millisecond, func() { close(goOn) })
	n := 0
	if err := b.Deliveries.Each(t.Context(), DeliveryFilter{}, func(StoredDelivery) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || n != 2 {
		t.Errorf("the scan saw %d of 2 deliveries, error %v", n, err)
	}
}

// remoteFlush sends what a transaction has written so far.
func (t *tx) remoteFlush(tb testing.TB) {
	var n int64
	if err := t.row(tb.Context(), "SELECT 1", nil, &n); err != nil {
		tb.Error(err)
	}
}
