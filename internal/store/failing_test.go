package store

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// TestListsGoByIndices: a list of a ledger with millions of deliveries must read no more
// of it than its page, whatever is asked for together.
func TestListsGoByIndices(t *testing.T) {
	t.Parallel()
	fileOnly(t)
	s := openTest(t, Options{})
	d := push(t, "INV-1")
	pending(t, s, d, "ws_1")
	deliver(t, s, callback("ws_1", "REC0000001", 15000))
	stranger := editEvent(callback("ws_9", "REC0000009", 15000), func(e *payment.Event) { e.Phone = d.Phone.MSISDN() })
	fail(t, s, record(t, s, stranger).DeliveryID)
	for _, tc := range []struct {
		name string
		f    DeliveryFilter
		want []string
	}{
		{"a kind", DeliveryFilter{Verdicts: []payment.Verdict{payment.VerdictUntrusted}}, []string{"deliveries_list (kind=?"}},
		{"failed", DeliveryFilter{Failed: true}, []string{"failing_list (kind=?"}},
		{"failed, of a kind", DeliveryFilter{Failed: true, Event: "stk.completed"}, []string{"failing_list (kind=?"}},
		{"failed, of a payer", DeliveryFilter{Failed: true, Phone: d.Phone}, []string{"failing_phone (phone=? AND kind=?"}},
		{"a payer's", DeliveryFilter{Phone: d.Phone}, []string{"deliveries_phone (phone=? AND kind=?", "deliveries_same (subject=?)"}},
	} {
		runs, _, err := s.Deliveries.runs(t.Context(), tc.f)
		if err != nil || len(runs) == 0 {
			t.Fatalf("%s: %d runs, error %v", tc.name, len(runs), err)
		}
		for _, run := range runs {
			query, args := run.query(window{limit: 50})
			plan := planOf(t, s, query, args...)
			i := slices.IndexFunc(tc.want, func(index string) bool { return strings.Contains(plan, index) })
			// Only what is about a payer's deposits is sorted: they are few.
			if i < 0 || strings.Contains(plan, "SCAN deliveries") || strings.Contains(plan, "SCAN failing") || i == 0 && strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("%s: %s:\n%s", tc.name, query, plan)
			}
		}
	}
}

// fail notes that a delivery did not get through to the app.
func fail(t *testing.T, s *Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		for _, target := range []string{"http://a/", "http://b/"} {
			if err := s.Runs.RecordAttempts(t.Context(), []Attempt{{DeliveryID: id, Target: target, Status: 500}}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestFailedTogetherWith: what did not get through is found by kind and by payer, also
// once it has turned out to be about a deposit.
func TestFailedTogetherWith(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	phone, other := mustPhone(t, "0711000222"), mustPhone(t, "0711000333")
	list := func(f DeliveryFilter) (ids []string) {
		t.Helper()
		f.Failed, f.Limit = true, 50
		found, _, err := s.Deliveries.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			ids = append(ids, d.ID)
		}
		return ids
	}
	check := func(when string, f DeliveryFilter, want ...string) {
		t.Helper()
		if got := list(f); !slices.Equal(got, want) {
			t.Errorf("%s, %+v: %v, want %v", when, f, got, want)
		}
	}
	// One is about a deposit of the payer, one names the number masked, one comes before
	// its deposit and says nothing of a payer.
	d := push(t, "INV-1")
	d.Phone = phone
	pending(t, s, d, "ws_1")
	about := deliver(t, s, callback("ws_1", "REC0000001", 15000)).DeliveryID
	masked := record(t, s, editEvent(callback("ws_8", "REC0000008", 15000), func(e *payment.Event) { e.Phone = "2547 ***** 222" })).DeliveryID
	early := record(t, s, editEvent(wasaapayEvent("wp_1", "elsewhere"), func(e *payment.Event) { e.Phone = "" })).DeliveryID
	fail(t, s, about, masked, early)
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	check("before", DeliveryFilter{Since: at}, list(DeliveryFilter{})...)
	check("before", DeliveryFilter{Phone: phone}, inOrder(t, s, about, masked)...)
	check("before", DeliveryFilter{Phone: other})
	check("before", DeliveryFilter{Verdicts: []payment.Verdict{payment.VerdictMismatch}})
	check("before", DeliveryFilter{Phone: phone, Verdicts: []payment.Verdict{payment.VerdictUntrusted}}, masked)
	check("before", DeliveryFilter{Provider: payment.WasaaPay, OnlyFirst: true}, early)

	w := push(t, "INV-2")
	w.Provider, w.ShortCode, w.Phone = payment.WasaaPay, "", other
	w = create(t, s, w)
	if _, mine, err := s.Deposits.ClaimSend(t.Context(), w); err != nil || !mine {
		t.Fatal(mine, err)
	}
	if _, _, err := s.Deposits.Apply(t.Context(), w.ID, payment.Claim{Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: "wp_1"}); err != nil {
		t.Fatal(err)
	}
	check("after", DeliveryFilter{Phone: other}, early)
	check("after", DeliveryFilter{Phone: other, Provider: payment.WasaaPay, Verdicts: []payment.Verdict{payment.VerdictValid}}, early)
	checkFailing(t, s)

	// An adopted deposit learns its phone, and so do the deliveries about it.
	in := payment.Deposit{Provider: payment.Daraja, Environment: payment.Sandbox, ProviderID: "ws_7", ShortCode: "174379"}
	unproved := record(t, s, callback("ws_7", "REC0000007", 15000)).DeliveryID
	fail(t, s, unproved)
	a, _, err := s.Deposits.Adopt(t.Context(), in, payment.Claim{Status: payment.StatusPending, By: payment.SourceQuery})
	if err != nil {
		t.Fatal(err)
	}
	checkFailing(t, s)
	if _, _, err := s.Deposits.Apply(t.Context(), a.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceQuery, Phone: other}); err != nil {
		t.Fatal(err)
	}
	check("adopted", DeliveryFilter{Phone: other, Provider: payment.Daraja}, unproved)
	checkFailing(t, s)
}

// inOrder sorts ids as lists have them, the newest first.
func inOrder(t *testing.T, s *Store, ids ...string) []string {
	t.Helper()
	all, _, err := s.Deliveries.List(t.Context(), DeliveryFilter{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range all {
		if slices.Contains(ids, d.ID) {
			out = append(out, d.ID)
		}
	}
	return out
}

// checkFailing holds what is kept of failing deliveries against what they are.
func checkFailing(t *testing.T, s *Store) {
	t.Helper()
	var wrong string
	err := s.read.QueryRowContext(t.Context(), `SELECT coalesce(min(CAST(f.seq AS TEXT) || ' ' || f.kind || ' ' || f.phone), '') FROM failing AS f JOIN deliveries AS v ON v.seq = f.seq
		WHERE f.kind <> v.kind OR f.received_at <> v.received_at OR f.phone <> `+sqlPayer).Scan(&wrong)
	if err != nil || wrong != "" {
		t.Errorf("failing holds %q, error %v", wrong, err)
	}
}

// TestStatisticsGoByIndices: what the statistics read of undecided deposits is in an index:
// their rows are wide, and scattered.
func TestStatisticsGoByIndices(t *testing.T) {
	t.Parallel()
	fileOnly(t)
	s := openTest(t, Options{})
	plan := planOf(t, s, sqlUndecided("s.status = 'PENDING'", ""), 1, "local", 1, 2)
	if !strings.Contains(plan, "COVERING INDEX deposits_list (shelf=? AND created_at>? AND created_at<?)") {
		t.Error(plan)
	}
}

// TestPayerIsLookedUp: under which keys and kinds a payer is stored costs a look-up of
// each, also where there are many rows.
func TestPayerIsLookedUp(t *testing.T) {
	t.Parallel()
	sharedOnly(t)
	place := testPlace(t)
	s := openTest(t, Options{Path: place})
	err := s.do(t.Context(), "seed", func(ctx context.Context, t *tx) error {
		return t.exec(ctx, `INSERT INTO failing (seq, target, kind, phone, received_at)
			SELECT i, 1, 1, CAST(254700000000 + i AS TEXT), i FROM generate_series(1, 20000) AS i`)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := postgrestest.Exec(t.Context(), place, "ANALYZE failing"); err != nil {
		t.Fatal(err)
	}
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, COSTS OFF) "+sqlPayerKinds(s.database, "failing", 2), "254700000007", "2547*007", s.engine.Numbers([]int64{1}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, "rows=20000") || strings.Contains(line, "Hash") {
			t.Errorf("all rows are read: %s", line)
		}
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
}
