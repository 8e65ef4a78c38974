package store

import (
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// A C2B confirmation that gives a deposit its receipt, and its repetition, are one event:
// in one commit and one after the other. One that first came while the deposit was open was
// about nothing then: its repetition is the deposit's payment.
func TestC2BFitsOnce(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{Now: newClock().Now})
	confirmation := func(d payment.Deposit, receipt string) Arrival {
		return Arrival{
			Delivery: payment.Delivery{Provider: payment.Daraja, Route: "/callbacks/daraja/c2b/confirmation", Body: []byte(receipt), ReceivedAt: d.SentAt.Add(time.Second)},
			Inspection: payment.Inspection{Verdict: payment.VerdictUnsigned, Event: &payment.Event{
				Provider: payment.Daraja, Name: "c2b.confirmation", Key: "c2b:" + receipt, Receipt: receipt, Reference: d.Reference,
				Amount: d.Amount, ShortCode: d.ShortCode, Phone: "2547 ***** 222",
			}},
		}
	}
	paid := func(reference string) payment.Deposit {
		d := create(t, s, push(t, reference))
		d, _, err := s.Deposits.ClaimSend(t.Context(), d)
		if err == nil {
			_, _, err = s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceQuery})
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	apart := paid("R-apart")
	one, other := record(t, s, confirmation(apart, "UA2K7QX9Z1")), record(t, s, confirmation(apart, "UA2K7QX9Z1"))
	if one.DepositID != apart.ID || one.Duplicate || !other.Duplicate || other.DuplicateOf != one.DeliveryID || other.DepositID != apart.ID {
		t.Errorf("one after the other: %+v, %+v", one, other)
	}
	together := paid("R-together")
	var jobs []*job
	var arrivals []*arrival
	for range 2 {
		p, err := s.prepare(confirmation(together, "UA2K7QX9Z2"))
		if err != nil {
			t.Fatal(err)
		}
		arrivals, jobs = append(arrivals, p), append(jobs, &job{run: p.record, arrival: p, done: make(chan struct{})})
	}
	runBatch(t, s, jobs)
	one, other = arrivals[0].out, arrivals[1].out
	if one.DepositID != together.ID || one.Duplicate || !other.Duplicate || other.DuplicateOf != one.DeliveryID || other.DepositID != together.ID {
		t.Errorf("in one commit: %+v, %+v", one, other)
	}
	late := create(t, s, push(t, "R-late"))
	late, _, err := s.Deposits.ClaimSend(t.Context(), late)
	if err != nil {
		t.Fatal(err)
	}
	first := record(t, s, confirmation(late, "UA2K7QX9Z3"))
	if _, _, err := s.Deposits.Apply(t.Context(), late.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceQuery}); err != nil {
		t.Fatal(err)
	}
	again := record(t, s, confirmation(late, "UA2K7QX9Z3"))
	if got := deposit(t, s, late.ID); first.DepositID != "" || again.DepositID != late.ID || got.Receipt != "UA2K7QX9Z3" || !got.Conflict.IsZero() {
		t.Errorf("what came before the deposit was decided: %+v, then %+v; receipt %q", first, again, got.Receipt)
	}
	checkSound(t, s)
}
