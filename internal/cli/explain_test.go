package cli

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/wasaapay"
	"github.com/payctl/payctl/internal/webhook"
)

// Every code of the catalogue is explained, and the command that it sends
// people to exists.
func TestExplainEverything(t *testing.T) {
	t.Parallel()
	root := tree()
	for _, e := range daraja.Catalogue() {
		meanings := daraja.Explainer{}.Explain(e.Code, payment.CodeQuery{})
		if len(meanings) == 0 {
			t.Errorf("%s is not explained", e.Code)
		}
		for _, m := range meanings {
			if m.Text == "" || m.Retry == "" || m.Next == "" || m.Source == "" || m.Proof == "" {
				t.Errorf("%s: the meaning %+v is not complete", e.Code, m)
			}
		}
		command, found := strings.CutPrefix(e.Next[max(0, strings.Index(e.Next, "payctl ")):], "payctl ")
		if !found {
			continue
		}
		cmd, rest, err := root.Find(strings.Fields(command))
		if err != nil || cmd == root || slices.ContainsFunc(rest, func(word string) bool { return word != "ID" }) {
			t.Errorf("%s: next is %q, which is no command: %v", e.Code, e.Next, err)
		}
	}
	for _, m := range wasaapay.Catalogue() {
		if got := (wasaapay.Explainer{}).Explain(m.Code, payment.CodeQuery{}); len(got) != 1 {
			t.Errorf("wasaapay %s has %d meanings, want 1", m.Code, len(got))
		}
	}
}

// reference/daraja.md §3.4, §5: one code, many things.
func TestExplainNarrows(t *testing.T) {
	t.Parallel()
	const code = "500.001.1001"
	for _, test := range []struct {
		q    payment.CodeQuery
		want []string
	}{
		{payment.CodeQuery{API: "query", Message: "The transaction is being processed"}, []string{"pending"}},
		{payment.CodeQuery{API: "query", Message: "The transaction does not Exist"}, []string{"unknown"}},
		{payment.CodeQuery{API: "query", HasMessage: true}, []string{"pending"}},
		{payment.CodeQuery{API: "stk", Message: "Merchant does not exist"}, []string{"credentials"}},
		{payment.CodeQuery{API: "stk", Message: "[MerchantValidate] - Wrong credentials"}, []string{"credentials"}},
		{payment.CodeQuery{API: "stk", Message: "Unable to lock subscriber, a transaction is already in process for the current subscriber"}, []string{"busy"}},
		{payment.CodeQuery{API: "qr"}, []string{}},
	} {
		got := []string{}
		for _, m := range (daraja.Explainer{}).Explain(code, test.q) {
			got = append(got, m.Class)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%+v: (-want +got)\n%s", test.q, diff)
		}
	}
	if got := len((daraja.Explainer{}).Explain(code, payment.CodeQuery{})); got < 5 {
		t.Errorf("%s alone has %d meanings, want all of them", code, got)
	}
}

// FuzzExplain: whatever is piped in, an unknown code has no meaning, a known one
// has, and nobody's whole number is shown.
func FuzzExplain(f *testing.F) {
	for _, seed := range []string{
		`{"Body":{"stkCallback":{"ResultCode":1032,"ResultDesc":"Request cancelled by user"}}}`,
		`{"Result":{"ResultCode":"2001","ResultDesc":"from 254712345678"}}`,
		`{"event":"deposit.failed","data":{"status":"FAILED","failureReason":"254712345678"}}`,
		`2026-01-02 WARN stk push ended ResultCode=1037`, `<html>`, `{"errorCode":"500.001.1001","errorMessage":""}`, "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v := &explain{env: newEnv(Invocation{Stdout: io.Discard, Stderr: io.Discard})}
		for _, id := range []payment.ProviderID{"", payment.Daraja, payment.WasaaPay} {
			for _, piece := range webhook.Pieces(raw) {
				explained, found := v.explainPiece(id, piece.Text)
				shown := view.NewExplanation(explained, 0, false)
				if found && shown.Known != (len(shown.Meanings) > 0) {
					t.Fatalf("known %v with %d meanings", shown.Known, len(shown.Meanings))
				}
				if shown.Message != nil && payment.MaskDigits(*shown.Message) != *shown.Message {
					t.Fatalf("a phone is shown: %q", *shown.Message)
				}
			}
		}
	})
}
