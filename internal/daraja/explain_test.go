package daraja

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The codes that mean different things in different places (§3.4, §4.2, §6.4).
func TestExplain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		api, code, message string
		class              Class
		final              bool
		part               string
	}{
		{"stk", "17", "", ClassFailed, true, "rule limited"},
		{"transaction", "17", "", ClassBusy, false, "internal failure"},
		{"", "17", "", ClassFailed, true, "rule limited"},
		{"stk", "2001", "", ClassFailed, true, "wrong PIN"},
		{"transaction", "2001", "", ClassCredentials, true, "initiator information"},
		{"stk", "500.001.1001", "Merchant does not exist", ClassCredentials, true, "shortcode"},
		{"stk", "500.001.1001", "[MerchantValidate] - Wrong credentials", ClassCredentials, true, "passkey"},
		{"", "500.001.1001", "Unable to lock subscriber, a transaction is already in process for the current subscriber", ClassBusy, false, "another prompt"},
		{"", "500.001.1001", "The transaction is being processed", ClassPending, false, "not answered yet"},
		{"", "500.001.1001", "The transaction does not Exist", ClassUnknown, false, "does not know"},
		{"query", "500.001.1001", "", ClassUnknown, false, "never a failure"},
		{"stk", "500.001.1001", "", ClassUnknown, false, "told apart by the message"},
		{"query", "4999", "", ClassPending, false, "still under processing"},
		{"", "sfc_ic0003", "", ClassFailed, true, "operator does not exist"},
		{"STK", "1032", "", ClassFailed, true, "cancelled"},
		{"", "2002", "", ClassUnknown, false, "nobody could say"},
		{"c2b", "C2B00012", "", ClassRefused, true, "account number"},
		{"reversal", "R000001", "", ClassRefused, true, "already reversed"},
		{"transaction", "100000004", "", ClassUnknown, false, "gateway's own"},
		{"oauth", "400.008.01", "", ClassCredentials, true, "Basic"},
		{"", "401.002.01", "Invalid API call as no apiproduct match found", ClassToken, false, "API product"},
		{"", "429", "", ClassBusy, false, "rate limit"},
		{"", "HTML", "", ClassUnknown, false, "network edge"},
	}
	for _, tt := range tests {
		t.Run(tt.api+" "+tt.code+" "+tt.message, func(t *testing.T) {
			t.Parallel()
			e, ok := Explain(tt.api, tt.code, tt.message)
			if !ok || e.Class != tt.class || e.Final != tt.final || !strings.Contains(e.Meaning, tt.part) {
				t.Errorf("got %v, %v: %+v", ok, e.Class, e)
			}
		})
	}
	for _, code := range []string{"", " ", "98765", "0.0", "no"} {
		if e, ok := Explain("", code, ""); ok {
			t.Errorf("%q is not in the catalogue: %+v", code, e)
		}
	}
	if _, ok := Explain("bank", "0", ""); ok {
		t.Error("an API that does not exist explains nothing")
	}
}

func TestExplainAll(t *testing.T) {
	t.Parallel()
	var meanings []string
	for _, e := range ExplainAll("500.001.1001") {
		meanings = append(meanings, e.Message)
	}
	want := []string{
		"merchant does not exist", "wrong credentials", "unable to lock subscriber", "is being processed",
		"does not exist", "(empty message)", "", "",
	}
	if diff := cmp.Diff(want, meanings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := ExplainAll("98765"); got != nil {
		t.Errorf("unknown: %+v", got)
	}
}

func TestExplainPayload(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, raw string
		api       API
		code      string
		part      string
	}{
		{"callback", string(fixture(t, "stk/cancelled.json")), APISTK, "1032", "customer cancelled"},
		{"string code", string(fixture(t, "stk/operator-missing.json")), APISTK, "SFC_IC0003", "operator"},
		{"result", string(fixture(t, "result/wrong-credential.json")), APITransaction, "2001", "initiator information"},
		{"balance", string(fixture(t, "result/balance.json")), APIBalance, "0", "carried out"},
		{"reversal", string(fixture(t, "result/reversal-again.json")), APIReversal, "R000001", "already reversed"},
		{"sync error", syncError("500.001.1001", "Unable to lock subscriber, a transaction is already in process"), APISTK, "500.001.1001", "another prompt"},
		{"empty message", syncError("500.001.1001", ""), APIQuery, "500.001.1001", "no answer from the query"},
		{"fault", spikeFault, APIAny, "429", "rate limit"},
		{"query answer", `{"ResponseCode":"0","ResultCode":"4999","ResultDesc":"The transaction is still under processing"}`, APIQuery, "4999", "still under"},
		{"edge", edgePage, APIAny, "html", "network edge"},
		{"log line with JSON", `2026-01-02 POST /mpesa/stkpushquery/v1/query 500 ` + syncError("500.001.1001", "The transaction is being processed"), APIQuery, "500.001.1001", "not answered yet"},
		{"log line", `level=error msg="stk push INV-1: refused 400.002.02 Bad Request - Invalid Amount (HTTP 400)"`, APIAny, "400.002.02", "field that the message names"},
		{"log line of a callback", `stkCallback received ResultCode=1037 for INV-1`, APISTK, "1037", "no answer"},
		{"our own error", `{"error":{"kind":"unavailable","message":"stk push INV-1: busy","provider_code":"500.003.02"}}`, APIAny, "500.003.02", "busy"},
		{"our own deposit", `{"id":"d","failure":{"code":"1","reason":"x"}}`, APISTK, "1", "balance is too low"},
		{"unknown", `{"Body":{"stkCallback":{"ResultCode":31337}}}`, "", "31337", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, ok := ExplainPayload([]byte(tt.raw))
			if !ok || e.Code != tt.code || !strings.Contains(e.Meaning, tt.part) {
				t.Fatalf("got %v %+v", ok, e)
			}
			if tt.part == "" && e.Meaning != "" {
				t.Errorf("an unknown code has no meaning: %+v", e)
			}
			if tt.api != "" && !strings.Contains(joinAPIs(e.APIs), string(tt.api)) {
				t.Errorf("for %v, want %v", e.APIs, tt.api)
			}
		})
	}
	for _, raw := range []string{"", "all is well", "{}", `{"Body":{}}`} {
		if e, ok := ExplainPayload([]byte(raw)); ok {
			t.Errorf("%q: %+v", raw, e)
		}
	}
}

func joinAPIs(all []API) string {
	var out []string
	for _, a := range all {
		out = append(out, string(a))
	}
	return strings.Join(out, " ")
}
