package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func TestCallbackBeforeAnswer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		token bool
	}{{"with the token in the path", true}, {"by the id in the answer", false}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := openTest(t, Options{})
			d := create(t, s, push(t, "INV-1"))
			if _, _, err := s.ClaimSend(t.Context(), d.ID); err != nil {
				t.Fatal(err)
			}
			a := callback("ws_1", "REC0000001", 15000)
			if tc.token {
				a = withToken(a, d.CallbackToken)
			}
			early := record(t, s, a)
			if tc.token && (early.Move != payment.MoveApply || early.Deposit.ProviderID != "ws_1") {
				t.Errorf("the token ought to settle it: %+v", early)
			}
			if !tc.token {
				want := outcome{Verdict: payment.VerdictUntrusted, Reason: unknownPush}
				if diff := cmp.Diff(want, outcomeOf(early)); diff != "" {
					t.Error(diff)
				}
				if again := record(t, s, a); !again.Duplicate {
					t.Errorf("the same bytes again: %+v", again)
				}
			}
			got, _, err := s.ApplyClaim(t.Context(), d.ID, payment.Claim{
				Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: "ws_1", MerchantRequestID: "mr-ws_1",
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != payment.StatusCompleted || got.Receipt != "REC0000001" || got.DecidedBy != payment.SourceCallback {
				t.Errorf("after the answer: %+v", got)
			}
			stored, err := s.Delivery(t.Context(), early.DeliveryID)
			if err != nil {
				t.Fatal(err)
			}
			if stored.DepositID != d.ID || stored.Verdict != payment.VerdictUnsigned || stored.Move != payment.MoveApply || stored.Reason != "" {
				t.Errorf("the delivery: %+v", stored)
			}
			late := record(t, s, a)
			if !late.Duplicate || late.DuplicateOf != early.DeliveryID || late.Move != payment.MoveNone {
				t.Errorf("the same once more: %+v", late)
			}
			checkSound(t, s)
		})
	}
}

func TestOrphanStaysUntrusted(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := create(t, s, push(t, "INV-1"))
	if _, _, err := s.ClaimSend(t.Context(), d.ID); err != nil {
		t.Fatal(err)
	}
	forged := record(t, s, callback("ws_1", "FORGED0001", 100))
	strange := callback("ws_1", "FORGED0002", 15000)
	strange.Distrust = "the peer is not Safaricom's"
	distrusted := record(t, s, strange)
	wrongPath := record(t, s, withToken(callback("ws_1", "FORGED0003", 15000), "guess"))
	got, move, err := s.ApplyClaim(t.Context(), d.ID, payment.Claim{Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: "ws_1"})
	if err != nil || move != payment.MoveApply || got.Status != payment.StatusPending {
		t.Fatalf("status %s, move %v, error %v", got.Status, move, err)
	}
	for id, reason := range map[string]string{
		forged.DeliveryID:     "the amount 1.00 is not the 150.00 asked for",
		distrusted.DeliveryID: "the peer is not Safaricom's",
		wrongPath.DeliveryID:  "the path token is another deposit's",
	} {
		v, err := s.Delivery(t.Context(), id)
		if err != nil || v.Verdict != payment.VerdictUntrusted || v.Reason != reason || v.Move != payment.MoveNone {
			t.Errorf("%+v, error %v", v, err)
		}
	}
	r := record(t, s, callback("ws_1", "REC0000001", 15000))
	if r.Move != payment.MoveApply {
		t.Errorf("the true one: %+v", r)
	}
	checkSound(t, s)
}

// Bytes that wait as an orphan may meanwhile have come under the deposit's token too.
func TestOrphanWithSameBytesUnderDeposit(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{})
	d := create(t, s, push(t, "INV-1"))
	if _, _, err := s.ClaimSend(t.Context(), d.ID); err != nil {
		t.Fatal(err)
	}
	a := callback("ws_1", "FORGED0001", 100)
	record(t, s, a)
	record(t, s, withToken(a, d.CallbackToken))
	got, _, err := s.ApplyClaim(t.Context(), d.ID, payment.Claim{Status: payment.StatusPending, By: payment.SourceAnswer, ProviderID: "ws_1"})
	if err != nil || got.Status != payment.StatusPending {
		t.Errorf("status %s, error %v", got.Status, err)
	}
	checkSound(t, s)
}
