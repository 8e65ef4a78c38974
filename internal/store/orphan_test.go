package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// sent records a deposit whose request has left and whose answer is not here.
func sent(t *testing.T, s *Store, d payment.Deposit) payment.Deposit {
	t.Helper()
	d = create(t, s, d)
	d, mine, err := s.Deposits.ClaimSend(t.Context(), d)
	if err != nil || !mine {
		t.Fatalf("mine %v, error %v", mine, err)
	}
	return d
}

// answered stores the provider's answer.
func answered(t *testing.T, s *Store, d payment.Deposit, id string) payment.Deposit {
	t.Helper()
	got, _, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{
		Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: id, MerchantRequestID: "mr-" + id,
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A callback may come before the answer is stored (reference/daraja.md §4.3):
// its token finds the deposit, and it brings the id.
func TestCallbackBeforeAnswer(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := sent(t, s, push(t, "INV-1"))
	a := withToken(callback("ws_1", "REC0000001", 15000), d.CallbackToken)
	early := record(t, s, a)
	want := outcome{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictUnsigned, Status: payment.StatusCompleted}
	if diff := cmp.Diff(want, outcomeOf(early)); diff != "" {
		t.Error(diff)
	}
	if deposit(t, s, d.ID).ProviderID != "ws_1" {
		t.Errorf("no provider id: %+v", early)
	}
	got := answered(t, s, d, "ws_1")
	if got.Status != payment.StatusCompleted || got.Receipt != "REC0000001" || got.DecidedBy != payment.SourceCallback || !got.Conflict.IsZero() {
		t.Errorf("after the answer: %+v", got)
	}
	if late := record(t, s, a); !late.Duplicate || late.DuplicateOf != early.DeliveryID || late.Move != payment.MoveNone {
		t.Errorf("the same once more: %+v", late)
	}
	checkSound(t, s)
}

// A CheckoutRequestID can be guessed from time and phone. Who has no token moves
// nothing, before the answer or after it, and does not make the genuine callback
// look like a repetition.
func TestForgedWithoutToken(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		forged Arrival
	}{
		{"a success", callback("ws_1", "FORGED0001", 15000)},
		{"a failure", failed(callback("ws_1", "", 0))},
		{"the genuine bytes", callback("ws_1", "REC0000001", 15000)},
		{"under a guessed token", withToken(callback("ws_1", "FORGED0001", 15000), "guess")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t, Options{})
			d := sent(t, s, push(t, "INV-1"))
			before := record(t, s, tc.forged)
			if diff := cmp.Diff(outcome{Verdict: payment.VerdictUntrusted, Reason: unknownPush}, outcomeOf(before)); diff != "" {
				t.Errorf("before the answer: %s", diff)
			}
			if got := answered(t, s, d, "ws_1"); got.Status != payment.StatusPending || got.Receipt != "" || got.Failure != nil {
				t.Errorf("the answer made it true: %+v", got)
			}
			stored, err := s.Deliveries.Get(t.Context(), before.DeliveryID)
			if err != nil || stored.Verdict != payment.VerdictUntrusted || stored.Move != payment.MoveNone {
				t.Errorf("the delivery: %+v, error %v", stored, err)
			}
			reason := noToken
			if tc.forged.Delivery.Token != "" {
				reason = "the path token is another deposit's"
			}
			want := outcome{Deposit: true, Verdict: payment.VerdictUntrusted, Reason: reason, Status: payment.StatusPending}
			if diff := cmp.Diff(want, outcomeOf(record(t, s, tc.forged))); diff != "" {
				t.Errorf("after the answer: %s", diff)
			}
			genuine := deliver(t, s, callback("ws_1", "REC0000001", 15000))
			want = outcome{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictUnsigned, Status: payment.StatusCompleted}
			if diff := cmp.Diff(want, outcomeOf(genuine)); diff != "" {
				t.Errorf("the genuine one: %s", diff)
			}
			if got := deposit(t, s, genuine.DepositID).Receipt; got != "REC0000001" {
				t.Errorf("receipt %q", got)
			}
			checkSound(t, s)
		})
	}
}

// A signed event needs no token: it waits for the answer that names its deposit.
func TestSignedBeforeAnswer(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"dep_1", "dep_0190d3a0-7bb2-7c3e-9c7b-5a1d0e6f4b21"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			signedBeforeAnswer(t, id)
		})
	}
}

func signedBeforeAnswer(t *testing.T, providerID string) {
	t.Helper()
	s := openTest(t, Options{})
	in := push(t, "INV-1")
	in.Provider, in.ShortCode = payment.WasaaPay, ""
	d := sent(t, s, in)
	early := record(t, s, wasaapayEvent(providerID, ""))
	if diff := cmp.Diff(outcome{Verdict: payment.VerdictValid}, outcomeOf(early)); diff != "" {
		t.Errorf("before the answer: %s", diff)
	}
	wrong := wasaapayEvent(providerID, "")
	wrong.Inspection.Event.Amount, wrong.Inspection.Event.Key = kes(100), "another"
	wrong.Delivery.Body = []byte("another")
	short := record(t, s, wrong)
	got := answered(t, s, d, providerID)
	if got.Status != payment.StatusCompleted || got.Receipt != "WPR0000001" || got.DecidedBy != payment.SourceCallback {
		t.Errorf("after the answer: %+v", got)
	}
	for id, want := range map[string]StoredDelivery{
		early.DeliveryID: {DepositID: d.ID, Verdict: payment.VerdictValid, Move: payment.MoveApply},
		short.DeliveryID: {DepositID: d.ID, Verdict: payment.VerdictUntrusted, Reason: "the amount 1.00 is not the 150.00 asked for"},
	} {
		v, err := s.Deliveries.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, StoredDelivery{DepositID: v.DepositID, Verdict: v.Verdict, Reason: v.Reason, Move: v.Move}, cmpOpts()); diff != "" {
			t.Error(diff)
		}
	}
	if late := record(t, s, wasaapayEvent(providerID, "")); !late.Duplicate || late.DuplicateOf != early.DeliveryID {
		t.Errorf("the same once more: %+v", late)
	}
	checkSound(t, s)
}

// A token in WasaaPay's path is the installation's, not the deposit's.
func TestSignedUnderInstallationToken(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	in := push(t, "INV-1")
	in.Provider, in.ShortCode = payment.WasaaPay, ""
	pending(t, s, in, "dep_1")
	r := record(t, s, withToken(wasaapayEvent("dep_1", "INV-1"), payment.NewToken()))
	want := outcome{Deposit: true, Move: payment.MoveApply, Verdict: payment.VerdictValid, Status: payment.StatusCompleted}
	if diff := cmp.Diff(want, outcomeOf(r)); diff != "" {
		t.Error(diff)
	}
}

// A push that was asked for elsewhere is known by its id alone. Its own callback
// cannot be told from a forgery, so only a query settles it.
func TestAdoptedDeposit(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	in := payment.Deposit{Provider: payment.Daraja, Environment: payment.Sandbox, ProviderID: "ws_1", Amount: kes(0)}
	early := record(t, s, callback("ws_1", "REC0000001", 15000))
	d, _, err := s.Deposits.Adopt(t.Context(), in, payment.Claim{Status: payment.StatusPending, By: payment.SourceQuery})
	if err != nil || d.Status != payment.StatusPending || d.ProviderID != "ws_1" || d.CallbackToken != "" || !d.Adopted {
		t.Errorf("%+v, error %v", d, err)
	}
	for _, a := range []Arrival{
		callback("ws_1", "REC0000001", 0), failed(callback("ws_1", "", 0)), withToken(failed(callback("ws_1", "", 1)), payment.NewToken()),
	} {
		if r := record(t, s, a); r.DepositID != d.ID || r.Verdict != payment.VerdictUntrusted || r.Move != payment.MoveNone {
			t.Errorf("%+v", r)
		}
	}
	doubts, err := s.Deposits.Doubts(t.Context(), d.ID)
	if err != nil || len(doubts[d.ID]) != 2 || doubts[d.ID][0].DeliveryID != early.DeliveryID || doubts[d.ID][0].Reason != payment.Unproved {
		t.Errorf("doubts %+v, error %v", doubts, err)
	}
	// What the provider confirms, the callback tells in full.
	d, move, err := s.Deposits.Apply(t.Context(), d.ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceQuery})
	if err != nil || move != payment.MoveApply || d.Status != payment.StatusCompleted || d.DecidedBy != payment.SourceQuery ||
		d.Amount != kes(15000) || d.Receipt != "REC0000001" {
		t.Errorf("%+v, move %v, error %v", d, move, err)
	}
	again, _, err := s.Deposits.Adopt(t.Context(), in, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceQuery})
	if err != nil || again.ID != d.ID {
		t.Errorf("adopted twice: %+v, error %v", again, err)
	}
	checkSound(t, s)
	in.Adopted = true

	for name, change := range map[string]func(*payment.Deposit){
		"no amount and no id": func(d *payment.Deposit) { d.ProviderID = "" },
	} {
		bad := in
		change(&bad)
		if _, _, err := s.Deposits.Create(t.Context(), bad); kindOf(err) != payment.KindUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
