package daraja

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

const (
	spikeFault = `{"fault":{"faultstring":"Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, periodInMicroseconds=60000000, maxBurstMessageCount=1.0}","detail":{"errorcode":"policies.ratelimit.SpikeArrestViolation"}}}`
	edgePage   = "<html><head><title>Service Unavailable</title></head><body>Request unsuccessful. Incapsula incident</body></html>"
)

func syncError(code, message string) string {
	return fmt.Sprintf(`{"requestId":"41d0-4d6b-9f0e-5b1c2d3e4f509876543","errorCode":%q,"errorMessage":%q}`, code, message)
}

// Outcomes of a synchronous answer, as the caller of Create or Ask sees them.
const (
	asFailed       = "FAILED"
	asPending      = "PENDING"
	asUnknown      = "UNKNOWN"
	asCompleted    = "COMPLETED"
	asUnauthorized = "error unauthorized"
	asUnavailable  = "error unavailable, retryable"
	asUsage        = "error usage"
	asOpen         = "error pending, outcome unknown"
)

func outcome(a payment.Answer, err error) string {
	if err == nil {
		return string(a.Status)
	}
	var e *payment.Error
	if !errors.As(err, &e) {
		return "foreign error " + err.Error()
	}
	text := "error " + e.Kind.String()
	if e.Retryable {
		text += ", retryable"
	}
	if errors.Is(err, payment.ErrOutcomeUnknown) {
		text += ", outcome unknown"
	}
	return text
}

// syncRow is one row of the table of reference/daraja.md §3.4 (and §2, §5),
// with what it means when it answers a push and when it answers a query.
type syncRow struct {
	section string
	status  int
	body    string
	push    string
	query   string
	// token says that one new token and one repeat must be seen.
	token bool
}

func syncRows() []syncRow {
	return []syncRow{
		{section: "§3.4 400.002.02 Amount", status: 400, body: syncError("400.002.02", "Bad Request - Invalid Amount"), push: asFailed, query: asUsage},
		{section: "§3.2 400.002.02 Remarks", status: 400, body: syncError("400.002.02", "Bad Request - Invalid Remarks"), push: asFailed, query: asUsage},
		{section: "§3.6 400.002.02 CallBackURL", status: 400, body: syncError("400.002.02", "Bad Request - Invalid CallBackURL"), push: asFailed, query: asUsage},
		{section: "§5 400.002.02 CheckoutRequestID", status: 400, body: syncError("400.002.02", "Bad Request - Invalid CheckoutRequestID"), push: asFailed, query: asUnknown},
		{section: "§3.4 400.002.05", status: 400, body: syncError("400.002.05", "Invalid Request Payload"), push: asFailed, query: asUsage},
		{section: "§3.4 400.003.01", status: 400, body: syncError("400.003.01", "Invalid Access Token"), push: asUnauthorized, query: asUnauthorized, token: true},
		{section: "§3.4 400.003.02", status: 400, body: syncError("400.003.02", "Bad Request"), push: asFailed, query: asUsage},
		{section: "§3.4 401.002.01", status: 401, body: syncError("401.002.01", "Error Occurred - Invalid Access Token - s3cr3ttoken"), push: asUnauthorized, query: asUnauthorized, token: true},
		{section: "§3.4 401.003.01", status: 401, body: syncError("401.003.01", "Error Occurred - Invalid Access Token"), push: asUnauthorized, query: asUnauthorized, token: true},
		{section: "§3.4 401.001", status: 401, body: syncError("401.001", "Invalid Access Token"), push: asUnauthorized, query: asUnauthorized, token: true},
		{section: "§3.4 product not enabled", status: 401, body: syncError("401.002.01", "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found"), push: asUnauthorized, query: asUnauthorized, token: true},
		{section: "§3.4 401 without a code", status: 401, body: "", push: asUnauthorized, query: asUnauthorized, token: true},
		{section: "§3.4 404.001.01", status: 404, body: syncError("404.001.01", "Resource not found"), push: asFailed, query: asUsage},
		{section: "§3.4 404.001.03", status: 404, body: syncError("404.001.03", "Invalid Access Token"), push: asUnauthorized, query: asUnauthorized, token: true},
		{section: "§3.4 404.001.04", status: 404, body: syncError("404.001.04", "Invalid Authentication Header"), push: asFailed, query: asUsage},
		{section: "§3.4 404.002.01", status: 404, body: syncError("404.002.01", "Resource not found"), push: asFailed, query: asUsage},
		{section: "§3.4 404.003.01", status: 404, body: syncError("404.003.01", "Resource not found"), push: asFailed, query: asUsage},
		{section: "§3.4 405.001", status: 405, body: syncError("405.001", "Method Not Allowed"), push: asFailed, query: asUsage},
		{section: "§3.4 500.001.1001 merchant", status: 500, body: syncError("500.001.1001", "Merchant does not exist"), push: asUnauthorized, query: asUnauthorized},
		{section: "§3.4 500.001.1001 credentials", status: 500, body: syncError("500.001.1001", "[MerchantValidate] - Wrong credentials"), push: asUnauthorized, query: asUnauthorized},
		{section: "§3.4 500.001.1001 lock", status: 500, body: syncError("500.001.1001", "Unable to lock subscriber, a transaction is already in process for the current subscriber"), push: asUnavailable, query: asUnknown},
		{section: "§3.4 500.001.1001 processed", status: 500, body: syncError("500.001.1001", "The transaction is being processed"), push: asOpen, query: asPending},
		{section: "§3.4 500.001.1001 not exist", status: 500, body: syncError("500.001.1001", "The transaction does not Exist"), push: asOpen, query: asUnknown},
		{section: "§3.4 500.001.1001 empty, 200", status: 200, body: syncError("500.001.1001", ""), push: asOpen, query: asPending},
		{section: "§3.4 500.001.1001 empty, 500", status: 500, body: syncError("500.001.1001", ""), push: asOpen, query: asPending},
		{section: "§5 500.001.1001 other words", status: 500, body: syncError("500.001.1001", "Something new"), push: asOpen, query: asUnknown},
		{section: "§3.4 500.003.02 spike", status: 500, body: syncError("500.003.02", "Error Occurred: Spike Arrest Violation"), push: asUnavailable, query: asUnavailable},
		{section: "§3.4 500.003.02 busy", status: 500, body: syncError("500.003.02", "System is busy. Please try again in few minutes."), push: asUnavailable, query: asUnavailable},
		{section: "§3.4 500.003.03", status: 500, body: syncError("500.003.03", "Error Occurred: Quota Violation"), push: asUnavailable, query: asUnavailable},
		{section: "§3.4 500.003.1001", status: 500, body: syncError("500.003.1001", "Internal Server Error"), push: asOpen, query: asUnavailable},
		{section: "§3.4 429 fault", status: 429, body: spikeFault, push: asUnavailable, query: asUnavailable},
		{section: "§3.4 edge 403", status: 403, body: edgePage, push: asUnavailable, query: asUnavailable},
		{section: "§3.4 edge 503", status: 503, body: edgePage, push: asOpen, query: asUnavailable},
		{section: "HTML on 200", status: 200, body: edgePage, push: asOpen, query: asUnavailable},
		{section: "broken JSON on 200", status: 200, body: `{"MerchantRequestID":"9c1e`, push: asOpen, query: asUnavailable},
		{section: "empty 200", status: 200, body: "", push: asOpen, query: asUnavailable},
		{section: "empty 500", status: 500, body: "", push: asOpen, query: asUnavailable},
		{section: "unknown code", status: 500, body: syncError("599.999.99", "never seen"), push: asOpen, query: asUnavailable},
		{section: "unknown code 400", status: 400, body: syncError("499.999.99", "never seen"), push: asOpen, query: asUnavailable},
		{section: "known code, other status", status: 200, body: syncError("400.002.02", "Bad Request - Invalid Amount"), push: asOpen, query: asUnavailable},
	}
}

func TestSynchronousErrors(t *testing.T) {
	t.Parallel()
	for _, row := range syncRows() {
		t.Run(row.section, func(t *testing.T) {
			t.Parallel()
			tries := 1
			if row.token {
				tries = 2
			}
			script := make([]answer, 2*tries)
			for i := range script {
				script[i] = answer{status: row.status, body: row.body}
			}
			g := newGateway(t, script...)
			c := g.client()
			a, err := c.Create(t.Context(), testRequest(t))
			if diff := cmp.Diff(row.push, outcome(a, err), amounts()); diff != "" {
				t.Errorf("push (-want +got):\n%s\n%v", diff, err)
			}
			if got := len(g.seen()); got != tries {
				t.Errorf("push sent %d times, want %d", got, tries)
			}
			minted := g.tokensMinted()
			a, err = c.Ask(t.Context(), testDeposit(t))
			if diff := cmp.Diff(row.query, outcome(a, err), amounts()); diff != "" {
				t.Errorf("query (-want +got):\n%s\n%v", diff, err)
			}
			if row.token && (minted != 2 || g.seen()[0].Bearer == g.seen()[1].Bearer) {
				t.Errorf("an invalid token wants one new one: minted %d, calls %v", minted, g.seen())
			}
		})
	}
}

// resultRow is one row of reference/daraja.md §4.2: what a code does in a
// callback and in a query.
type resultRow struct {
	code     string
	callback payment.Status
	query    payment.Status
}

func resultRows() []resultRow {
	const none = payment.Status("")
	failed, unknown := payment.StatusFailed, payment.StatusUnknown
	rows := []resultRow{
		{"0", payment.StatusCompleted, payment.StatusCompleted},
		{"4999", none, payment.StatusPending},
		{"500.001.1001", none, unknown},
		{"2002", none, unknown},
		// Never codes: what has been turned into 0 by careless readers (§4.1, §11 row 7).
		{"", none, unknown},
		{"00", none, unknown},
		{"0.0", none, unknown},
		{"-0", none, unknown},
		{"+0", none, unknown},
		{" 0", none, unknown},
		{"0 ", none, unknown},
		{"abc", none, unknown},
		{"1032.0", none, unknown},
		{"sfc_ic0003", none, unknown},
		{"03", none, unknown},
		{"43", none, unknown},
		// Of other tables (§6.4), not of the push.
		{"18", none, unknown},
		{"21", none, unknown},
		{"R000001", none, unknown},
		{"100000005", none, unknown},
	}
	for _, code := range []string{"1", "2", "3", "4", "8", "11", "17", "1019", "1025", "1032", "1037", "2001", "2028", "8006", "9999", "SFC_IC0003"} {
		rows = append(rows, resultRow{code, failed, failed})
	}
	for _, code := range []string{"26", "1001", "1031", "1036", "1101", "1102", "2006", "2008", "2026", "E3008", "TP40153"} {
		rows = append(rows, resultRow{code, failed, unknown}) // seen in callbacks only
	}
	return rows
}

func TestResultCodes(t *testing.T) {
	t.Parallel()
	for _, row := range resultRows() {
		t.Run(fmt.Sprintf("§4.2 %q", row.code), func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`{"Body":{"stkCallback":{"CheckoutRequestID":%q,"ResultCode":%q,"ResultDesc":"x","CallbackMetadata":{"Item":[{"Name":"MpesaReceiptNumber","Value":"UA2K7QX9ZP"}]}}}}`, checkoutID, row.code)
			i := Receiver{}.Inspect(payment.Delivery{Body: []byte(body)})
			if i.Event == nil {
				t.Fatalf("no event: %+v", i)
			}
			if diff := cmp.Diff(row.callback, i.Event.Status); diff != "" {
				t.Errorf("callback (-want +got):\n%s", diff)
			}
			answered := fmt.Sprintf(`{"ResponseCode":"0","ResponseDescription":"The service request has been accepted successsfully","MerchantRequestID":"m","CheckoutRequestID":%q,"ResultCode":%q,"ResultDesc":"x"}`, checkoutID, row.code)
			g := newGateway(t, answer{status: http.StatusOK, body: answered})
			a, err := g.client().Ask(t.Context(), testDeposit(t))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.query, a.Status); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
			if (a.Status == payment.StatusFailed) != (a.Failure != nil) {
				t.Errorf("a failure and its reason go together: %+v", a)
			}
		})
	}
}

// reference/daraja.md §5: which answers settle, and only for the id asked.
func TestQueryAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body, want string
	}{
		{"number code", `{"ResponseCode":"0","CheckoutRequestID":"` + checkoutID + `","ResultCode":0}`, asCompleted},
		{"cancelled", `{"ResponseCode":"0","CheckoutRequestID":"` + checkoutID + `","ResultCode":"1032"}`, asFailed},
		{"not yet", `{"ResponseCode":"0","CheckoutRequestID":"` + checkoutID + `","ResultCode":"4999","ResultDesc":"The transaction is still under processing"}`, asPending},
		{"another id", `{"ResponseCode":"0","CheckoutRequestID":"ws_CO_other","ResultCode":"0"}`, asUnknown},
		{"no id", `{"ResponseCode":"0","ResultCode":"0"}`, asUnknown},
		{"question not taken", `{"ResponseCode":"1","CheckoutRequestID":"` + checkoutID + `","ResultCode":"0"}`, asUnknown},
		{"no ResponseCode", `{"CheckoutRequestID":"` + checkoutID + `","ResultCode":"0"}`, asUnknown},
		{"no ResultCode", `{"ResponseCode":"0","CheckoutRequestID":"` + checkoutID + `"}`, asUnknown},
		{"two ResultCodes", `{"ResponseCode":"0","CheckoutRequestID":"` + checkoutID + `","ResultCode":"1032","ResultCode":"0"}`, asUnknown},
		{"ResultCode an object", `{"ResponseCode":"0","CheckoutRequestID":"` + checkoutID + `","ResultCode":{}}`, asUnknown},
		{"an array", `[]`, asUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, answer{status: 200, body: tt.body})
			if diff := cmp.Diff(tt.want, outcome(g.client().Ask(t.Context(), testDeposit(t))), amounts()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// reference/daraja.md §6.4 and §10.2: a result's code speaks of the question,
// so none of them claims anything of a payment.
func TestEnvelopeCodes(t *testing.T) {
	t.Parallel()
	classes := map[string]Class{
		"0": ClassDone, "SFC_IC0003": ClassRefused, "2001": ClassCredentials, "21": ClassCredentials, "8006": ClassCredentials,
		"18": ClassCredentials, "20": ClassCredentials, "22": ClassCredentials, "24": ClassRefused, "25": ClassRefused, "29": ClassRefused,
		"15": ClassRefused, "17": ClassBusy, "26": ClassBusy, "19": ClassBusy, "2006": ClassRefused, "2028": ClassRefused,
		"TP40153": ClassCredentials, "100000000": ClassUnknown, "100000007": ClassUnknown, "100000011": ClassUnknown,
		"1": ClassUnknown, "2": ClassUnknown, "R000001": ClassUnknown, "1032": ClassUnknown, "100000012": ClassUnknown, "77": ClassUnknown,
	}
	for code, want := range classes {
		t.Run("§6.4 "+code, func(t *testing.T) {
			t.Parallel()
			found, _ := resultClass(APITransaction, code, "")
			if found.class != want {
				t.Errorf("class %v, want %v", found.class, want)
			}
			body := fmt.Sprintf(`{"Result":{"ResultType":0,"ResultCode":%q,"ResultDesc":"x","ConversationID":"AG_1","ReferenceData":{"ReferenceItem":{"Key":"Occasion"}}}}`, code)
			i := Receiver{}.Inspect(payment.Delivery{Body: []byte(body)})
			name := EventTransaction
			if code == "R000001" {
				name = EventReversal // a code of reversals alone
			}
			if i.Event == nil || i.Event.Name != name || i.Event.Status != "" {
				t.Errorf("a result without parameters claims nothing: %+v", i.Event)
			}
		})
	}
	for _, code := range []string{"R000001", "R000002"} {
		if found, ok := resultClass(APIReversal, code, ""); !ok || found.class != ClassRefused {
			t.Errorf("§6.4 %s is a refusal of reversals: %+v", code, found)
		}
	}
}

// The rows of §3.4 that neither a push nor a query gets.
func TestOtherSynchronousErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		section string
		api     API
		status  int
		code    string
		message string
		want    Class
	}{
		{"§2 400.008.01", APIOAuth, 400, "400.008.01", "Invalid Authentication passed", ClassCredentials},
		{"§2 400.008.02", APIOAuth, 400, "400.008.02", "Invalid grant type passed", ClassRefused},
		{"§2 empty 400", APIOAuth, 400, codeEmpty, "", ClassCredentials},
		{"§3.4 403.002.1001", APIB2C, 403, "403.002.1001", "", ClassCredentials},
		{"§3.4 500.002.1001", APIBalance, 500, "500.002.1001", "Duplicate OriginatorConversationID.", ClassRefused},
		{"§3.4 500.003.1001 C2B", APIC2B, 500, "500.003.1001", "Urls are already registered.", ClassRefused},
		{"§3.4 500.003.1001 SP", APIC2B, 500, "500.003.1001", "Duplicate notification info, SP ID is 1", ClassRefused},
		{"§3.4 500.003.1001 other", APIC2B, 500, "500.003.1001", "Internal Server Error", ClassUnknown},
		{"§3.4 00.002.1001", APIBalance, 500, "00.002.1001", "Service is currently under maintenance", ClassBusy},
	}
	for _, tt := range tests {
		t.Run(tt.section, func(t *testing.T) {
			t.Parallel()
			found, ok := lookup(tt.api, tt.status, tt.code, tt.message)
			if !ok || found.class != tt.want {
				t.Errorf("got %v %v, want %v", found.class, ok, tt.want)
			}
		})
	}
}

// Every row is complete, and none that settles stands outside the STK table.
func TestCatalogueIsWhole(t *testing.T) {
	t.Parallel()
	for _, table := range tables() {
		for _, r := range table {
			if r.code == "" || len(r.where) == 0 || r.meaning == "" || r.retry == "" || r.next == "" || r.proof == "" || r.source == "" {
				t.Errorf("incomplete row: %+v", r)
			}
		}
	}
	for _, r := range append(append([]row{}, syncErrors...), merchantResults...) {
		if r.class == ClassPaid || r.class == ClassFailed {
			t.Errorf("%s settles a payment, which only a result may", r.code)
		}
	}
	paid := 0
	for _, e := range Catalogue() {
		if e.Class == ClassPaid {
			paid++
		}
	}
	if paid != 1 {
		t.Errorf("%d codes mean paid, want 1", paid)
	}
}
