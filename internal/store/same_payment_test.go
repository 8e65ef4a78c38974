package store

import (
	"net/http"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// confirmation is a C2B confirmation of an amount under a receipt.
func confirmation(receipt string, minor int64) Arrival {
	return Arrival{
		Delivery: payment.Delivery{
			Provider: payment.Daraja, Route: "/callbacks/daraja/c2b/confirmation", Method: http.MethodPost,
			Body: []byte(`{"TransID":"` + receipt + `","TransAmount":"` + kes(minor).String() + `"}`),
		},
		Inspection: payment.Inspection{Verdict: payment.VerdictUnsigned, Event: &payment.Event{
			Provider: payment.Daraja, Name: "c2b.confirmation", Key: "c2b.confirmation/" + receipt + "/" + kes(minor).String(), Receipt: receipt, Amount: kes(minor),
		}},
	}
}

// TestSamePayment holds that a C2B confirmation with the receipt of a settled push is the
// same payment told twice: it is tied to the deposit and moves nothing. Another amount or
// receipt is another payment.
func TestSamePayment(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	first := record(t, s, genuine(t, s, callback("ws_1", "REC0000001", 15000)))
	for name, c := range map[string]struct {
		a    Arrival
		same string
	}{
		"the same payment": {confirmation("REC0000001", 15000), first.DeliveryID},
		"another amount":   {confirmation("REC0000001", 14000), ""},
		"another receipt":  {confirmation("REC0000002", 15000), ""},
	} {
		r := record(t, s, c.a)
		got, err := s.Deliveries.Get(t.Context(), r.DeliveryID)
		if err != nil {
			t.Fatal(err)
		}
		tied := got.DepositID == d.ID
		if r.Verdict != payment.VerdictUnsigned || got.SamePaymentAs != c.same || tied != (c.same != "") || r.Duplicate || r.Move != payment.MoveNone {
			t.Errorf("%s: %+v, same payment as %q, deposit %q", name, r, got.SamePaymentAs, got.DepositID)
		}
	}
	after := deposit(t, s, d.ID)
	if after.Status != payment.StatusCompleted || !after.Conflict.IsZero() {
		t.Errorf("the deposit became %+v", after)
	}
	forged := confirmation("REC0000001", 15000)
	forged.Delivery.Route = "/callbacks/daraja/stk"
	if r := record(t, s, forged); r.Verdict != payment.VerdictUntrusted || r.DepositID != "" {
		t.Errorf("by another route: %+v", r)
	}
}

// TestSamePaymentToldFirst holds that a C2B confirmation which came before the push's
// callback is tied to the deposit once that has its receipt, and found with it.
func TestSamePaymentToldFirst(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := pending(t, s, push(t, "INV-1"), "ws_1")
	early := confirmation("REC0000001", 15000)
	early.Inspection.Event.Reference, early.Inspection.Event.Phone = d.Reference, d.Phone.MSISDN()
	told := record(t, s, early)
	if got, err := s.Deliveries.Get(t.Context(), told.DeliveryID); err != nil || got.DepositID != "" || got.SamePaymentAs != "" {
		t.Fatalf("before: deposit %q, same payment as %q, %v", got.DepositID, got.SamePaymentAs, err)
	}
	settled := record(t, s, genuine(t, s, callback("ws_1", "REC0000001", 15000)))
	list, _, err := s.Deliveries.List(t.Context(), DeliveryFilter{DepositID: d.ID})
	if err != nil || len(list) != 2 {
		t.Errorf("%d deliveries about the deposit, %v", len(list), err)
	}
	for _, got := range list {
		if got.DepositID != d.ID || (got.ID == told.DeliveryID) != (got.SamePaymentAs == settled.DeliveryID) {
			t.Errorf("%s: deposit %q, same payment as %q", got.ID, got.DepositID, got.SamePaymentAs)
		}
	}
	if after := deposit(t, s, d.ID); after.Status != payment.StatusCompleted || !after.Conflict.IsZero() {
		t.Errorf("the deposit became %+v", after)
	}
}
