package daraja

import (
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/payctl/payctl/internal/payment"
)

// wholeResult is result/transaction-completed.json, read.
func wholeResult() TransactionResult {
	return TransactionResult{
		API: APITransaction, ResultType: "0", ResultCode: "0", ResultDesc: "The service request is processed successfully.",
		ConversationID: "AG_20260102_2010a1b2c3d4e5f60718", OriginatorConversationID: "77aa-4b1c-9d2e-0f1e2d3c4b5a7654321", TransactionID: "UA20000000",
		TransactionStatus: "Completed", Amount: payment.AmountOf(15000, payment.KES), Receipt: "UA2K7QX9ZP",
		DebitParty: "254711000222 - Invented Payer", CreditParty: "600111 - Invented Shop", DebitAccountType: "MMF Account For Customer",
		InitiatedAt: time.Date(2026, 1, 2, 0, 4, 5, 0, time.UTC), FinalisedAt: time.Date(2026, 1, 2, 0, 4, 31, 0, time.UTC),
		ReasonType: "Pay Bill Online", OriginalConversationID: "AG_20260102_20507060504030201000",
		OriginalOriginatorConversationID: "1b2c-4d3e-8f90-a1b2c3d4e5f61234567",
		References:                       []Parameter{{Key: "Occasion", Value: "case 88", HasValue: true}},
	}
}

// reference/daraja.md §6.3, the quirks by number, and §10.2.
func TestParseResult(t *testing.T) {
	t.Parallel()
	change := func(f func(*TransactionResult)) TransactionResult {
		r := wholeResult()
		f(&r)
		return r
	}
	envelope := func(api API, receipt string) TransactionResult {
		r := wholeResult()
		return TransactionResult{
			API: api, ResultType: "0", ResultCode: "0", ResultDesc: r.ResultDesc, TransactionID: receipt,
			ConversationID: r.ConversationID, OriginatorConversationID: r.OriginatorConversationID,
		}
	}
	b2c := envelope(APIB2C, "UA2K7QX9ZQ")
	b2c.Receipt, b2c.Amount, b2c.CreditParty = "UA2K7QX9ZQ", payment.AmountOf(15000, payment.KES), "254711000222 - Invented Payee"
	b2c.FinalisedAt = wholeResult().FinalisedAt
	balance := envelope(APIBalance, "UA20000000")
	balance.FinalisedAt = wholeResult().FinalisedAt
	balance.Balances = []AccountFigures{
		{Name: "Working Account", Currency: payment.KES, Figures: []string{"4150.00", "4150.00", "0.00", "0.00"}},
		{Name: "Utility Account", Currency: payment.KES, Figures: []string{"250.50", "250.50", "0.00", "0.00"}},
	}
	reversal := envelope(APIReversal, "UA2K7QX9ZV")
	reversal.Amount, reversal.OriginalTransactionID, reversal.Charges = payment.AmountOf(15000, payment.KES), "UA2K7QX9ZP", "0.00"
	reversal.DebitParty, reversal.CreditParty = "600111 - Invented Shop", "254711000222 - Invented Payer"
	reversal.FinalisedAt = time.Date(2026, 1, 2, 1, 4, 31, 0, time.UTC)
	flat := envelope(APITransaction, "UA2K7QX9ZP")
	flat.Receipt, flat.TransactionStatus, flat.Amount = "UA2K7QX9ZP", "Completed", payment.AmountOf(15000, payment.KES)
	refused := envelope(APITransaction, "UA20000000")
	refused.ResultCode, refused.ResultDesc = "2001", "The initiator information is invalid."
	collapsed := envelope(APIB2B, "UA20000000")
	collapsed.ResultCode, collapsed.ResultDesc, collapsed.FinalisedAt = "2001", "The initiator information is invalid.", wholeResult().FinalisedAt

	tests := []struct {
		name string
		want TransactionResult
	}{
		{"result/transaction-completed.json", wholeResult()},
		{"result/transaction-numbers.json", wholeResult()},     // quirk 1
		{"result/transaction-strings.json", wholeResult()},     // quirk 5
		{"result/collapsed.json", collapsed},                   // quirk 2
		{"result/wrong-credential.json", refused},              // quirk 4
		{"result/flat-list.json", flat},                        // the flat list
		{"result/transaction-spaced-keys.json", wholeResult()}, // quirk 7
		{"result/transaction-references.json", wholeResult()},  // quirk 3
		{"result/transaction-double-party.json", change(func(r *TransactionResult) { // quirk 8
			r.DebitParty, r.CreditParty = "254711000222 - Invented Payer; 600111 - Invented Shop", ""
			r.Notes = []string{"the key debitpartyname came twice with different values"}
		})},
		{"result/transaction-charges.json", change(func(r *TransactionResult) { // quirk 9
			r.Charges, r.Reason = "Fee For Invented Service|KES|22.40", "Invented reason"
		})},
		{"result/transaction-original-ids.json", change(func(r *TransactionResult) { // quirk 10
			r.OriginatorConversationID = r.OriginalOriginatorConversationID
		})},
		{"result/transaction-masked.json", change(func(r *TransactionResult) { // quirk 11
			r.DebitParty = "2547 ***** 222 - I**** P****"
		})},
		{"result/b2c.json", b2c},
		{"result/balance.json", balance},
		{"result/reversal.json", reversal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseResult(fixture(t, tt.name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, amounts(), cmpopts.IgnoreFields(TransactionResult{}, "Parameters", "References")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// §6.3 quirk 5: what announces more messages decides nothing, and the last one,
// though it may say the same, is another event. A word or a number, 1 is 1.
func TestResultOfMoreToCome(t *testing.T) {
	t.Parallel()
	whole := string(fixture(t, "result/transaction-completed.json"))
	read := func(body string) payment.Event {
		t.Helper()
		i := Receiver{}.Inspect(payment.Delivery{Provider: payment.Daraja, Route: "/callbacks/daraja/result", Body: []byte(body)})
		if i.Event == nil {
			t.Fatalf("%+v", i)
		}
		return *i.Event
	}
	last := read(whole)
	if last.More || last.Status != payment.StatusCompleted {
		t.Fatalf("%+v", last)
	}
	for _, one := range []string{"1", `"1"`} {
		body := regexp.MustCompile(`("ResultType"\s*:\s*)0`).ReplaceAllString(whole, "${1}"+one)
		if e := read(body); !e.More || e.Status != "" || e.Key == last.Key || e.ConversationID != last.ConversationID || len(e.Notes) != 1 {
			t.Errorf("ResultType %s: %+v", one, e)
		}
	}
}

func TestParseResultKeepsEveryParameter(t *testing.T) {
	t.Parallel()
	got, err := ParseResult(fixture(t, "result/transaction-double-party.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Parameter{
		{"DebitPartyName", "254711000222 - Invented Payer", true},
		{"DebitPartyName", "600111 - Invented Shop", true},
		{"OriginatorConversationID", "1b2c-4d3e-8f90-a1b2c3d4e5f61234567", true},
		{"InitiatedTime", "20260102030405", true},
		{"DebitAccountType", "MMF Account For Customer", true},
		{"DebitPartyCharges", "", true},
		{"TransactionReason", "", false},
		{"ReasonType", "Pay Bill Online", true},
		{"TransactionStatus", "Completed", true},
		{"FinalisedTime", "20260102030431", true},
		{"Amount", "150", true},
		{"ConversationID", "AG_20260102_20507060504030201000", true},
		{"ReceiptNo", "UA2K7QX9ZP", true},
	}
	if diff := cmp.Diff(want, got.Parameters); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "{}", "[]", `{"Result":[]}`, "<html>"} {
		if _, err := ParseResult([]byte(bad)); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// reference/daraja.md §4.1, §10.2.
func TestWireTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 0, 4, 31, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"20260102030431": at, "02.01.2026 03:04:31": at,
		"": {}, "2026-01-02 03:04:31": {}, "20261302030431": {}, "20260230030431": {}, "20260102250431": {},
		"99999999999999": {}, "x0260102030431": {}, "02.01.2026 03:x4:31": {}, "00000000000000": {},
	} {
		if got := wireTime(text); !got.Equal(want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
