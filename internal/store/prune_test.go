package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// walletEvent is Sevi's word on a wallet transaction of 1 000 cents.
func walletEvent(id, wallet string, status payment.Status) Arrival {
	a := callback(id, "", 1000)
	a.Delivery.Provider, a.Delivery.Route = payment.Sevi, "/callbacks/sevi"
	a.Inspection.Verdict, a.Inspection.Matched = payment.VerdictValid, "token"
	a.Inspection.Event = &payment.Event{
		Provider: payment.Sevi, Name: "wallet.credit", Key: fmt.Sprint(id, "/", wallet, "/", status),
		ProviderID: id, ShortCode: wallet, Status: status, Amount: kes(1000),
	}
	a.Delivery.Body = []byte(a.Inspection.Event.Key)
	return a
}

// pruneAll prunes all but the newest delivery, which is made for that, and holds
// that exactly what is named gone went.
func pruneAll(t *testing.T, s *Store, gone, kept map[string]string) {
	t.Helper()
	record(t, s, callback("ws_newest", "", 1))
	got, err := s.Prune(t.Context(), newClock().Now().Add(time.Hour))
	if err != nil || got.Deliveries != int64(len(gone)) || got.Kept != int64(len(kept)) {
		t.Errorf("%+v, error %v: want %d deleted and %d kept", got, err, len(gone), len(kept))
	}
	for name, id := range gone {
		if _, err := s.Deliveries.Get(t.Context(), id); kindOf(err) != payment.KindNotFound {
			t.Errorf("%s is still there: error %v", name, err)
		}
	}
	for name, id := range kept {
		if _, err := s.Deliveries.Get(t.Context(), id); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	checkSound(t, s)
}

// TestPruneKeepsBothSidesOfAWalletDispute: a contradiction is worth nothing
// without what it contradicts.
func TestPruneKeepsBothSidesOfAWalletDispute(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	put := func(a Arrival) string { return record(t, s, a).DeliveryID }
	forged := walletEvent("t1", "WAL-1", payment.StatusCompleted)
	forged.Inspection.Verdict = payment.VerdictMismatch
	forged.Delivery.Body = []byte("forged")
	const completed, pending, failed = payment.StatusCompleted, payment.StatusPending, payment.StatusFailed
	kept := map[string]string{
		"pending, then disputed":     put(walletEvent("t1", "WAL-1", pending)),
		"completed, then disputed":   put(walletEvent("t1", "WAL-1", completed)),
		"failed, the contradiction":  put(walletEvent("t1", "WAL-1", failed)),
		"a copy of the disputed":     put(walletEvent("t1", "WAL-1", completed)),
		"no wallet, then disputed":   put(walletEvent("t2", "", completed)),
		"no wallet, contradiction":   put(walletEvent("t2", "", failed)),
		"pending, with nothing else": put(walletEvent("t3", "WAL-1", pending)),
	}
	pruneAll(t, s, map[string]string{
		"the same id on another wallet": put(walletEvent("t1", "WAL-2", completed)),
		"what proves nothing":           put(forged),
		"pending, then settled":         put(walletEvent("t4", "WAL-1", pending)),
		"completed, undisputed":         put(walletEvent("t4", "WAL-1", completed)),
		"no status, as in older forms":  put(walletEvent("t5", "WAL-1", "")),
	}, kept)
}

// TestPruneKeepsWhatOpenDepositsMayNeed: signed events that found no deposit when
// they came are the evidence of one that is still open.
func TestPruneKeepsWhatOpenDepositsMayNeed(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	put := func(id, reference string) string { return record(t, s, wasaapayEvent(id, reference)).DeliveryID }
	kept := map[string]string{"the push's answer is yet to come": put("dep_1", "INV-1"), "adopted later": put("dep_2", "INV-2")}
	gone := map[string]string{"made elsewhere": put("dep_3", "INV-3"), "not sent": put("dep_4", "INV-4"), "no reference": put("dep_5", "")}
	in := push(t, "INV-1")
	in.Provider, in.ShortCode = payment.WasaaPay, ""
	if _, mine, err := s.Deposits.ClaimSend(t.Context(), create(t, s, in)); err != nil || !mine {
		t.Fatalf("mine %v, error %v", mine, err)
	}
	in.Reference, in.IdempotencyKey = "INV-4", "key-4"
	create(t, s, in)
	in.Reference, in.IdempotencyKey, in.ProviderID = "", "adopted-dep_2", "dep_2"
	create(t, s, in)
	pruneAll(t, s, gone, kept)
}

// TestPruneKeepsWhatWasSaidOfOpenQueries holds that results which did not answer
// their query stay as long as the query, or its deposit, is open or disputed.
func TestPruneKeepsWhatWasSaidOfOpenQueries(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	put := func(a Arrival, token string) string { return record(t, s, withToken(a, token)).DeliveryID }
	open := accept(t, s, newQuery(t, s, "").ID, "AG_1")
	announcing := result("AG_1", payment.StatusCompleted, 15000, "REC0000001")
	announcing.Inspection.Event.More = true
	answered := accept(t, s, newQuery(t, s, "").ID, "AG_2")
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	about := accept(t, s, newQuery(t, s, d.ID).ID, "AG_3")
	pruneAll(t, s, map[string]string{
		"the time-out before an answer": put(timeout("AG_2"), answered.Token),
	}, map[string]string{
		"an announcement to an open query":   put(announcing, open.Token),
		"the answer to another":              put(result("AG_2", payment.StatusCompleted, 15000, "REC0000001"), answered.Token),
		"the answer about an open deposit":   put(result("AG_3", payment.StatusFailed, 0, ""), about.Token),
		"untrusted, about that open deposit": put(result("AG_3", payment.StatusCompleted, 15000, "REC0000001"), "wrong"),
	})
}

// TestPruneGoesByIndices: a look at every row of a table for each delivery would
// take days where there are millions.
func TestPruneGoesByIndices(t *testing.T) {
	t.Parallel()
	fileOnly(t)
	s := openTest(t, Options{})
	var plan strings.Builder
	args := pruneArgs(kindRow{1, kind{provider: payment.Sevi, verdict: payment.VerdictValid}}, position{}, time.Time{})
	err := s.do(t.Context(), "explain", func(ctx context.Context, tx *tx) error {
		rows, err := tx.rows(ctx, "EXPLAIN QUERY PLAN "+sqlPruneCandidates, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			plan.WriteString(detail + "\n")
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"SEARCH v USING INDEX deliveries_list (kind=? AND received_at>? AND received_at<?)", "wallet_transactions_id (transaction_id=? AND wallet=? AND provider=?)",
		"deposits_provider_id (provider_id=?)", "forwards_delivery (delivery=?)", "deposits_list (shelf=?)",
	} {
		if !strings.Contains(plan.String(), want) {
			t.Errorf("%q is missing from the plan:\n%s", want, plan.String())
		}
	}
	if strings.Contains(plan.String(), "SCAN") || strings.Contains(plan.String(), "TEMP B-TREE") {
		t.Errorf("not by indices:\n%s", plan.String())
	}
}
