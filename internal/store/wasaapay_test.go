package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func wasaapayEvent(id, reference string) Arrival {
	a := callback(id, "WPR0000001", 15000)
	a.Delivery.Provider, a.Delivery.Route = payment.WasaaPay, "/callbacks/wasaapay"
	a.Inspection.Verdict, a.Inspection.Matched = payment.VerdictValid, "json-stringify"
	e := *a.Inspection.Event
	e.Provider, e.Name, e.Reference, e.ShortCode = payment.WasaaPay, "deposit.completed", reference, ""
	e.Key = "SANDBOX deposit.completed " + id + " COMPLETED"
	a.Inspection.Event = &e
	return a
}

func TestRecordWasaaPay(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	in := push(t, "INV-1")
	in.Provider, in.ShortCode = payment.WasaaPay, ""
	unsent := create(t, s, in)

	stranger := record(t, s, wasaapayEvent("dep_x", "INV-9"))
	if diff := cmp.Diff(outcome{Verdict: payment.VerdictValid}, outcomeOf(stranger)); diff != "" {
		t.Errorf("a deposit made elsewhere: %s", diff)
	}
	early := record(t, s, wasaapayEvent("dep_y", "INV-1"))
	if diff := cmp.Diff(outcome{Verdict: payment.VerdictValid}, outcomeOf(early)); diff != "" {
		t.Errorf("our reference, but nothing was sent: %s", diff)
	}
	if _, _, err := s.Deposits.ClaimSend(t.Context(), unsent); err != nil {
		t.Fatal(err)
	}
	lost := record(t, s, wasaapayEvent("dep_1", "INV-1"))
	want := outcome{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictValid, Status: payment.StatusCompleted}
	if diff := cmp.Diff(want, outcomeOf(lost)); diff != "" {
		t.Errorf("the answer was lost: %s", diff)
	}
	if got := deposit(t, s, lost.DepositID).ProviderID; got != "dep_1" {
		t.Errorf("provider id %q", got)
	}

	in.IdempotencyKey, in.Reference = "k2", "INV-2"
	waiting := create(t, s, in)
	if _, _, err := s.Deposits.ClaimSend(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.Deposits.Apply(t.Context(), waiting.ID, payment.Claim{Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: "dep_x"})
	if err != nil || got.Status != payment.StatusPending {
		t.Errorf("a receipt that another holds must not settle: %s, error %v", got.Status, err)
	}
	v, err := s.Deliveries.Get(t.Context(), stranger.DeliveryID)
	if err != nil || v.Verdict != payment.VerdictUntrusted || v.DepositID != waiting.ID {
		t.Errorf("%+v, error %v", v, err)
	}
	checkSound(t, s)
}

func TestRecordTwoUnderOneReference(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	for _, key := range []string{"k1", "k2"} {
		in := push(t, "INV-1")
		in.Provider, in.IdempotencyKey = payment.WasaaPay, key
		d := create(t, s, in)
		if _, _, err := s.Deposits.ClaimSend(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	r := record(t, s, wasaapayEvent("dep_1", "INV-1"))
	if r.DepositID != "" || r.Move != payment.MoveNone || r.Verdict != payment.VerdictValid {
		t.Errorf("two deposits wait under that reference: %+v", r)
	}
}
