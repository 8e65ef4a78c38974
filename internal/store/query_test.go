package store

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// result is a transaction status result in the adapter's reading.
func result(conversation string, status payment.Status, minor int64, receipt string) Arrival {
	e := payment.Event{
		Provider: payment.Daraja, Name: "transaction.result", Key: fmt.Sprint("r/", conversation, status, minor),
		ConversationID: conversation, OriginatorConversationID: "o-" + conversation, Receipt: receipt, Status: status,
	}
	if minor != 0 {
		e.Amount = kes(minor)
	}
	return Arrival{
		Delivery: payment.Delivery{
			Provider: payment.Daraja, Route: "/callbacks/daraja/result", Method: http.MethodPost, Header: http.Header{},
			Body: []byte(e.Key), ReceivedAt: newClock().Now(),
		},
		Inspection: payment.Inspection{Verdict: payment.VerdictUnsigned, Event: &e},
	}
}

func timeout(conversation string) Arrival {
	a := result(conversation, "", 0, "")
	a.Inspection.Event.Name, a.Inspection.Event.Key = "transaction.timeout", "t/"+conversation
	a.Delivery.Route, a.Delivery.Body = "/callbacks/daraja/timeout", []byte("t/"+conversation)
	return a
}

func newQuery(t *testing.T, s *Store, depositID string) Query {
	t.Helper()
	q, err := s.Queries.Create(t.Context(), Query{
		Kind: "transaction_status", Provider: payment.Daraja, Environment: payment.Sandbox, DepositID: depositID,
		Receipt: "REC0000001", Request: json.RawMessage(`{"party":"600111"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func accept(t *testing.T, s *Store, id, conversation string) Query {
	t.Helper()
	q, err := s.Queries.Accept(t.Context(), id, payment.Acceptance{
		ConversationID: conversation, OriginatorConversationID: "o-" + conversation, Code: "0", Message: "Accepted",
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestQueryLife(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	q := newQuery(t, s, "")
	want := Query{
		ID: q.ID, Kind: "transaction_status", Provider: payment.Daraja, Environment: payment.Sandbox, Status: QueryCreated,
		Receipt: "REC0000001", Request: json.RawMessage(`{"party":"600111"}`), Token: q.Token, CreatedAt: c.Now(), UpdatedAt: c.Now(),
	}
	if diff := cmp.Diff(want, q); diff != "" {
		t.Error(diff)
	}
	c.Add(time.Second)
	q = accept(t, s, q.ID, "AG_1")
	want.Status, want.ConversationID, want.OriginatorConversationID = QueryAccepted, "AG_1", "o-AG_1"
	want.Code, want.Message, want.UpdatedAt = "0", "Accepted", c.Now()
	if diff := cmp.Diff(want, q); diff != "" {
		t.Error(diff)
	}
	c.Add(time.Second)
	late := record(t, s, withToken(timeout("AG_1"), q.Token))
	want.Status, want.DeliveryID, want.UpdatedAt, want.AnsweredAt = QueryTimedOut, late.DeliveryID, c.Now(), c.Now()
	assertQuery(t, s, want)

	answer := record(t, s, withToken(result("AG_1", payment.StatusCompleted, 15000, "REC0000001"), q.Token))
	if answer.QueryID != q.ID || answer.Verdict != payment.VerdictUnsigned {
		t.Errorf("%+v", answer)
	}
	want.Status, want.DeliveryID = QueryAnswered, answer.DeliveryID
	assertQuery(t, s, want)

	record(t, s, withToken(timeout("AG_1"), q.Token))
	record(t, s, withToken(result("AG_1", payment.StatusFailed, 15000, ""), q.Token))
	assertQuery(t, s, want)
	list, _, err := s.Deliveries.List(t.Context(), DeliveryFilter{QueryID: q.ID})
	if err != nil || len(list) != 4 {
		t.Errorf("%d deliveries, error %v", len(list), err)
	}
	checkSound(t, s)
}

// A message after which more come answers nothing; the real result does, though
// it may say the same (reference/daraja.md §6.3 quirk 5).
func TestResultAfterMore(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	q := newQuery(t, s, "")
	q = accept(t, s, q.ID, "AG_1")
	more := withToken(result("AG_1", "", 0, ""), q.Token)
	more.Inspection.Event.More, more.Inspection.Event.Key = true, more.Inspection.Event.Key+"/more"
	first := record(t, s, more)
	if first.QueryID != q.ID || first.Duplicate {
		t.Errorf("the message: %+v", first)
	}
	assertQuery(t, s, q)
	last := record(t, s, withToken(result("AG_1", "", 0, ""), q.Token))
	if got, err := s.Queries.Find(t.Context(), q.ID); err != nil || got[0].Status != QueryAnswered || got[0].DeliveryID != last.DeliveryID {
		t.Errorf("the result: %+v, error %v", got, err)
	}
	if again := record(t, s, more); !again.Duplicate {
		t.Errorf("the message once more: %+v", again)
	}
	checkSound(t, s)
}

func assertQuery(t *testing.T, s *Store, want Query) {
	t.Helper()
	for _, id := range []string{want.ID, want.ConversationID, want.OriginatorConversationID, want.Receipt} {
		if id == "" {
			continue
		}
		got, err := s.Queries.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Query{want}, got); diff != "" {
			t.Errorf("by %s: %s", id, diff)
		}
	}
}

func TestQueryRefused(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	q := newQuery(t, s, "")
	q, err := s.Queries.Refuse(t.Context(), q.ID, "500.003.1001", "Internal Server Error")
	if err != nil || q.Status != QueryRefused || q.Code != "500.003.1001" {
		t.Errorf("%+v, error %v", q, err)
	}
	if _, err := s.Queries.Refuse(t.Context(), "qry_0", "", ""); kindOf(err) != payment.KindNotFound {
		t.Errorf("no such query: %v", err)
	}
	for _, bad := range []Query{
		{},
		{Kind: "balance"},
		{Kind: "balance", Provider: payment.Daraja, Request: json.RawMessage("{")},
	} {
		if _, err := s.Queries.Create(t.Context(), bad); kindOf(err) != payment.KindUsage {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := s.Queries.Create(t.Context(), Query{Kind: "balance", Provider: payment.Daraja, DepositID: "dep_1"}); kindOf(err) != payment.KindNotFound {
		t.Errorf("of no deposit: %v", err)
	}
}

// The result may be there before the acceptance has been stored: its token
// makes it true, its ConversationID alone does not, then or later.
func TestResultBeforeAcceptance(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	q := newQuery(t, s, d.ID)
	a := result("AG_1", payment.StatusCompleted, 15000, "REC0000001")
	want := outcome{Verdict: payment.VerdictUntrusted, Reason: "no query of this ledger has its ConversationID"}
	if diff := cmp.Diff(want, outcomeOf(record(t, s, a))); diff != "" {
		t.Error(diff)
	}
	early := record(t, s, withToken(a, q.Token))
	want = outcome{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictUnsigned, Status: payment.StatusCompleted}
	if diff := cmp.Diff(want, outcomeOf(early)); diff != "" {
		t.Error(diff)
	}
	if q = accept(t, s, q.ID, "AG_1"); q.Status != QueryAnswered || q.DeliveryID != early.DeliveryID {
		t.Errorf("%+v", q)
	}
	got := deposit(t, s, d.ID)
	if got.DecidedBy != payment.SourceTransaction || got.Receipt != "REC0000001" || got.ProviderID != "ws_1" {
		t.Errorf("%+v", got)
	}
	v, err := s.Deliveries.Get(t.Context(), early.DeliveryID)
	if err != nil || v.QueryID != q.ID || v.Verdict != payment.VerdictUnsigned || v.Move != payment.MoveApply {
		t.Errorf("%+v, error %v", v, err)
	}
	checkSound(t, s)
}

// Nobody settles a deposit by naming its query before or after the acceptance.
func TestForgedResult(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	q := newQuery(t, s, d.ID)
	forged := result("AG_1", payment.StatusCompleted, 15000, "FORGED0001")
	record(t, s, forged)
	if q = accept(t, s, q.ID, "AG_1"); q.Status != QueryAccepted {
		t.Errorf("the acceptance made a forgery true: %+v", q)
	}
	record(t, s, forged)
	if got := deposit(t, s, d.ID); got.Status != payment.StatusPending {
		t.Errorf("status %s", got.Status)
	}
	r := record(t, s, withToken(result("AG_1", payment.StatusCompleted, 15000, "REC0000001"), q.Token))
	if r.Duplicate || r.Move != payment.MoveApply || deposit(t, s, r.DepositID).Receipt != "REC0000001" {
		t.Errorf("the true one: %+v", r)
	}
	checkSound(t, s)
}

// TestResultAgainstDeposit: what a transaction's result says against a deposit that is
// COMPLETED becomes its conflict; what agrees, or says nothing of its end, does not.
func TestResultAgainstDeposit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		arrival  Arrival
		conflict string
	}{
		{"agrees", result("AG_1", payment.StatusCompleted, 15000, "REC0000001"), ""},
		{"is under way", result("AG_1", "", 15000, "REC0000001"), ""},
		{"failed", result("AG_1", payment.StatusFailed, 15000, "REC0000001"), "the callback said COMPLETED, the transaction says FAILED"},
		{"another amount", result("AG_1", payment.StatusCompleted, 100, "REC0000001"), "the transaction's amount 1.00 is not the 150.00 asked for"},
		{"another receipt", result("AG_1", payment.StatusCompleted, 15000, "REC0000002"), "the transaction's receipt REC0000002 is not the deposit's REC0000001"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t, Options{})
			d := pending(t, s, push(t, "INV-1"), "ws_1")
			if _, _, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceCallback, Receipt: "REC0000001", At: d.UpdatedAt}); err != nil {
				t.Fatal(err)
			}
			q := newQuery(t, s, d.ID)
			accept(t, s, q.ID, "AG_1")
			record(t, s, withToken(tc.arrival, q.Token))
			got, err := s.Deposits.Get(t.Context(), d.ID)
			if err != nil || got.Status != payment.StatusCompleted || got.Receipt != "REC0000001" || got.Conflict.Reason != tc.conflict {
				t.Errorf("%s %s, conflict %q, error %v; want it completed, conflict %q", got.Status, got.Receipt, got.Conflict.Reason, err, tc.conflict)
			}
			checkSound(t, s)
		})
	}
}

func TestResultJudged(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		arrival Arrival
		token   bool
		want    outcome
		query   QueryStatus
	}{
		{
			"completed", result("AG_1", payment.StatusCompleted, 15000, "REC0000001"), true,
			outcome{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictUnsigned, Status: payment.StatusCompleted},
			QueryAnswered,
		},
		{
			"failed moves nothing by itself", result("AG_1", payment.StatusFailed, 15000, "REC0000001"), true,
			outcome{Deposit: true, Verdict: payment.VerdictUnsigned, Status: payment.StatusPending},
			QueryAnswered,
		},
		{
			"completed, without the token", result("AG_1", payment.StatusCompleted, 15000, "REC0000001"), false,
			outcome{Verdict: payment.VerdictUntrusted, Reason: "the path token is missing, and this query was sent with one"},
			QueryAccepted,
		},
		{
			"a time-out without the token", timeout("AG_1"), false,
			outcome{Verdict: payment.VerdictUntrusted, Reason: "the path token is missing, and this query was sent with one"},
			QueryAccepted,
		},
		{
			"of no amount", result("AG_1", payment.StatusCompleted, 0, "REC0000001"), true,
			outcome{
				Deposit: true, Verdict: payment.VerdictUnsigned, Status: payment.StatusPending,
				Reason: "the transaction's result tells no amount; the deposit stays as it is",
			},
			QueryAnswered,
		},
		{
			"of another amount", result("AG_1", payment.StatusCompleted, 100, "REC0000001"), true,
			outcome{
				Deposit: true, Move: payment.MoveConflict, Verdict: payment.VerdictUnsigned, Status: payment.StatusPending,
				Reason: "the transaction's amount 1.00 is not the 150.00 asked for",
			},
			QueryAnswered,
		},
		{
			"the originator's id is the original transaction's", func() Arrival {
				a := result("AG_1", payment.StatusCompleted, 15000, "REC0000001")
				a.Inspection.Event.OriginatorConversationID = "another"
				return a
			}(), true,
			outcome{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictUnsigned, Status: payment.StatusCompleted},
			QueryAnswered,
		},
		{
			"a token of nobody", withToken(result("AG_1", payment.StatusCompleted, 15000, "REC0000001"), "guess"), false,
			outcome{Verdict: payment.VerdictUntrusted, Reason: "the path token is another query's"},
			QueryAccepted,
		},
		{
			"an unknown query", result("AG_9", payment.StatusCompleted, 15000, "REC0000001"), false,
			outcome{Verdict: payment.VerdictUntrusted, Reason: "no query of this ledger has its ConversationID"},
			QueryAccepted,
		},
		{
			"our token, another conversation", result("AG_9", payment.StatusCompleted, 15000, "REC0000001"), true,
			outcome{Verdict: payment.VerdictUntrusted, Reason: "the ConversationID is not this query's"},
			QueryAccepted,
		},
		{
			"a time-out without ids, by token", func() Arrival {
				a := timeout("")
				a.Inspection.Event.OriginatorConversationID = ""
				return a
			}(), true,
			outcome{Deposit: true, Verdict: payment.VerdictUnsigned, Status: payment.StatusPending},
			QueryTimedOut,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t, Options{})
			d := pending(t, s, push(t, "INV-1"), "ws_1")
			q := newQuery(t, s, d.ID)
			accept(t, s, q.ID, "AG_1")
			a := tc.arrival
			if tc.token {
				a = withToken(a, q.Token)
			}
			if diff := cmp.Diff(tc.want, outcomeOf(record(t, s, a))); diff != "" {
				t.Error(diff)
			}
			got, err := s.Queries.Find(t.Context(), q.ID)
			if err != nil || len(got) != 1 || got[0].Status != tc.query {
				t.Errorf("%+v, error %v", got, err)
			}
			checkSound(t, s)
		})
	}
}

func TestListQueries(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	var want []string
	for range 5 {
		want = append([]string{newQuery(t, s, "").ID}, want...)
	}
	for _, limit := range []int{0, 1, 2, 5} {
		got := []string{}
		for cursor, first := "", true; first || cursor != ""; first = false {
			page, next, err := s.Queries.List(t.Context(), QueryFilter{Limit: limit, Cursor: cursor, Status: QueryCreated})
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range page {
				got = append(got, q.ID)
			}
			cursor = next
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d: %s", limit, diff)
		}
	}
	none, _, err := s.Queries.List(t.Context(), QueryFilter{Kind: "balance"})
	if err != nil || len(none) != 0 {
		t.Errorf("%d balances, error %v", len(none), err)
	}
}
