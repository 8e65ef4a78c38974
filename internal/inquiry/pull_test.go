package inquiry

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// TestPulled: a listed payment is known by a deposit or a confirmation; else the deposits
// that it fits are named and told of it.
func TestPulled(t *testing.T) {
	t.Parallel()
	ledger, now := openLedger(t), time.Now()
	amount := payment.AmountOf(10000, payment.KES)
	phone, err := payment.ParsePhone("0712345678")
	if err != nil {
		t.Fatal(err)
	}
	deposits := map[string]payment.Deposit{}
	for _, reference := range []string{"P", "O"} {
		d, _, err := ledger.Deposits.Create(t.Context(), payment.Deposit{
			Provider: payment.Daraja, Environment: payment.Sandbox, Status: payment.StatusCreated, Reference: reference,
			Amount: amount, Phone: phone, IdempotencyKey: reference, CallbackToken: payment.NewToken(), CreatedAt: now, UpdatedAt: now,
		})
		if err != nil {
			t.Fatal(err)
		}
		if deposits[reference], _, err = ledger.Deposits.ClaimSend(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = ledger.Deposits.Apply(t.Context(), deposits["P"].ID, payment.Claim{Status: payment.StatusCompleted, By: payment.SourceCallback, Receipt: "UPAID00001", ProviderID: "ws_CO_1"})
	if err != nil {
		t.Fatal(err)
	}
	confirmation := payment.Event{Provider: payment.Daraja, Name: daraja.EventC2BConfirmation, Key: "UCONFIRM01", Receipt: "UCONFIRM01", Status: payment.StatusCompleted, Amount: amount, Reference: "C"}
	_, err = ledger.Deliveries.Record(t.Context(), store.Arrival{
		Delivery:   payment.Delivery{Provider: payment.Daraja, Route: "/callbacks/daraja/c2b/confirmation", ReceivedAt: now, Body: []byte("{}")},
		Inspection: payment.Inspection{Event: &confirmation, Verdict: payment.VerdictUnsigned},
	})
	if err != nil {
		t.Fatal(err)
	}
	look := &Puller{Ledger: ledger, Environment: payment.Sandbox, Since: now.Add(-time.Hour)}
	for receipt, want := range map[string]struct {
		deposit string
		known   bool
		fits    []string
	}{
		"UPAID00001": {deposit: deposits["P"].ID, known: true},
		"UCONFIRM01": {known: true},
		"UMISSED001": {fits: []string{deposits["O"].ID}},
	} {
		row := daraja.PullRow{Receipt: receipt, Amount: amount, Phone: "254712345678", Reference: "O", At: now}
		if receipt == "UCONFIRM01" {
			row.Reference, row.Phone = "C", "254700000000"
		}
		got, err := look.Look(t.Context(), row)
		if err != nil {
			t.Fatal(err)
		}
		var fits []string
		for _, d := range got.Fits {
			fits = append(fits, d.ID)
		}
		if diff := cmp.Diff(want.fits, fits); diff != "" || got.Known() != want.known || got.DepositID != want.deposit {
			t.Errorf("%s: deposit %q, known %v, fits (-want +got):\n%s", receipt, got.DepositID, got.Known(), diff)
		}
	}
}

// TestHints: what was confirmed since a deposit was asked for is a hint, each receipt once;
// M-PESA's list is not asked for what is older than it reaches.
func TestHints(t *testing.T) {
	t.Parallel()
	ledger, now := openLedger(t), time.Now()
	for i, receipt := range []string{"U1", "U1", "U2"} {
		e := payment.Event{Provider: payment.Daraja, Name: daraja.EventC2BConfirmation, Key: receipt + string(rune('a'+i)), Receipt: receipt, Status: payment.StatusCompleted}
		_, err := ledger.Deliveries.Record(t.Context(), store.Arrival{
			Delivery:   payment.Delivery{Provider: payment.Daraja, Route: "/callbacks/daraja/c2b/confirmation", ReceivedAt: now, Body: []byte{byte('0' + i)}},
			Inspection: payment.Inspection{Event: &e, Verdict: payment.VerdictUnsigned},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	hints, err := Hints(t.Context(), ledger, nil, payment.Deposit{Environment: payment.Local, SentAt: now.Add(-49 * time.Hour)}, now)
	var receipts []string
	for _, h := range hints {
		receipts = append(receipts, h.Receipt)
	}
	if diff := cmp.Diff([]string{"U2", "U1"}, receipts); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
