package daraja

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// askers calls each API that the client has.
func askers(t *testing.T) map[API]func(*Client) (payment.Answer, error) {
	t.Helper()
	none := func(err error) (payment.Answer, error) { return payment.Answer{Status: payment.StatusCompleted}, err }
	return map[API]func(*Client) (payment.Answer, error){
		APISTK:   func(c *Client) (payment.Answer, error) { return c.Create(t.Context(), testRequest(t)) },
		APIQuery: func(c *Client) (payment.Answer, error) { return c.Ask(t.Context(), testDeposit(t)) },
		APITransaction: func(c *Client) (payment.Answer, error) {
			_, err := c.QueryTransaction(t.Context(), payment.TransactionQuery{Receipt: "UA2K7QX9ZP", ResultURL: resultURL, TimeoutURL: timeoutURL})
			return none(err)
		},
		APIBalance: func(c *Client) (payment.Answer, error) {
			_, err := c.AccountBalance(t.Context(), BalanceQuery{ResultURL: resultURL, TimeoutURL: timeoutURL})
			return none(err)
		},
		APIReversal: func(c *Client) (payment.Answer, error) {
			_, err := c.Reversal(t.Context(), ReversalRequest{Receipt: "UA2K7QX9ZP", Amount: payment.AmountOf(15000, payment.KES), ResultURL: resultURL, TimeoutURL: timeoutURL})
			return none(err)
		},
		APIC2B: func(c *Client) (payment.Answer, error) {
			_, err := c.C2BRegister(t.Context(), C2BRegistration{ResponseType: ResponseCompleted, ConfirmationURL: resultURL, ValidationURL: resultURL})
			return none(err)
		},
		APIPull: func(c *Client) (payment.Answer, error) {
			_, err := c.PullRegister(t.Context(), mustPhone(t, "0711000222"), resultURL)
			return none(err)
		},
		APIQR: func(c *Client) (payment.Answer, error) {
			_, err := c.DynamicQR(t.Context(), QRRequest{MerchantName: "Invented Shop", Reference: "INV-1", Amount: payment.AmountOf(15000, payment.KES)})
			return none(err)
		},
	}
}

// wordsOf is the gateway's answer that a row of syncErrors is about.
func wordsOf(r row) answer {
	status := 500
	if r.http != nil {
		status = r.http[0]
	}
	text := r.message
	if text == "" && !r.empty {
		text = "Something"
	}
	switch r.code {
	case codeHTML:
		return answer{status: status, body: edgePage}
	case codeEmpty:
		return answer{status: status}
	case codeLimited:
		return answer{status: status, body: spikeFault}
	case codeDenied:
		return answer{status: 401}
	case codeFault:
		return answer{status: status, body: `{"Envelope":{"Body":{"Fault":{"faultcode":"soap:Server","faultstring":` + strconv.Quote(text) + `}}}}`}
	}
	return answer{status: status, body: syncError(r.code, text)}
}

// TestCatalogueAgrees walks the answers of the catalogue: what explain says of each,
// in each API that has it, is what the classifier makes of it.
func TestCatalogueAgrees(t *testing.T) {
	t.Parallel()
	walked := 0
	for _, r := range syncErrors {
		for api, ask := range askers(t) {
			if !r.holds(api, 0, r.message) || api == APIOAuth {
				continue
			}
			walked++
			t.Run(r.code+" "+r.message+" "+string(api), func(t *testing.T) {
				t.Parallel()
				said := wordsOf(r)
				found, known := lookup(api, said.status, r.code, r.message)
				if !known {
					t.Fatalf("%s is not found", r.code)
				}
				e := found.explain(api, r.code, r.message)
				script := []answer{said}
				if found.class == ClassToken {
					script = append(script, said)
				}
				a, err := ask(newGateway(t, script...).client())
				got := payment.KindOf(err)
				if err == nil { // the answer says it
					got = map[payment.Status]payment.Kind{
						payment.StatusFailed: payment.KindDeclined, payment.StatusPending: payment.KindPending, payment.StatusUnknown: payment.KindPending,
					}[a.Status]
				}
				if got != e.Kind {
					t.Errorf("explain says %s (class %s), the classifier %s: %v", e.Kind, e.Class, got, err)
				}
				var fault *payment.Error
				if errors.As(err, &fault) && e.Class != ClassUnknown && e.Class != ClassToken && !strings.Contains(fault.Hint, e.Meaning) {
					t.Errorf("the hint %q does not say what explain does: %q", fault.Hint, e.Meaning)
				}
			})
		}
	}
	if walked < 150 {
		t.Errorf("only %d answers were walked", walked)
	}
}

// TestResultsAgree walks the result codes of pushes: what explain says is what the
// callback and the query do to the deposit, and what its advice tells.
func TestResultsAgree(t *testing.T) {
	t.Parallel()
	status := map[Class]payment.Status{ClassPaid: payment.StatusCompleted, ClassFailed: payment.StatusFailed, ClassPending: "", ClassUnknown: ""}
	for _, r := range append(append([]row{}, stkResults...), queryResults...) {
		for _, api := range r.where {
			e, known := Explain(string(api), r.code, r.message)
			if !known || e.Class != r.class {
				t.Errorf("%s %s: explain says %s %t", api, r.code, e.Class, known)
				continue
			}
			want, text := status[e.Class], "The transaction is "+cmp.Or(r.message, "what it is")
			var got payment.Status
			var failure *payment.Failure
			if api == APISTK {
				i := Receiver{}.Inspect(payment.Delivery{Body: []byte(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":"ws_CO_1","ResultCode":"` + r.code +
					`","ResultDesc":"x","CallbackMetadata":{"Item":[{"Name":"Amount","Value":1},{"Name":"MpesaReceiptNumber","Value":"UA2K7QX9ZP"}]}}}}`)})
				got, failure = i.Event.Status, i.Event.Failure
			} else {
				a, err := newGateway(t, answer{status: 200, body: `{"ResponseCode":"0","MerchantRequestID":"m","CheckoutRequestID":"` + checkoutID + `","ResultCode":"` + r.code + `","ResultDesc":"` + text + `"}`}).client().Ask(t.Context(), testDeposit(t))
				if err != nil {
					t.Errorf("%s %s: %v", api, r.code, err)
				}
				if got, failure = a.Status, a.Failure; !got.Final() {
					got = ""
				}
			}
			if got != want {
				t.Errorf("%s %s: explain says %s, the deposit becomes %q", api, r.code, e.Class, got)
			}
			if want == payment.StatusFailed && (failure == nil || !strings.Contains(failure.Advice, e.Meaning) || e.Kind != payment.KindDeclined || !e.Final) {
				t.Errorf("%s %s: advice %v, kind %s, final %t", api, r.code, failure, e.Kind, e.Final)
			}
		}
	}
}

// TestFieldCodes holds the codes that the field added (reference/daraja.md §14).
func TestFieldCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		api, code, message string
		class              Class
		kind               payment.Kind
		retry              string
		proof              Proof
	}{
		{"stk", "2026", "", ClassFailed, payment.KindDeclined, "a new push helps", ProofObserved},
		{"stk", "2008", "", ClassFailed, payment.KindDeclined, "try again once", ProofClaimed},
		{"stk", "2033", "", ClassUnknown, payment.KindPending, "", ProofClaimed},
		{"transaction", "2032", "", ClassRefused, payment.KindNotFound, "receipt", ProofObserved},
		{"b2c", "7", "", ClassRefused, payment.KindUsage, "identifier type", ProofObserved},
		{"transaction", "7", "", ClassRefused, payment.KindUsage, "identifier type", ProofObserved},
		{"transaction", "500.002.1001", "System internal error.", ClassBusy, payment.KindUnavailable, "after some minutes", ProofObserved},
		{"stk", "500.002.1001", "System internal error.", ClassBusy, payment.KindUnavailable, "after some minutes", ProofObserved},
		{"b2c", "500.002.1001", "Duplicate OriginatorConversationID.", ClassRefused, payment.KindConflict, "already submitted", ProofPortal},
		{"c2b", "500.003.1001", "Urls are already registered.", ClassRefused, payment.KindConflict, "no", ProofPortal},
	} {
		e, known := Explain(c.api, c.code, c.message)
		if !known || e.Class != c.class || e.Kind != c.kind || !strings.Contains(e.Retry, c.retry) || e.Proof != c.proof {
			t.Errorf("%s %s %s: %t %+v", c.api, c.code, c.message, known, e)
		}
	}
}

// TestSOAPFaults holds that a fault dressed as JSON is a failure whatever the HTTP
// status, and that its text is shown.
func TestSOAPFaults(t *testing.T) {
	t.Parallel()
	body := string(field(t, "15-c2b-register-soap-envelope-fault.json"))
	for status, want := range map[int]payment.Kind{200: payment.KindUnavailable, 500: payment.KindUnavailable, 503: payment.KindUnavailable, 409: payment.KindConflict} {
		_, err := askers(t)[APIC2B](newGateway(t, answer{status: status, body: body}).client())
		if payment.KindOf(err) != want || !strings.Contains(err.Error(), "Execution of ServiceCallout SC-SearchURL failed") {
			t.Errorf("HTTP %d: %s %v, want %s", status, payment.KindOf(err), err, want)
		}
	}
	conflict := strings.ReplaceAll(body, "ResponseCode 503", "ResponseCode 409")
	var fault *payment.Error
	_, err := askers(t)[APIC2B](newGateway(t, answer{status: 500, body: conflict}).client())
	if !errors.As(err, &fault) || fault.Kind != payment.KindConflict || fault.Retryable || strings.Contains(fault.Hint, "shortly") {
		t.Errorf("%+v", fault)
	}
}

// TestRegisterReplies holds the replies to a registration that say yes.
func TestRegisterReplies(t *testing.T) {
	t.Parallel()
	for body, ok := range map[string]bool{
		`{"OriginatorCoversationID":"6e01-4a2b","ResponseCode":"0","ResponseDescription":"Success"}`:                true,
		`{"OriginatorCoversationID":"6e01-4a2b","ResponseCode":"00000000","ResponseDescription":"Success"}`:         true,
		`{"OriginatorCoversationID":"6e01-4a2b","ResponseDescription":"Success"}`:                                   true,
		`{"ConversationID":"","OriginatorCoversationID":"","ResponseDescription":"success"}`:                        true,
		`{"ConversationID":"","OriginatorCoversationID":"","ResponseDescription":"failed"}`:                         false,
		`{"ConversationID":"","OriginatorCoversationID":"","ResponseCode":"1","ResponseDescription":"success"}`:     false,
		`{"OriginatorCoversationID":"6e01-4a2b","ResponseCode":"500","ResponseDescription":"Something went wrong"}`: false,
	} {
		_, err := askers(t)[APIC2B](newGateway(t, answer{status: 200, body: body}).client())
		if (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestOAuthPage holds that a page instead of a token casts doubt on base_url.
func TestOAuthPage(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 403, 404, 503} {
		g := newGateway(t)
		g.oauth = func(int) answer { return answer{status: status, body: edgePage} }
		_, err := g.client().Ask(t.Context(), testDeposit(t))
		var fault *payment.Error
		if !errors.As(err, &fault) || !strings.Contains(fault.Hint, "base_url may be wrong") || fault.Kind != payment.KindUnavailable {
			t.Errorf("HTTP %d: %+v", status, fault)
		}
	}
}

// TestGenericResultsAgree walks the codes that the results of the other APIs share: a
// result says of its code what explain does, and settles no payment by it.
func TestGenericResultsAgree(t *testing.T) {
	t.Parallel()
	walked := map[API]int{}
	for api, path := range map[API]string{APITransaction: "", APIBalance: "abresults", APIReversal: "reversalresults", APIB2C: "b2cresults", APIB2B: "b2bresults"} {
		reference := `{"Key":"Occasion"}`
		if path != "" {
			reference = `{"Key":"QueueTimeoutURL","Value":"https://internalsandbox.safaricom.co.ke/mpesa/` + path + `/v1/submit"}`
		}
		for _, r := range genericResults {
			e, known := Explain(string(api), r.code, r.message)
			if r.code == "0" || !r.holds(api, 0, r.message) {
				continue
			}
			body := `{"Result":{"ResultType":0,"ResultCode":"` + r.code + `","ResultDesc":"` + cmp.Or(r.message, "x") + `","ConversationID":"AG_1","OriginatorConversationID":"o","TransactionID":"UKU0000000","ReferenceData":{"ReferenceItem":` + reference + `}}}`
			i := Receiver{}.Inspect(payment.Delivery{Provider: payment.Daraja, Route: "/callbacks/daraja/result", Body: []byte(body)})
			if parsed, err := ParseResult([]byte(body)); err != nil || apiOr(parsed.API, APITransaction) != api {
				t.Fatalf("%s: read as %s: %v", api, parsed.API, err)
			}
			if !known || i.Event == nil || i.Event.Status != "" || !strings.Contains(strings.Join(i.Event.Notes, "; "), e.Meaning) {
				t.Errorf("%s %s: explain says %q %t, the result %+v", api, r.code, e.Meaning, known, i.Event)
				continue
			}
			if api == APIReversal && r.code != codeReversed && (i.Event.Reversed == payment.StatusFailed) != (e.Final && e.Class != ClassDone) {
				t.Errorf("%s %s: explain says %s, final %t, the reversal becomes %q", api, r.code, e.Class, e.Final, i.Event.Reversed)
			}
			walked[api]++
		}
	}
	for api, n := range walked {
		if n < 10 {
			t.Errorf("%s: only %d codes were walked", api, n)
		}
	}
}
