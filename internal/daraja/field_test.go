package daraja

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// field reads an input of testdata/field.
func field(t testing.TB, name string) []byte { t.Helper(); return fixture(t, "../field/"+name) }

// fieldInputs are all inputs of testdata/field.
func fieldInputs(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("../../testdata/field/*.*")
	if err != nil || len(names) < 15 {
		t.Fatalf("%d inputs: %v", len(names), err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(name)] = body
	}
	return out
}

// TestFieldShapes holds what the listener makes of shapes that people met (reference/daraja.md §14).
func TestFieldShapes(t *testing.T) {
	t.Parallel()
	type shape struct {
		Event   string
		Status  payment.Status
		Receipt string
		Note    string
	}
	for name, c := range map[string]struct {
		route string
		want  shape
	}{
		"06-transaction-status-2032-receipt-does-not-exist.json":  {"/callbacks/daraja/result", shape{EventTransaction, "", "", "nothing is known under this receipt"}},
		"07-transaction-status-7-receiver-party-invalid.json":     {"/callbacks/daraja/result", shape{EventTransaction, "", "", "the receiver party is invalid"}},
		"08-transaction-status-SFC_IC0003-string.json":            {"/callbacks/daraja/result", shape{EventTransaction, "", "", "the operator does not exist"}},
		"09-queue-timeout-post-echoes-the-request.json":           {"/callbacks/daraja/result", shape{EventTimeout, "", "", "the request itself came back"}},
		"10-success-without-CallbackMetadata.json":                {"/callbacks/daraja/stk", shape{EventSTKUnknown, "", "", "success without an M-PESA receipt"}},
		"11-stk-2026-channel-session-expired.json":                {"/callbacks/daraja/stk", shape{EventSTKFailed, payment.StatusFailed, "", ""}},
		"12-c2b-confirmation-of-an-stk-payment-same-receipt.json": {"/callbacks/daraja/c2b/confirmation", shape{EventC2BConfirmation, "", "UKU1AAAA02", ""}},
		"17-post-this-to-confirmation-with-a-trailing-slash.json": {"/callbacks/daraja/c2b/confirmation/", shape{EventC2BConfirmation, "", "UKU1AAAA02", ""}},
		"b2b-failure-live-shape.json":                             {"/callbacks/daraja/result", shape{EventB2B, "", "", "2028 says nothing"}},
		"b2b-prod-shape.json":                                     {"/callbacks/daraja/result", shape{EventB2B, "", "", ""}},
		"b2c-failure.json":                                        {"/callbacks/daraja/result", shape{EventB2C, "", "", "2001 says nothing"}},
		"c2b-production-11-keys.json":                             {"/callbacks/daraja/c2b/confirmation", shape{EventC2BConfirmation, "", "UKU00000C1", ""}},
		"ratiba-callback.json":                                    {"/callbacks/daraja/c2b/confirmation", shape{EventStandingOrder, "", "UKU00000R1", "settles nothing"}},
		"ratiba-callback-declined.json":                           {"/callbacks/daraja/c2b/confirmation", shape{EventStandingOrder, "", "", "1037"}},
		"billmanager-payment.json":                                {"/callbacks/daraja/c2b/confirmation", shape{EventBillPayment, "", "UKU00000M1", "settles nothing"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := field(t, name)
			i := Receiver{}.Inspect(payment.Delivery{Provider: payment.Daraja, Route: c.route, Body: body})
			if i.Verdict != payment.VerdictUnsigned || i.Event == nil {
				t.Fatalf("%s: %s", i.Verdict, i.Reason)
			}
			notes := strings.Join(i.Event.Notes, "; ")
			got := shape{i.Event.Name, i.Event.Status, i.Event.Receipt, c.want.Note}
			if diff := cmp.Diff(c.want, got); diff != "" || !strings.Contains(notes, c.want.Note) {
				t.Errorf("notes %q (-want +got):\n%s", notes, diff)
			}
			if strings.Contains(notes, "U1lOVEhFVElD") {
				t.Error("the credential stands in the notes")
			}
		})
	}
}

// TestFieldAcknowledgement holds that an app's own answer is no callback and no verdict.
func TestFieldAcknowledgement(t *testing.T) {
	t.Parallel()
	for _, body := range []string{string(field(t, "16-own-ack-in-a-log.json")), `{"ResultCode":1,"ResultDesc":"Rejected"}`, `answered {"ResultCode":"0"}`} {
		if e, found := ExplainPayload([]byte(body)); found {
			t.Errorf("%s: %+v", body, e)
		}
	}
	i := Receiver{}.Inspect(payment.Delivery{Provider: payment.Daraja, Route: "/callbacks/daraja/stk", Body: field(t, "16-own-ack-in-a-log.json")})
	if i.Verdict != payment.VerdictMalformed {
		t.Errorf("%+v", i)
	}
}

// TestPartyCharges holds that both spellings of the charges are read.
func TestPartyCharges(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"DebitPartyCharges", "CreditPartyCharges", "Charge"} {
		r, err := ParseResult([]byte(`{"Result":{"ResultCode":0,"ResultParameters":{"ResultParameter":[{"Key":"` + key + `","Value":"Fee|KES|22.40"}]}}}`))
		if err != nil || r.Charges != "Fee|KES|22.40" {
			t.Errorf("%s: %q, %v", key, r.Charges, err)
		}
	}
}
