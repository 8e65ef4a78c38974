package store

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/budget"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// wrongClocks opens a ledger on machines whose clocks are wrong, and on one whose is right.
func wrongClocks(t *testing.T, place string) (right *Store, wrong map[string]*Store) {
	t.Helper()
	wrong = map[string]*Store{}
	for name, by := range map[string]time.Duration{"10 minutes ahead": 10 * time.Minute, "10 minutes behind": -10 * time.Minute, "a year ahead": 365 * 24 * time.Hour} {
		s := openTest(t, Options{Path: place})
		s.now = func() time.Time { return time.Now().Add(by) } // as this machine has it; the ledger's is the server's
		wrong[name] = s
	}
	return openTest(t, Options{Path: place}), wrong
}

// TestWrongClocks: what machines whose clocks are wrong make of a shared ledger's times:
// no lease is taken early, no slot is given too soon, nothing new is pruned.
func TestWrongClocks(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	right, wrong := wrongClocks(t, testPlace(t))
	const hook = "http://127.0.0.1:1/hook"
	for i := range 3 {
		arrival := callback(fmt.Sprint("ws_", i), "", 100)
		arrival.Targets, arrival.ForwardUntrusted = []string{hook}, true
		record(t, right, arrival)
	}
	leased, err := right.Forwards.Lease(t.Context(), hook, 3, time.Minute)
	if err != nil || len(leased) != 3 {
		t.Fatal(leased, err)
	}
	for name, s := range wrong {
		if early, err := s.Forwards.Lease(t.Context(), hook, 3, time.Minute); err != nil || len(early) > 0 {
			t.Errorf("%s: %d leases were taken early, error %v", name, len(early), err)
		}
		due, err := s.Forwards.Due(t.Context())
		if err != nil || len(due) != 1 {
			t.Fatal(due, err)
		}
		if in := due[0].At.Sub(s.now()); in < 30*time.Second || in > time.Minute {
			t.Errorf("%s: due again in %s, want about a minute", name, in)
		}
		if off := time.Until(s.Now()).Abs(); off > 5*time.Second {
			t.Errorf("%s: the ledger's clock is %s off", name, off)
		}
	}
	// A retry is put off by as long as was said, whoever says so.
	ahead := wrong["a year ahead"]
	if err := ahead.Forwards.MarkAttempt(t.Context(), leased[0], Attempt{At: ahead.now(), Status: 500}, Outcome{RetryAt: ahead.now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	queue, err := right.Forwards.Queue(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queue {
		if q.ID == leased[0].ID {
			if in := time.Until(q.DueAt); in < 50*time.Minute || in > time.Hour {
				t.Errorf("the retry is due in %s, want an hour", in)
			}
		}
	}
	for name, s := range wrong {
		pruned, err := s.Prune(t.Context(), s.Now().Add(-24*time.Hour))
		if err != nil || pruned.Deliveries > 0 {
			t.Errorf("%s: %d new deliveries were pruned, error %v", name, pruned.Deliveries, err)
		}
		// A request that was just sent is not taken for an old one.
		d := create(t, s, push(t, "INV-"+name))
		if d, _, err = s.Deposits.ClaimSend(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if age := right.Now().Sub(d.SentAt).Abs(); age > 10*time.Second {
			t.Errorf("%s: a request sent now is %s old elsewhere", name, age)
		}
	}
}

// TestOneBudget: machines, with whatever clocks, that ask for slots of one app at once get
// one after the other.
func TestOneBudget(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	right, wrong := wrongClocks(t, testPlace(t))
	const per = 10 * time.Second
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[int64]bool{}
	first := time.Time{}
	stores := []*Store{right}
	for _, s := range wrong {
		stores = append(stores, s)
	}
	for _, s := range stores {
		b := budget.Ledger{Keeper: s}
		for range 5 {
			wg.Go(func() {
				slot, err := b.ReserveWithin(t.Context(), "app", per, time.Hour)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				got[slot.At.UnixMicro()] = true
				if first.IsZero() || slot.At.Before(first) {
					first = slot.At
				}
			})
		}
	}
	wg.Wait()
	for i := range 5 * len(stores) {
		if at := first.Add(time.Duration(i) * per); !got[at.UnixMicro()] {
			t.Errorf("nobody got the slot of %s after the first", at.Sub(first))
		}
	}
	b := budget.Ledger{Keeper: right}
	if slot, err := b.ReserveWithin(t.Context(), "app", per, time.Second); err != nil || !slot.At.IsZero() {
		t.Errorf("a slot that is too far off was booked: %+v, error %v", slot, err)
	}
	if err := b.Hold(t.Context(), "other", right.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if slot, err := (budget.Ledger{Keeper: stores[1]}).ReserveWithin(t.Context(), "other", per, time.Hour); err != nil || slot.Wait < 50*time.Second {
		t.Errorf("a hold of one machine does not hold another: %+v, error %v", slot, err)
	}
}

// TestWakingCut: who watches hears of another's commit by asking, when the connection that
// listens is cut, and where none may listen.
func TestWakingCut(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	place := testPlace(t)
	proxy := newProxy(t, place)
	writer := openTest(t, Options{Path: place})
	for name, at := range map[string]string{
		"cut": proxy.URL, "told not to listen": postgrestest.With(place, "payctl_notify", "off"), "a pooler": postgrestest.With(place, "payctl_pooler", "on"),
	} {
		s := openTest(t, Options{Path: at})
		changed := s.Changes(t.Context())
		<-changed // the first is always there
		if name == "cut" {
			record(t, writer, callback("ws_before", "", 100))
			<-changed
			proxy.SetDown(true)
			record(t, writer, callback("ws_meanwhile", "", 100))
			proxy.SetDown(false)
		} else {
			record(t, writer, callback("ws_"+name, "", 100))
		}
		select {
		case <-changed:
		case <-time.After(time.Minute):
			t.Errorf("%s: the watcher never hears", name)
		}
	}
}

// TestPagesBesideOpenTransactions: a list that is read page by page, while a transaction
// that took its key before is still open, shows what is committed, each once, and the
// late one when it is read again.
func TestPagesBesideOpenTransactions(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	a, b := two(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	setFailCommit(t, a, func() error {
		once.Do(func() {
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
	for i := range 5 {
		record(t, b, callback(fmt.Sprint("ws_", i), "", 100))
	}
	pages := func() (ids map[string]bool) {
		ids = map[string]bool{}
		cursor := ""
		for {
			page, next, err := b.Deliveries.List(t.Context(), DeliveryFilter{Limit: 2, Cursor: cursor})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page {
				if ids[d.ID] {
					t.Errorf("%s is on two pages", d.ID)
				}
				ids[d.ID] = true
			}
			if cursor = next; cursor == "" {
				return ids
			}
		}
	}
	if n := len(pages()); n != 5 {
		t.Errorf("%d deliveries on all pages, want 5", n)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := len(pages()); n != 6 {
		t.Errorf("%d deliveries on all pages, want 6", n)
	}
}

// TestCopyResumed: a copy that is cut off in the midst of its rows goes on when it is run
// again, and both ledgers then hold the same.
func TestCopyResumed(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	file := openTest(t, Options{Path: filepath.Join(t.TempDir(), "from.db")})
	fill(t, file, 1500)
	place := testPlace(t)
	proxy := newProxy(t, place)
	half, steps := openTest(t, Options{Path: proxy.URL}), 0
	_, err := Copy(t.Context(), file, half, func(table string, _ int64) {
		if table == "deliveries" {
			if steps++; steps == 2 {
				proxy.SetDown(true)
			}
		}
	})
	if payment.KindOf(err) != payment.KindUnavailable {
		t.Fatalf("a copy that was cut off: %v", err)
	}
	proxy.SetDown(false)
	whole := openTest(t, Options{Path: place})
	before, _, err := whole.Deliveries.List(t.Context(), DeliveryFilter{})
	if err != nil || len(before) == 0 || len(before) >= 1500 {
		t.Fatalf("%d rows were copied before the cut, error %v: the test proves nothing", len(before), err)
	}
	tables, err := Copy(t.Context(), file, whole, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range tables {
		if c.Name == "deliveries" && c.Rows != 1500 {
			t.Errorf("%+v", c)
		}
	}
	checkSound(t, whole)
}
