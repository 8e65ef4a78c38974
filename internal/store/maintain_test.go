package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func TestStats(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	pending(t, s, push(t, "INV-1"), "ws_1")
	open := pending(t, s, push(t, "INV-2"), "ws_2")
	deliver(t, s, callback("ws_1", "REC0000001", 15000))
	deliver(t, s, callback("ws_1", "REC0000001", 15000))
	a := callback("ws_9", "", 100)
	a.Targets = []string{"http://127.0.0.1:1"}
	record(t, s, a)
	size := func(a Arrival) int64 { return int64(len(a.Delivery.Body) + len(encodeHeader(a.Delivery.Header))) }
	got, err := s.Stats(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.FixedZone("EAT", 3*3600))
	count := func(verdict payment.Verdict, duplicate bool, bytes int64) DeliveryCount {
		return DeliveryCount{
			Provider: payment.Daraja, Event: "stk.completed", Verdict: verdict, Duplicate: duplicate, Count: 1, Bytes: bytes,
		}
	}
	paid := size(callback("ws_1", "REC0000001", 15000))
	migrations, err := filepath.Glob("sqlite/migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	want := Stats{
		FileBytes: got.FileBytes, FreeBytes: got.FreeBytes, Schema: len(migrations), OldestOpen: open.CreatedAt, Waiting: 1,
		Stored: []DeliveryCount{
			count(payment.VerdictUnsigned, false, paid), count(payment.VerdictUnsigned, true, paid), count(payment.VerdictUntrusted, false, size(a)),
		},
		Deposits: []DepositCount{
			{Day: day, Provider: payment.Daraja, Environment: payment.Sandbox, Status: payment.StatusCompleted, Count: 1, Amount: kes(15000)},
			{Day: day, Provider: payment.Daraja, Environment: payment.Sandbox, Status: payment.StatusPending, Count: 1, Amount: kes(15000)},
		},
	}
	for _, n := range want.Stored {
		n.Day = day
		want.Deliveries = append(want.Deliveries, n)
	}
	if want.Server = got.Server; (got.Server != nil) != (testServer() != "") {
		t.Errorf("server %+v", got.Server)
	}
	if diff := cmp.Diff(want, got, cmpOpts()); diff != "" {
		t.Error(diff)
	}
	if got.FileBytes <= 0 {
		t.Errorf("%d bytes", got.FileBytes)
	}
	later, err := s.Stats(t.Context(), c.Now().Add(24*time.Hour))
	if err != nil || len(later.Deliveries) != 0 || len(later.Deposits) != 0 {
		t.Errorf("%+v, error %v", later, err)
	}
}

func TestDayOf(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		at   string
		want int64
	}{
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01T20:59:59Z", 0},
		{"1970-01-01T21:00:00Z", 1},
		{"1969-12-31T21:00:00Z", 0},
		{"1969-12-31T20:59:59Z", -1},
		{"1969-12-30T21:00:00Z", -1},
	} {
		at, err := time.Parse(time.RFC3339, tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := dayOf(micros(at)); got != tc.want {
			t.Errorf("%s: day %d, want %d", tc.at, got, tc.want)
		}
		if start := startOfDay(dayOf(micros(at))); start.After(at) || at.Sub(start) >= 24*time.Hour {
			t.Errorf("%s: the day starts at %v", tc.at, start)
		}
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	fileOnly(t)
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_pay")
	ids := fill(t, s, 40)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := s.Deliveries.Record(t.Context(), callback(fmt.Sprint("while_", i), "", 1)); err != nil {
				t.Error(err)
			}
		}
	})
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	cancel()
	wg.Wait()
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	if left, err := filepath.Glob(file + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
	if err := s.Backup(t.Context(), file); kindOf(err) != payment.KindUsage {
		t.Errorf("over an existing file: %v", err)
	}
	if err := s.Backup(t.Context(), filepath.Join(file, "below")); kindOf(err) != payment.KindUsage {
		t.Errorf("below a file: %v", err)
	}
	again := openTest(t, Options{Path: file})
	checkSound(t, again)
	if diff := cmp.Diff(d, deposit(t, again, d.ID), cmpOpts()); diff != "" {
		t.Error(diff)
	}
	for _, id := range ids {
		if _, err := again.Deliveries.Get(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if r := deliver(t, again, callback("ws_pay", "REC0000001", 15000)); r.Move != payment.MoveApply {
		t.Errorf("the copy does not work: %+v", r)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	start := c.Now()
	old := func(a Arrival) Arrival {
		a.Delivery.ReceivedAt = start
		a.Delivery.Body = append(a.Delivery.Body, strings.Repeat("x", 5_000)...)
		return a
	}
	var gone, kept []string
	settled := pending(t, s, push(t, "INV-1"), "ws_1")
	gone = append(gone, deliver(t, s, old(callback("ws_1", "REC0000001", 15000))).DeliveryID)
	pending(t, s, push(t, "INV-2"), "ws_2")
	kept = append(kept, deliver(t, s, old(callback("ws_2", "FORGED0001", 1))).DeliveryID)
	pending(t, s, push(t, "INV-3"), "ws_3")
	kept = append(kept, deliver(t, s, old(callback("ws_3", "REC0000003", 15000))).DeliveryID,
		deliver(t, s, old(failed(callback("ws_3", "", 0)))).DeliveryID)
	queued := old(callback("ws_7", "", 1))
	queued.Targets = []string{"http://127.0.0.1:1"}
	kept = append(kept, record(t, s, queued).DeliveryID)
	for i := range 250 {
		gone = append(gone, record(t, s, old(callback(fmt.Sprint("old_", i), "", 1))).DeliveryID)
	}
	query := accept(t, s, newQuery(t, s, settled.ID).ID, "AG_1")
	kept = append(kept, record(t, s, old(withToken(result("AG_1", payment.StatusCompleted, 15000, "REC0000001"), query.Token))).DeliveryID)
	recent := callback("ws_8", "", 1)
	recent.Delivery.ReceivedAt = start.Add(time.Hour)
	kept = append(kept, record(t, s, recent).DeliveryID)
	before, err := s.Stats(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}

	got, err := s.Prune(t.Context(), start.Add(time.Minute))
	if err != nil || got.Deliveries != int64(len(gone)) || got.Kept != 5 || got.Bytes < 251*5_000 {
		t.Errorf("%+v, error %v", got, err)
	}
	for _, id := range gone {
		if _, err := s.Deliveries.Get(t.Context(), id); kindOf(err) != payment.KindNotFound {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, id := range kept {
		if _, err := s.Deliveries.Get(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if q, err := s.Queries.Find(t.Context(), query.ID); err != nil || len(q) != 1 || q[0].DeliveryID != kept[len(kept)-2] {
		t.Errorf("the query %+v, error %v: want its answer in %s", q, err, kept[len(kept)-2])
	}
	after, err := s.Stats(t.Context(), time.Time{})
	if err != nil || after.FreeBytes != 0 {
		t.Errorf("%d bytes are free, error %v", after.FreeBytes, err)
	}
	if diff := cmp.Diff(before.Deliveries, after.Deliveries); diff != "" {
		t.Errorf("what was received has changed: %s", diff)
	}
	again, existed, err := s.Deposits.Create(t.Context(), push(t, "INV-1"))
	if err != nil || !existed || again.ID != settled.ID || again.Status != payment.StatusCompleted {
		t.Errorf("the idempotency key: %+v, existed %v, error %v", again, existed, err)
	}
	if r := deliver(t, s, callback("ws_1", "REC0000001", 15000)); r.Move == payment.MoveApply {
		t.Errorf("a late copy moved the deposit: %+v", r)
	}
	checkSound(t, s)
}

// The newest delivery's key must never be given again.
func TestPruneKeepsNewestKey(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	ids := fill(t, s, 3)
	if _, err := s.Prune(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	fresh := record(t, s, callback("ws_new", "", 1)).DeliveryID
	for _, id := range ids {
		if id == fresh {
			t.Errorf("%s was given twice", id)
		}
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{Quarantine: Quarantine{
		Junk: Bound{Rows: 40, Bytes: 1 << 20}, Untrusted: Bound{Rows: 1000, Bytes: 60_000},
	}})
	pending(t, s, push(t, "INV-1"), "ws_1")
	paid := deliver(t, s, callback("ws_1", "REC0000001", 15000)).DeliveryID
	var newest string
	for i := range 300 {
		junk := callback(fmt.Sprint("junk_", i), "", 1)
		junk.Inspection = payment.Inspection{Verdict: payment.VerdictMalformed}
		junk.Delivery.ReceivedAt = junk.Delivery.ReceivedAt.Add(time.Duration(i) * time.Second)
		newest = record(t, s, junk).DeliveryID
		forged := callback(fmt.Sprint("forged_", i), "", 1)
		forged.Delivery.Body = append(forged.Delivery.Body, strings.Repeat("x", 1000)...)
		record(t, s, forged)
	}
	for _, id := range []string{paid, newest} {
		if _, err := s.Deliveries.Get(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	st, err := s.Stats(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range st.Stored {
		switch {
		case n.Verdict == payment.VerdictMalformed && (n.Count > 51 || n.Count < 25):
			t.Errorf("%d malformed are held", n.Count)
		case n.Verdict == payment.VerdictUntrusted && (n.Bytes > 76_000 || n.Count < 30):
			t.Errorf("%d untrusted with %d bytes are held", n.Count, n.Bytes)
		}
	}
	received := int64(0)
	for _, n := range st.Deliveries {
		received += n.Count
	}
	if received != 601 {
		t.Errorf("%d were received", received)
	}
	checkSound(t, s)
}

// TestQuarantineCatchesUp holds that junk far over its bounds, however it got
// there, is gone within a few commits, each of which drops a bounded number.
func TestQuarantineCatchesUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	roomy, err := Open(t.Context(), Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	const all, bound = mostDropped + 400, 100
	junk := func(i int) Arrival {
		a := callback(fmt.Sprint("junk_", i), "", 1)
		a.Inspection = payment.Inspection{Verdict: payment.VerdictMalformed}
		return a
	}
	var senders sync.WaitGroup
	for sender := range 64 {
		senders.Go(func() {
			for i := sender; i < all; i += 64 {
				if _, err := roomy.Deliveries.Record(t.Context(), junk(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	if err := roomy.Close(); err != nil {
		t.Fatal(err)
	}
	s := openTest(t, Options{Path: path, Quarantine: Quarantine{
		Junk: Bound{Rows: bound, Bytes: 1 << 30}, Untrusted: Bound{Rows: bound, Bytes: 1 << 30},
	}})
	held := func() (n int64) {
		st, err := s.Stats(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range st.Stored {
			n += k.Count
		}
		return n
	}
	for i := range bound / 4 { // as many as come between two looks
		record(t, s, junk(all+i))
	}
	if n := held(); n != all+bound/4-mostDropped {
		t.Errorf("%d are held after a look at %d, want %d less", n, all+bound/4, mostDropped)
	}
	record(t, s, junk(-1))
	if n := held(); n > bound {
		t.Errorf("%d are held after the next commit, want at most %d", n, bound)
	}
	checkSound(t, s)
}

func TestCheckFindsDamage(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	pending(t, s, push(t, "INV-1"), "ws_1")
	deliver(t, s, callback("ws_1", "REC0000001", 15000))
	for _, q := range []string{
		"UPDATE deposits SET decided_by = ''",
		"UPDATE deliveries SET size = 1, kind = 99",
	} {
		err := s.do(t.Context(), "damage", func(ctx context.Context, t *tx) error {
			err := t.exec(ctx, q)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Check(t.Context())
	want := []string{
		"1 final deposits do not say who decided them",
		"1 deliveries are of no known kind",
		"1 deliveries are not as long as they were",
		"the count of deliveries of kind 1 is wrong",
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestKindsAreBounded(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	err := s.do(t.Context(), "fill", func(ctx context.Context, t *tx) error {
		for i := range mostKinds + 50 {
			if _, err := t.dict.kind(ctx, kind{provider: payment.Sevi, event: fmt.Sprint("wallet.", i), verdict: payment.VerdictValid}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	kinds, err := s.tables.kinds.all(t.Context(), s, "")
	if err != nil || len(kinds) > mostKinds+1 {
		t.Errorf("%d kinds, error %v", len(kinds), err)
	}
}
