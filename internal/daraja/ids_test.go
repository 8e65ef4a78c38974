package daraja

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// idBodies are bodies of every shape, with %s where an id stands, its name, and the route.
func idBodies() []struct{ body, name, route string } {
	const (
		stk    = `{"Body":{"stkCallback":{"MerchantRequestID":%s,"CheckoutRequestID":%s,"ResultCode":0,"ResultDesc":"ok","CallbackMetadata":{"Item":[{"Name":"Amount","Value":1.00},{"Name":"MpesaReceiptNumber","Value":%s}]}}}}`
		result = `{"Result":{"ResultType":0,"ResultCode":0,"OriginatorConversationID":%s,"ConversationID":%s,"TransactionID":%s,"ResultParameters":{"ResultParameter":[{"Key":"TransactionStatus","Value":"Completed"},{"Key":%q,"Value":%s}]}}}`
		c2b    = `{"TransID":%s,"TransTime":"20260102030500","TransAmount":"150.00","BusinessShortCode":"600111","BillRefNumber":"INV-1","OrgAccountBalance":"1","MSISDN":"2547 ***** 222"}`
	)
	type one = struct{ body, name, route string }
	out := []one{
		{fmt.Sprintf(stk, "%s", `"ws_1"`, `"UA2K7QX9ZP"`), "MerchantRequestID", "/stk"},
		{fmt.Sprintf(stk, `"m"`, "%s", `"UA2K7QX9ZP"`), "CheckoutRequestID", "/stk"},
		{fmt.Sprintf(stk, `"m"`, `"ws_1"`, "%s"), "MpesaReceiptNumber", "/stk"},
		{fmt.Sprintf(result, "%s", `"AG_1"`, `"UA2"`, "Amount", `"1"`), "OriginatorConversationID", "/result"},
		{fmt.Sprintf(result, `"o"`, "%s", `"UA2"`, "Amount", `"1"`), "ConversationID", "/result"},
		{fmt.Sprintf(result, `"o"`, `"AG_1"`, "%s", "Amount", `"1"`), "TransactionID", "/result"},
		{c2b, "TransID", "/c2b/confirmation"},
		{`{"transactionId":%s,"paidAmount":"150","accountReference":"a","msisdn":"254711000222"}`, "transactionId", "/c2b/confirmation"},
		{`{"responseHeader":{"responseCode":"0"},"responseBody":{"responseData":[{"name":"TransactionID","value":%s}]}}`, "TransactionID", "/stk"},
	}
	for _, key := range []string{"ReceiptNo", "ConversationID", "Originator Conversation ID", "OriginalTransactionID", "TransactionReceipt"} {
		out = append(out, one{fmt.Sprintf(result, `"o"`, `"AG_1"`, `"UA2"`, key, "%s"), key, "/result"})
	}
	return out
}

// TestIDsAreStrings: a number has many texts, of which another reader may take another; an
// id in one is malformed wherever it stands. Amounts, times and phones are numbers on the
// wire and stay so (reference/daraja.md §4.1).
func TestIDsAreStrings(t *testing.T) {
	t.Parallel()
	for _, b := range idBodies() {
		for _, value := range []string{"9007199254740993", "9007199254740992", "5", "5.0", "5e0", "-0", "true", `{"a":1}`, `["x"]`} {
			got := Receiver{}.Inspect(payment.Delivery{Route: routePrefix + b.route, Body: fmt.Appendf(nil, b.body, value)})
			want := payment.Inspection{Verdict: payment.VerdictMalformed, Reason: b.name + " is not a string, as every id is"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s: %s", b.name, value, diff)
			}
		}
		got := Receiver{}.Inspect(payment.Delivery{Route: routePrefix + b.route, Body: fmt.Appendf(nil, b.body, `"5"`)})
		if got.Verdict != payment.VerdictUnsigned {
			t.Errorf("%s as a string: %+v", b.name, got)
		}
	}
	// Nothing settles by an id in a time-out, which no source shows; it is kept and answers.
	got := Receiver{}.Inspect(payment.Delivery{Route: routeTimeout, Body: []byte(`{"Result":{"ConversationID":5.0}}`)})
	if got.Verdict != payment.VerdictUnsigned || got.Event.ConversationID != "" || !strings.Contains(got.Event.Notes[0], "not a string") {
		t.Errorf("a time-out: %+v", got)
	}
}

// FuzzIDs: every id that is read is a string of the body, letter for letter.
func FuzzIDs(f *testing.F) {
	for _, seed := range []string{`"ws_1"`, `9007199254740993`, `5.0`, `5`, `null`, `"\u0077s"`, `"\ud800"`, `[5]`, `1e400`, `""`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !json.Valid([]byte(value)) {
			return
		}
		var meant string
		isText := json.Unmarshal([]byte(value), &meant) == nil
		for _, b := range idBodies() {
			got := Receiver{}.Inspect(payment.Delivery{Route: routePrefix + b.route, Body: fmt.Appendf(nil, b.body, value)})
			if got.Event == nil {
				continue
			}
			if !isText {
				t.Fatalf("%s: %s was read as an id: %+v", b.name, value, got.Event)
			}
			e := got.Event
			for _, id := range []string{e.ProviderID, e.MerchantRequestID, e.Receipt, e.ConversationID, e.OriginatorConversationID} {
				switch id {
				case "", "ws_1", "m", "UA2K7QX9ZP", "o", "AG_1", "UA2", meant:
				default:
					if len(meant) <= maxText {
						t.Fatalf("%s: read %q, sent %s", b.name, id, value)
					}
				}
			}
		}
	})
}
