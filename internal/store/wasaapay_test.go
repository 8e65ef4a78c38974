package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func wasaapayEvent(id, reference string) Arrival {
	a := callback(id, "WPR0000001", 15000)
	a.Delivery.Provider, a.Delivery.Route = payment.WasaaPay, "/callbacks/wasaapay"
	a.Inspection.Verdict, a.Inspection.Matched = payment.VerdictValid, "json-stringify"
	e := *a.Inspection.Event
	e.Provider, e.Name, e.Reference, e.ShortCode = payment.WasaaPay, "deposit.completed", reference, ""
	e.OccurredAt = time.Time{} // some clock's time is no proof of which deposit is meant
	e.Key = "SANDBOX deposit.completed " + id + " COMPLETED"
	a.Inspection.Event = &e
	return a
}

func TestRecordWasaaPay(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{Now: newClock().Now})
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
		in.Provider, in.IdempotencyKey, in.Repeats = payment.WasaaPay, key, "on purpose"
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

// A reference alone is no proof: the event is of our deposit only when nothing else can
// be meant, and a second id under it is a conflict, never a silent drop.
func TestReferenceAloneIsNoProof(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*payment.Event, *Arrival){
		"another amount": func(e *payment.Event, _ *Arrival) { e.Amount = kes(14900) },
		"another phone":  func(e *payment.Event, _ *Arrival) { e.Phone = "2547*****999" },
		"another day":    func(_ *payment.Event, a *Arrival) { a.Delivery.ReceivedAt = a.Delivery.ReceivedAt.Add(2 * time.Hour) },
		"no amount":      func(e *payment.Event, _ *Arrival) { e.Amount = payment.Amount{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t, Options{Now: newClock().Now})
			in := push(t, "INV-1")
			in.Provider, in.ShortCode = payment.WasaaPay, ""
			d := sent(t, s, in)
			a := wasaapayEvent("dep_1", "INV-1")
			change(a.Inspection.Event, &a)
			r := record(t, s, a)
			if got := deposit(t, s, d.ID); got.Status != payment.StatusUnknown || got.ProviderID != "" {
				t.Errorf("bound: %+v", got)
			}
			doubts, err := s.Deposits.Doubts(t.Context(), d.ID)
			if err != nil || len(doubts[d.ID]) != 1 || doubts[d.ID][0].DeliveryID != r.DeliveryID {
				t.Errorf("doubts %+v, error %v", doubts, err)
			}
			checkSound(t, s)
		})
	}
	t.Run("a second id", func(t *testing.T) {
		t.Parallel()
		s := openTest(t, Options{Now: newClock().Now})
		in := push(t, "INV-1")
		in.Provider, in.ShortCode = payment.WasaaPay, ""
		d := sent(t, s, in)
		first := failed(wasaapayEvent("dep_other", "INV-1"))
		first.Inspection.Event.Amount = kes(15000)
		record(t, s, first)
		if got := deposit(t, s, d.ID); got.Status != payment.StatusFailed || !got.ByReference {
			t.Errorf("not bound: %+v", got)
		}
		record(t, s, wasaapayEvent("dep_1", "INV-1"))
		got := deposit(t, s, d.ID)
		if got.Status != payment.StatusFailed || got.Conflict.Between != [2]string{"dep_other", "dep_1"} {
			t.Errorf("no conflict: %+v", got)
		}
		// The answer comes at last, and names another one than was bound.
		got, move, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: "dep_1"})
		if err != nil || move != payment.MoveConflict || got.Conflict.IsZero() {
			t.Errorf("%+v, move %v, error %v", got, move, err)
		}
		checkSound(t, s)
	})
}

// Ids are unique: what one deposit has, no other may have without a word.
func TestIDsAreUnique(t *testing.T) {
	t.Parallel()
	both := func(t *testing.T, s *Store, a, b payment.Deposit) {
		t.Helper()
		for _, d := range []payment.Deposit{a, b} {
			if got := deposit(t, s, d.ID); got.Conflict.IsZero() {
				t.Errorf("no conflict on %+v", got)
			}
		}
		checkSound(t, s)
	}
	t.Run("the same answer twice", func(t *testing.T) {
		t.Parallel()
		s := openTest(t, Options{})
		a := pending(t, s, push(t, "INV-1"), "ws_1")
		both(t, s, a, pending(t, s, push(t, "INV-2"), "ws_1"))
	})
	t.Run("two ids under one token", func(t *testing.T) {
		t.Parallel()
		s := openTest(t, Options{})
		a := pending(t, s, push(t, "INV-1"), "ws_1")
		r := record(t, s, withToken(callback("ws_2", "REC0000001", 15000), a.CallbackToken))
		if r.Verdict == payment.VerdictUntrusted || r.Move != payment.MoveConflict {
			t.Errorf("a success under its own token vanished: %+v", r)
		}
		both(t, s, a, a)
	})
	t.Run("a receipt", func(t *testing.T) {
		t.Parallel()
		s := openTest(t, Options{})
		a, b := pending(t, s, push(t, "INV-1"), "ws_1"), pending(t, s, push(t, "INV-2"), "ws_2")
		deliver(t, s, callback("ws_1", "REC0000001", 15000))
		deliver(t, s, callback("ws_2", "REC0000001", 15000))
		both(t, s, a, b)
	})
	t.Run("a receipt held by a conflict", func(t *testing.T) {
		t.Parallel()
		s := openTest(t, Options{})
		a, b := pending(t, s, push(t, "INV-1"), "ws_1"), pending(t, s, push(t, "INV-2"), "ws_2")
		deliver(t, s, callback("ws_1", "REC0000001", 15000))
		deliver(t, s, editEvent(callback("ws_1", "REC0000002", 15000), func(e *payment.Event) { e.Key += " REC0000002" }))
		deliver(t, s, callback("ws_2", "REC0000002", 15000))
		both(t, s, a, b)
		found, err := s.Deposits.Find(t.Context(), "rec0000002")
		if err != nil || len(found) != 1 || found[0].ID != a.ID {
			t.Errorf("found %+v, error %v", found, err)
		}
	})
	t.Run("paid twice for the same", func(t *testing.T) {
		t.Parallel()
		s := openTest(t, Options{})
		a := pending(t, s, push(t, "INV-1"), "ws_1")
		if _, _, err := s.Deposits.Apply(t.Context(), a.ID, payment.Claim{Status: payment.StatusFailed, By: payment.SourceQuery}); err != nil {
			t.Fatal(err)
		}
		again := push(t, "INV-1")
		again.IdempotencyKey = "another"
		b := pending(t, s, again, "ws_2")
		deliver(t, s, callback("ws_2", "REC0000002", 15000))
		deliver(t, s, callback("ws_1", "REC0000001", 15000))
		both(t, s, a, b)
	})
}

// Asking twice is refused before anything is recorded, also at the last moment.
func TestAskedTwice(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	second := push(t, "INV-1")
	second.IdempotencyKey = "another"
	first, late := create(t, s, push(t, "INV-1")), create(t, s, second)
	if _, mine, err := s.Deposits.ClaimSend(t.Context(), first); err != nil || !mine {
		t.Fatalf("mine %v, error %v", mine, err)
	}
	if _, mine, err := s.Deposits.ClaimSend(t.Context(), late); kindOf(err) != payment.KindConflict || mine {
		t.Errorf("mine %v, error %v", mine, err)
	}
	if err := s.Deposits.Forget(t.Context(), late.ID); err != nil {
		t.Error(err)
	}
	if err := s.Deposits.Forget(t.Context(), first.ID); err != nil {
		t.Error(err)
	}
	third := push(t, "INV-1")
	third.IdempotencyKey = "third"
	if _, _, err := s.Deposits.Create(t.Context(), third); kindOf(err) != payment.KindConflict {
		t.Errorf("error %v", err)
	}
	third.Repeats = "on purpose"
	if got := sent(t, s, third); got.Repeats != first.ID {
		t.Errorf("repeats %q, want %q", got.Repeats, first.ID)
	}
	if found, _, err := s.Deposits.List(t.Context(), DepositFilter{}); err != nil || len(found) != 2 {
		t.Errorf("%d deposits, error %v", len(found), err)
	}
	checkSound(t, s)
}
