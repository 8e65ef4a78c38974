package inquiry

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// What the end of a query lets a script conclude (reference/daraja.md §6.3, §6.4):
// only TransactionStatus speaks of the payment.
func TestVerdictOfQuery(t *testing.T) {
	t.Parallel()
	type outcome struct {
		Kind payment.Kind
		Code string
	}
	answered := func(code, desc, status string) *daraja.TransactionResult {
		return &daraja.TransactionResult{ResultCode: code, ResultDesc: desc, TransactionStatus: status}
	}
	const paid = payment.Kind(255) // no error at all
	for _, test := range []struct {
		name   string
		kind   string
		status store.QueryStatus
		result *daraja.TransactionResult
		want   outcome
	}{
		{"completed", KindTransaction, store.QueryAnswered, answered("0", "", "Completed"), outcome{Kind: paid}},
		{"cancelled", KindTransaction, store.QueryAnswered, answered("0", "", "Cancelled"), outcome{payment.KindDeclined, "Cancelled"}},
		{"declined", KindTransaction, store.QueryAnswered, answered("0", "", "Declined"), outcome{payment.KindDeclined, "Declined"}},
		{"expired", KindTransaction, store.QueryAnswered, answered("0", "", "Expired"), outcome{payment.KindDeclined, "Expired"}},
		{"under way", KindTransaction, store.QueryAnswered, answered("0", "", "Authorized"), outcome{payment.KindPending, ""}},
		{"failed", KindTransaction, store.QueryAnswered, answered("0", "", "Failed"), outcome{payment.KindDeclined, "Failed"}},
		{"reversed by somebody", KindTransaction, store.QueryAnswered, answered("0", "", "Reversed"), outcome{payment.KindDeclined, "Reversed"}},
		{"other spelling is no final word", KindTransaction, store.QueryAnswered, answered("0", "", "completed"), outcome{payment.KindPending, ""}},
		{"no status", KindTransaction, store.QueryAnswered, answered("0", "", ""), outcome{payment.KindPending, ""}},
		{"wrong credential", KindTransaction, store.QueryAnswered, answered("2001", "The initiator information is invalid.", ""), outcome{payment.KindUnauthorized, "2001"}},
		{"a failed query's status does not count", KindTransaction, store.QueryAnswered, answered("2001", "", "Completed"), outcome{payment.KindUnauthorized, "2001"}},
		{"role missing", KindTransaction, store.QueryAnswered, answered("21", "", ""), outcome{payment.KindUnauthorized, "21"}},
		{"busy", KindTransaction, store.QueryAnswered, answered("26", "", ""), outcome{payment.KindUnavailable, "26"}},
		{"bad parameters", KindTransaction, store.QueryAnswered, answered("25", "", ""), outcome{payment.KindUsage, "25"}},
		{"not found in words", KindTransaction, store.QueryAnswered, answered("1", "The transaction receipt number does not exist.", ""), outcome{payment.KindNotFound, "1"}},
		{"the same code without the words", KindTransaction, store.QueryAnswered, answered("1", "", ""), outcome{payment.KindPending, "1"}},
		{"unknown code", KindTransaction, store.QueryAnswered, answered("77777", "", ""), outcome{payment.KindPending, "77777"}},
		{"no code is not 0", KindTransaction, store.QueryAnswered, answered("", "", "Completed"), outcome{payment.KindPending, ""}},
		{"00 is not 0", KindTransaction, store.QueryAnswered, answered("00", "", "Completed"), outcome{payment.KindPending, "00"}},
		{"queue time-out", KindTransaction, store.QueryTimedOut, nil, outcome{payment.KindPending, ""}},
		{"accepted only", KindTransaction, store.QueryAccepted, nil, outcome{payment.KindPending, ""}},
		{"refused", KindTransaction, store.QueryRefused, nil, outcome{payment.KindUsage, ""}},
		{"pruned", KindTransaction, store.QueryAnswered, nil, outcome{payment.KindNotFound, ""}},
		{"balance", KindBalance, store.QueryAnswered, answered("0", "", ""), outcome{Kind: paid}},
		{"reversed", KindReversal, store.QueryAnswered, answered("0", "", ""), outcome{Kind: paid}},
		{"already reversed", KindReversal, store.QueryAnswered, answered("R000001", "", ""), outcome{payment.KindConflict, "R000001"}},
		{"nothing to reverse", KindReversal, store.QueryAnswered, answered("R000002", "", ""), outcome{payment.KindNotFound, "R000002"}},
		{"no money to reverse", KindReversal, store.QueryAnswered, answered("1", "", ""), outcome{payment.KindDeclined, "1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := store.Query{ID: "qry_1", Kind: test.kind, Status: test.status, Request: json.RawMessage(`{"receipt":"UA2K7QX9ZP"}`)}
			got := outcome{Kind: paid}
			var e *payment.Error
			if err := (&Inquirer{}).verdict(Result{Query: q, Answer: test.result}); errors.As(err, &e) {
				got = outcome{e.Kind, e.ProviderCode}
				if e.Hint == "" || e.Retryable && test.kind == KindReversal {
					t.Errorf("hint %q, retryable %v", e.Hint, e.Retryable)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ kind, request, want string }{
		{KindTransaction, `{"receipt":"UA2K7QX9ZP","party":"600111","identifier_type":"shortcode"}`, `"payctl transaction status --receipt UA2K7QX9ZP --party 600111 --identifier-type shortcode"`},
		{KindTransaction, `{"original_conversation_id":"1b2c-4d3e","party":"254712345678","identifier_type":"msisdn"}`, `"payctl transaction status --conversation-id 1b2c-4d3e --party '2547*****678' --identifier-type msisdn"`},
		{KindBalance, `{"party":"600111"}`, `"payctl daraja balance"`},
		// A reversal is never offered for repeating: only the question how it stands.
		{KindReversal, `{"receipt":"UA2K7QX9ZP","amount":"150.00"}`, `"payctl transaction status --receipt UA2K7QX9ZP" before reversing again`},
		{KindTransaction, `[]`, `"payctl transaction status"`},
	} {
		got := (&Inquirer{}).again(store.Query{Kind: test.kind, Request: json.RawMessage(test.request)})
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.request, diff)
		}
	}
}

// TestResultsAgree walks the catalogue: the kind, and so the exit code, that a result
// code ends a question with is what explain says of the code in that API.
func TestResultsAgree(t *testing.T) {
	t.Parallel()
	kinds := map[daraja.API]string{daraja.APITransaction: KindTransaction, daraja.APIBalance: KindBalance, daraja.APIReversal: KindReversal}
	walked := 0
	for _, row := range daraja.Catalogue() {
		for _, api := range row.APIs {
			kind, asked := kinds[api]
			if !asked || row.Class == daraja.ClassPaid || row.Class == daraja.ClassDone || strings.Contains(row.Code, ".") {
				continue
			}
			walked++
			e, known := daraja.Explain(string(api), row.Code, "")
			err := failedQuery("query", kind, &daraja.TransactionResult{ResultCode: row.Code, ResultDesc: "x"})
			if !known || payment.KindOf(err) != e.Kind {
				t.Errorf("%s %s: explain says %s, the question ends as %s", api, row.Code, e.Kind, payment.KindOf(err))
			}
			var fault *payment.Error
			if !errors.As(err, &fault) || !strings.Contains(fault.Hint, e.Meaning) {
				t.Errorf("%s %s: the hint %q does not say what explain does", api, row.Code, fault.Hint)
			}
		}
	}
	if walked < 40 {
		t.Errorf("only %d codes were walked", walked)
	}
}
