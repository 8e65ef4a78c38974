package daraja

import (
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

const queued = `{"OriginatorConversationID":"77aa-4b1c-9d2e-0f1e2d3c4b5a7654321","ConversationID":"AG_20260102_2010a1b2c3d4e5f60718","ResponseCode":"0","ResponseDescription":"Accept the service request successfully."}`

func queuedAcceptance() payment.Acceptance {
	return payment.Acceptance{
		ConversationID: "AG_20260102_2010a1b2c3d4e5f60718", OriginatorConversationID: "77aa-4b1c-9d2e-0f1e2d3c4b5a7654321",
		Code: "0", Message: "Accept the service request successfully.",
	}
}

const (
	resultURL  = "http://127.0.0.1:4020/callbacks/daraja/result/K7f2C1"
	timeoutURL = "http://127.0.0.1:4020/callbacks/daraja/timeout/K7f2C1"
)

// openCredential replaces a request's SecurityCredential by what it hides.
func openCredential(t *testing.T, call gotCall) gotCall {
	t.Helper()
	text, _ := call.Body["SecurityCredential"].(string)
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := rsa.DecryptPKCS1v15(nil, testKey(), sealed) //nolint:staticcheck // the gateway's padding
	if err != nil {
		t.Fatal(err)
	}
	call.Body["SecurityCredential"] = string(plain)
	return call
}

// reference/daraja.md §6.1, §6.2.
func TestQueryTransaction(t *testing.T) {
	t.Parallel()
	base := map[string]any{
		"Initiator": "apiuser01", "SecurityCredential": "Invented#1", "CommandID": "TransactionStatusQuery",
		"PartyA": "600111", "IdentifierType": "4", "ResultURL": resultURL, "QueueTimeOutURL": timeoutURL,
		"Remarks": "status query", "Occasion": "",
	}
	with := func(pairs ...string) map[string]any {
		out := map[string]any{}
		maps.Copy(out, base)
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i]] = pairs[i+1]
		}
		return out
	}
	tests := []struct {
		name string
		q    payment.TransactionQuery
		want map[string]any
	}{
		{"receipt", payment.TransactionQuery{Receipt: " ua2k7qx9zp "}, with("TransactionID", "UA2K7QX9ZP")},
		{
			"conversation, msisdn",
			payment.TransactionQuery{OriginalConversationID: "1b2c-4d3e", Party: "0711 000 222", IdentifierType: payment.IdentifierMSISDN, Remarks: "reconcile", Occasion: "case 88"},
			with("OriginalConversationID", "1b2c-4d3e", "PartyA", "254711000222", "IdentifierType", "1", "Remarks", "reconcile", "Occasion", "case 88"),
		},
		{
			"both, till",
			payment.TransactionQuery{Receipt: "UA2K7QX9ZP", OriginalConversationID: "1b2c", IdentifierType: payment.IdentifierTill},
			with("TransactionID", "UA2K7QX9ZP", "OriginalConversationID", "1b2c", "PartyA", "5001234", "IdentifierType", "2"),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, answer{status: 200, body: queued})
			cfg := g.config()
			cfg.Till = "5001234"
			tt.q.ResultURL, tt.q.TimeoutURL = resultURL, timeoutURL
			a, err := mustNew(t, cfg).QueryTransaction(t.Context(), tt.q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(queuedAcceptance(), a); diff != "" {
				t.Errorf("acceptance (-want +got):\n%s", diff)
			}
			want := gotCall{Path: pathTransaction, Bearer: "token1", Body: tt.want}
			if diff := cmp.Diff(want, openCredential(t, g.seen()[0])); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckTransactionRefuses(t *testing.T) {
	t.Parallel()
	good := payment.TransactionQuery{Receipt: "UA2K7QX9ZP", Party: "600111", IdentifierType: payment.IdentifierShortCode, ResultURL: resultURL, TimeoutURL: timeoutURL}
	tests := []struct {
		name   string
		change func(*payment.TransactionQuery)
		part   string
	}{
		{"no id", func(q *payment.TransactionQuery) { q.Receipt = "" }, "neither a receipt nor a conversation id"},
		{"a bad receipt", func(q *payment.TransactionQuery) { q.Receipt = "UA2" }, "receipt: not 10"},
		{"a bad conversation id", func(q *payment.TransactionQuery) { q.OriginalConversationID = "a b" }, "conversation id"},
		{"a bad phone", func(q *payment.TransactionQuery) {
			q.Party, q.IdentifierType = "020", payment.IdentifierMSISDN
		}, "phone"},
		{"a bad shortcode", func(q *payment.TransactionQuery) { q.Party = "0711000222" }, "party: a shortcode has 5 to 9 digits"},
		{"a bad type", func(q *payment.TransactionQuery) { q.IdentifierType = "bank" }, "identifier type: bank is unknown"},
		{"long remarks", func(q *payment.TransactionQuery) { q.Remarks = strings.Repeat("é", 101) }, "remarks: over 100"},
		{"long occasion", func(q *payment.TransactionQuery) { q.Occasion = strings.Repeat("x", 101) }, "occasion: over 100"},
		{"no result url", func(q *payment.TransactionQuery) { q.ResultURL = "" }, "result url: missing"},
		{"no timeout url", func(q *payment.TransactionQuery) { q.TimeoutURL = "" }, "timeout url: missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q := good
			tt.change(&q)
			_, err := CheckTransaction(q, payment.Local)
			if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), tt.part) {
				t.Errorf("got %v, want %q", err, tt.part)
			}
		})
	}
	q := good
	q.Remarks, q.Occasion = strings.Repeat("é", 100), strings.Repeat("x", 100)
	if _, err := CheckTransaction(q, payment.Local); err != nil {
		t.Errorf("100 characters are allowed: %v", err)
	}
}

func TestQueryTransactionFails(t *testing.T) {
	t.Parallel()
	q := payment.TransactionQuery{Receipt: "UA2K7QX9ZP", ResultURL: resultURL, TimeoutURL: timeoutURL}
	tests := []struct {
		name string
		a    answer
		kind payment.Kind
	}{
		{"refused", answer{status: 400, body: syncError("400.002.02", "Bad Request - Invalid TransactionID")}, payment.KindUsage},
		{"busy", answer{status: 500, body: syncError("500.003.02", "Error Occurred: Spike Arrest Violation")}, payment.KindUnavailable},
		{"internal", answer{status: 500, body: syncError("500.003.1001", "Internal Server Error")}, payment.KindUnavailable},
		{"HTML", answer{status: 503, body: edgePage}, payment.KindUnavailable},
		{"cut", answer{cut: true}, payment.KindUnavailable},
		{"no ids", answer{status: 200, body: `{"ResponseCode":"0"}`}, payment.KindUnavailable},
		{"not queued", answer{status: 200, body: `{"ResponseCode":"1","ConversationID":"AG_1"}`}, payment.KindUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, tt.a)
			_, err := g.client().QueryTransaction(t.Context(), q)
			if err == nil || payment.KindOf(err) != tt.kind || errors.Is(err, payment.ErrOutcomeUnknown) {
				t.Errorf("got %v of kind %v, want %v", err, payment.KindOf(err), tt.kind)
			}
		})
	}
}

// reference/daraja.md §10.2.
func TestAccountBalance(t *testing.T) {
	t.Parallel()
	g := newGateway(t, answer{status: 200, body: queued}, answer{status: 500, body: syncError("500.002.1001", "Duplicate OriginatorConversationID.")})
	c := g.client()
	q := BalanceQuery{ResultURL: resultURL, TimeoutURL: timeoutURL}
	a, err := c.AccountBalance(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(queuedAcceptance(), a); diff != "" {
		t.Errorf("acceptance (-want +got):\n%s", diff)
	}
	want := gotCall{Path: pathBalance, Bearer: "token1", Body: map[string]any{
		"Initiator": "apiuser01", "SecurityCredential": "Invented#1", "CommandID": "AccountBalance", "PartyA": "600111",
		"IdentifierType": "4", "Remarks": "balance query", "ResultURL": resultURL, "QueueTimeOutURL": timeoutURL,
	}}
	if diff := cmp.Diff(want, openCredential(t, g.seen()[0])); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if _, err := c.AccountBalance(t.Context(), q); payment.KindOf(err) != payment.KindConflict {
		t.Errorf("submitted before: %v", err)
	}
	if _, err := c.AccountBalance(t.Context(), BalanceQuery{}); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("without URLs: %v of kind %v", err, payment.KindOf(err))
	}
}

// reference/daraja.md §10.2; it moves money, so it is never repeated.
func TestReversal(t *testing.T) {
	t.Parallel()
	q := ReversalRequest{Receipt: "UA2K7QX9ZP", Amount: payment.AmountOf(15000, payment.KES), ResultURL: resultURL, TimeoutURL: timeoutURL}
	g := newGateway(t, answer{status: 200, body: queued}, answer{cut: true}, answer{status: 503, body: edgePage}, answer{status: 400, body: syncError("400.002.02", "Bad Request - Invalid TransactionID")})
	c := g.client()
	if _, err := c.Reversal(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	want := gotCall{Path: pathReversal, Bearer: "token1", Body: map[string]any{
		"Initiator": "apiuser01", "SecurityCredential": "Invented#1", "CommandID": "TransactionReversal", "TransactionID": "UA2K7QX9ZP",
		"Amount": 150.0, "ReceiverParty": "600111", "RecieverIdentifierType": "11", "ResultURL": resultURL, "QueueTimeOutURL": timeoutURL,
		"Remarks": "reversal", "Occasion": "",
	}}
	if diff := cmp.Diff(want, openCredential(t, g.seen()[0])); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	for _, open := range []bool{true, true, false} {
		if _, err := c.Reversal(t.Context(), q); errors.Is(err, payment.ErrOutcomeUnknown) != open || err == nil {
			t.Errorf("open must be %v: %v", open, err)
		}
	}
	if n := len(g.seen()); n != 4 {
		t.Errorf("sent %d times, want 4", n)
	}
	for name, change := range map[string]func(*ReversalRequest){
		"receipt": func(q *ReversalRequest) { q.Receipt = "x" },
		"amount":  func(q *ReversalRequest) { q.Amount = payment.AmountOf(1, payment.KES) },
		"remarks": func(q *ReversalRequest) { q.Remarks = "x" },
		"url":     func(q *ReversalRequest) { q.ResultURL = "x" },
	} {
		bad := q
		change(&bad)
		if _, err := c.Reversal(t.Context(), bad); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// reference/daraja.md §10.1.
func TestC2B(t *testing.T) {
	t.Parallel()
	registered := `{"OriginatorCoversationID":"6e01-4a2b-8c3d-9e4f5a6b7c8d1234567","ResponseCode":"0","ResponseDescription":"Success"}`
	g := newGateway(t,
		answer{status: 200, body: registered},
		answer{status: 200, body: `{"OriginatorCoversationID":"6e01","ResponseDescription":"Success"}`},
		answer{status: 500, body: syncError("500.003.1001", "Urls are already registered.")},
		answer{status: 200, body: registered}, answer{status: 200, body: registered})
	c := g.client()
	q := C2BRegistration{ResponseType: ResponseCancelled, ConfirmationURL: "http://127.0.0.1:4020/c", ValidationURL: "http://127.0.0.1:4020/v"}
	for range 2 {
		a, err := c.C2BRegister(t.Context(), q)
		if err != nil || !strings.HasPrefix(a.OriginatorConversationID, "6e01") {
			t.Errorf("%+v %v", a, err)
		}
	}
	if _, err := c.C2BRegister(t.Context(), q); payment.KindOf(err) != payment.KindConflict {
		t.Errorf("registered before: %v", err)
	}
	if _, err := c.C2BRegister(t.Context(), C2BRegistration{ResponseType: "Canceled"}); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("American spelling: %v", err)
	}
	sim := C2BSimulation{Amount: payment.AmountOf(1000, payment.KES), Phone: mustPhone(t, "0711000222"), BillRefNumber: "INV-1"}
	if _, err := c.C2BSimulate(t.Context(), sim); err != nil {
		t.Error(err)
	}
	cfg := g.config()
	cfg.Till = "5001234"
	if _, err := mustNew(t, cfg).C2BSimulate(t.Context(), sim); err != nil {
		t.Error(err)
	}
	calls := g.seen()
	want := []map[string]any{
		{"ShortCode": "600111", "ResponseType": "Cancelled", "ConfirmationURL": "http://127.0.0.1:4020/c", "ValidationURL": "http://127.0.0.1:4020/v"},
		{"ShortCode": 600111.0, "CommandID": "CustomerPayBillOnline", "Amount": 10.0, "Msisdn": 254711000222.0, "BillRefNumber": "INV-1"},
		{"ShortCode": 600111.0, "CommandID": "CustomerBuyGoodsOnline", "Amount": 10.0, "Msisdn": 254711000222.0, "BillRefNumber": nil},
	}
	if diff := cmp.Diff(want, []map[string]any{calls[0].Body, calls[3].Body, calls[4].Body}); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	prod := mustNew(t, Config{Environment: payment.Production})
	if _, err := prod.C2BSimulate(t.Context(), sim); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("in production: %v", err)
	}
}

// reference/daraja.md §10.3.
func TestPull(t *testing.T) {
	t.Parallel()
	row := func(receipt string) string {
		return `{"transactionId":"` + receipt + `","trxDate":"2026-01-02T03:00:00+03:00","msisdn":"2547*****222","sender":"MPESA","transactiontype":"c2b-pay-bill-debit","billreference":"INV-1","amount":"150.00","organizationname":"Invented Shop"}`
	}
	page := func(rows ...string) answer {
		return answer{status: 200, body: `{"ResponseRefID":"1","ResponseCode":"1000","ResponseMessage":"Success","Response":[[` + strings.Join(rows, ",") + `]]}`}
	}
	g := newGateway(t,
		answer{status: 200, body: `{"ResponseRefID":"1","Response Status":"1000"}`},
		answer{status: 200, body: `{"ResponseRefID":"1","ResponseStatus":"1001"}`},
		page(row("UA2K7QX9ZA"), row("UA2K7QX9ZB")), page(row("UA2K7QX9ZB"), row("UA2K7QX9ZC")),
		answer{status: 200, body: `{"ResponseCode":"1001","Response":[[]]}`},
		answer{status: 500, body: syncError("500.003.02", "Spike Arrest")})
	c := g.client()
	for _, want := range []bool{false, true} {
		already, err := c.PullRegister(t.Context(), mustPhone(t, "0711000222"), "http://127.0.0.1:4020/p")
		if err != nil || already != want {
			t.Errorf("already %v, want %v: %v", already, want, err)
		}
	}
	var got []PullRow
	from, to := noon().Add(-time.Hour), noon()
	if _, err := c.PullAll(t.Context(), from, to, func(r PullRow) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	want := make([]PullRow, 3)
	for i, receipt := range []string{"UA2K7QX9ZA", "UA2K7QX9ZB", "UA2K7QX9ZC"} {
		want[i] = PullRow{
			Receipt: receipt, At: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Phone: "2547*****222", Sender: "MPESA",
			Type: "c2b-pay-bill-debit", Reference: "INV-1", Amount: payment.AmountOf(15000, payment.KES), Organization: "Invented Shop",
		}
	}
	if diff := cmp.Diff(want, got, amounts()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	var offsets []any
	for _, call := range g.seen()[2:] {
		offsets = append(offsets, call.Body["OffSetValue"])
	}
	if diff := cmp.Diff([]any{"0", "2", "4"}, offsets); diff != "" {
		t.Errorf("offsets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("2026-01-02 02:04:05", g.seen()[2].Body["StartDate"]); diff != "" {
		t.Errorf("East Africa Time (-want +got):\n%s", diff)
	}
	if _, err := c.PullAll(t.Context(), from, to, func(PullRow) error { return nil }); payment.KindOf(err) != payment.KindUnavailable {
		t.Errorf("busy: %v", err)
	}
	for name, bad := range map[string][2]time.Time{"order": {to, from}, "49 hours": {noon().Add(-49 * time.Hour), to}} {
		if _, err := c.PullAll(t.Context(), bad[0], bad[1], func(PullRow) error { return nil }); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A gateway that ignores the offset must not be asked for ever.
func TestPullAllStops(t *testing.T) {
	t.Parallel()
	same := answer{status: 200, body: `{"ResponseCode":"1000","Response":[{"transactionId":"UA2K7QX9ZA"}]}`}
	g := newGateway(t, same, same)
	n := 0
	if _, err := g.client().PullAll(t.Context(), noon().Add(-time.Hour), noon(), func(PullRow) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
}

// reference/daraja.md §10.3.
func TestDynamicQR(t *testing.T) {
	t.Parallel()
	png := "\x89PNG\r\n\x1a\nrest"
	body := func(s string) string {
		return `{"ResponseCode":"AG_20260102_1","RequestID":"1","ResponseDescription":"QR Code Successfully Generated.","QRCode":"` + base64.StdEncoding.EncodeToString([]byte(s)) + `"}`
	}
	g := newGateway(t, answer{status: 200, body: body(png)}, answer{status: 200, body: body("GIF89a")}, answer{status: 200, body: `{"ResponseCode":"00"}`})
	c := g.client()
	q := QRRequest{MerchantName: "Invented Shop", Reference: "INV-1", Amount: payment.AmountOf(15000, payment.KES)}
	got, err := c.DynamicQR(t.Context(), q)
	if err != nil || string(got) != png {
		t.Errorf("%q %v", got, err)
	}
	want := map[string]any{"MerchantName": "Invented Shop", "RefNo": "INV-1", "Amount": 150.0, "TrxCode": "PB", "CPI": "600111", "Size": "300"}
	if diff := cmp.Diff(want, g.seen()[0].Body); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	for range 2 {
		if _, err := c.DynamicQR(t.Context(), q); payment.KindOf(err) != payment.KindUnavailable {
			t.Errorf("no picture: %v", err)
		}
	}
	for name, change := range map[string]func(*QRRequest){
		"kind": func(q *QRRequest) { q.Kind = "XX" }, "merchant": func(q *QRRequest) { q.MerchantName = "" },
		"reference": func(q *QRRequest) { q.Reference = "" }, "size": func(q *QRRequest) { q.Size = -1 },
		"amount": func(q *QRRequest) { q.Amount = payment.Amount{} },
	} {
		bad := q
		change(&bad)
		if _, err := c.DynamicQR(t.Context(), bad); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
