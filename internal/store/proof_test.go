package store

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// provedBy is a WasaaPay event that the secret of an environment proves.
func provedBy(env payment.Environment, a Arrival) Arrival {
	a.Inspection.Event.Environment = env
	a.Delivery.Body = fmt.Append(a.Delivery.Body, env)
	return a
}

// inEnvironment is a WasaaPay deposit of an environment.
func inEnvironment(t testing.TB, env payment.Environment, reference string) payment.Deposit {
	d := push(t, reference)
	d.Provider, d.Environment, d.ShortCode = payment.WasaaPay, env, ""
	return d
}

// Everybody knows the local secret: what it proves is nothing to the deposits of
// another environment, whichever way the event would find them, and does not
// make the true event look like a repetition.
func TestProvedByAnotherEnvironment(t *testing.T) {
	t.Parallel()
	unmoved := outcome{Verdict: payment.VerdictValid}
	settled := outcome{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictValid, Status: payment.StatusCompleted}
	for name, c := range map[string]struct {
		make func(t *testing.T, s *Store) payment.Deposit
	}{
		"by the provider's id": {func(t *testing.T, s *Store) payment.Deposit {
			return pending(t, s, inEnvironment(t, payment.Production, "INV-1"), "dep_1")
		}},
		"by our reference": {func(t *testing.T, s *Store) payment.Deposit {
			return sent(t, s, inEnvironment(t, payment.Production, "INV-1"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t, Options{Now: newClock().Now})
			d := c.make(t, s)
			forged := provedBy(payment.Local, wasaapayEvent("dep_1", "INV-1"))
			if diff := cmp.Diff(unmoved, outcomeOf(record(t, s, forged))); diff != "" {
				t.Errorf("the forged one: %s", diff)
			}
			if diff := cmp.Diff(settled, outcomeOf(record(t, s, provedBy(payment.Production, wasaapayEvent("dep_1", "INV-1"))))); diff != "" {
				t.Errorf("the true one: %s", diff)
			}
			if got := deposit(t, s, d.ID); got.Status != payment.StatusCompleted || got.ProviderID != "dep_1" {
				t.Errorf("%+v", got)
			}
			checkSound(t, s)
		})
	}
	t.Run("before the answer", func(t *testing.T) {
		t.Parallel()
		s := openTest(t, Options{})
		d := sent(t, s, inEnvironment(t, payment.Production, "INV-1"))
		forged := record(t, s, provedBy(payment.Local, wasaapayEvent("dep_1", "")))
		genuine := record(t, s, provedBy(payment.Production, wasaapayEvent("dep_1", "")))
		if forged.Duplicate || genuine.Duplicate {
			t.Errorf("forged %+v, true %+v", forged, genuine)
		}
		if got := answered(t, s, d, "dep_1"); got.Status != payment.StatusCompleted {
			t.Errorf("%+v", got)
		}
		for id, want := range map[string]StoredDelivery{
			forged.DeliveryID:  {Verdict: payment.VerdictValid},
			genuine.DeliveryID: {DepositID: d.ID, Verdict: payment.VerdictValid, Move: payment.MoveApply},
		} {
			v, err := s.Deliveries.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, StoredDelivery{DepositID: v.DepositID, Verdict: v.Verdict, Move: v.Move}, cmpOpts()); diff != "" {
				t.Error(diff)
			}
		}
		if late := record(t, s, provedBy(payment.Production, wasaapayEvent("dep_1", ""))); !late.Duplicate || late.DuplicateOf != genuine.DeliveryID {
			t.Errorf("the same once more: %+v", late)
		}
		checkSound(t, s)
	})
	t.Run("alone, before the answer", func(t *testing.T) {
		t.Parallel()
		s := openTest(t, Options{})
		d := sent(t, s, inEnvironment(t, payment.Production, "INV-1"))
		record(t, s, provedBy(payment.Local, wasaapayEvent("dep_1", "")))
		if got := answered(t, s, d, "dep_1"); got.Status != payment.StatusPending {
			t.Errorf("%+v", got)
		}
		checkSound(t, s)
	})
}

// One listener may serve several Daraja profiles: the path's token is the proof.
func TestDarajaOfAnyEnvironment(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	in := push(t, "INV-1")
	in.Environment = payment.Production
	pending(t, s, in, "ws_1")
	if r := deliver(t, s, callback("ws_1", "REC0000001", 15000)); r.Move != payment.MoveApply {
		t.Errorf("%+v", r)
	}
}

// What says nothing of a deposit, a withdrawal under the same reference, say,
// gives it no id.
func TestReferenceOfAnotherEvent(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := sent(t, s, inEnvironment(t, payment.Production, "INV-1"))
	a := provedBy(payment.Production, wasaapayEvent("wit_1", "INV-1"))
	a.Inspection.Event.Name, a.Inspection.Event.Status = "withdrawal.completed", ""
	if r := record(t, s, a); r.DepositID != "" {
		t.Errorf("%+v", r)
	}
	if got := deposit(t, s, d.ID); got.ProviderID != "" {
		t.Errorf("%+v", got)
	}
}

// Money of another currency is not what was asked for.
func TestAnotherCurrency(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	pending(t, s, inEnvironment(t, payment.Production, "INV-1"), "dep_1")
	a := provedBy(payment.Production, wasaapayEvent("dep_1", "INV-1"))
	a.Inspection.Event.Amount = payment.AmountOf(15000, payment.USD)
	want := outcome{
		Deposit: true, Verdict: payment.VerdictUntrusted, Status: payment.StatusPending,
		Reason: "the amount 150.00 USD is not the 150.00 KES asked for",
	}
	if diff := cmp.Diff(want, outcomeOf(record(t, s, a))); diff != "" {
		t.Error(diff)
	}
}

// Two receipts for one deposit may be two payments: it is told, whoever says so.
func TestSecondReceipt(t *testing.T) {
	t.Parallel()
	want := outcome{
		Deposit: true, Move: payment.MoveConflict, Status: payment.StatusCompleted,
		Reason: "two receipts: REC0000001, and REC0000002 by the callback",
	}
	for name, c := range map[string]struct {
		deposit payment.Deposit
		first   Arrival
		second  Arrival
		verdict payment.Verdict
	}{
		"daraja": {
			push(t, "INV-1"), callback("id_1", "REC0000001", 15000),
			func() Arrival {
				a := callback("id_1", "REC0000002", 15000)
				a.Inspection.Event.Key += "/REC0000002" // as the adapter has it
				return a
			}(),
			payment.VerdictUnsigned,
		},
		"wasaapay, whose key knows no receipt": {
			inEnvironment(t, payment.Sandbox, "INV-1"),
			withReceipt(provedBy(payment.Sandbox, wasaapayEvent("id_1", "INV-1")), "REC0000001"),
			withReceipt(provedBy(payment.Sandbox, wasaapayEvent("id_1", "INV-1")), "REC0000002"),
			payment.VerdictValid,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t, Options{})
			d := pending(t, s, c.deposit, "id_1")
			if r := deliver(t, s, c.first); r.Move != payment.MoveApply {
				t.Errorf("the first: %+v", r)
			}
			want := want
			want.Verdict = c.verdict
			if diff := cmp.Diff(want, outcomeOf(deliver(t, s, c.second))); diff != "" {
				t.Error(diff)
			}
			if got := deposit(t, s, d.ID); got.Receipt != "REC0000001" || got.Conflict.Reason != want.Reason {
				t.Errorf("%+v", got)
			}
			if r := deliver(t, s, c.first); !r.Duplicate {
				t.Errorf("the first once more: %+v", r)
			}
			checkSound(t, s)
		})
	}
}

func withReceipt(a Arrival, receipt string) Arrival {
	a.Inspection.Event.Receipt = receipt
	a.Delivery.Body = fmt.Append(a.Delivery.Body, receipt)
	return a
}
