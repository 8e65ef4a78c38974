package emulator_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/emulator"
)

// reference/daraja.md §3.3: the ids have their shapes, in Nairobi time, and the answer its exact bytes.
func TestPushAnswer(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	status, got := d.post(pushPath, pushBody())
	want := `{"MerchantRequestID":"MERCHANT","CheckoutRequestID":"ws_CO_020120260304050712345678","ResponseCode":"0",` +
		`"ResponseDescription":"Success. Request accepted for processing","CustomerMessage":"Success. Request accepted for processing"}`
	merchant := strings.Split(got, `"`)[3]
	if diff := cmp.Diff(strings.Replace(want, "MERCHANT", merchant, 1), got); diff != "" || status != http.StatusOK {
		t.Errorf("status %d (-want +got):\n%s", status, diff)
	}
}

// reference/daraja.md §4.1: the callback of a paid push, to the byte.
func TestCallbackPaid(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	push := d.push()
	d.advance(149 * time.Millisecond)
	if got := d.app.take(); len(got) != 0 {
		t.Fatalf("called back too early: %v", got)
	}
	d.advance(time.Millisecond)
	got := d.app.take()
	if len(got) != 1 {
		t.Fatalf("got %d callbacks, want 1", len(got))
	}
	receipt, _, _ := strings.Cut(strings.SplitAfter(got[0].Body, `"MpesaReceiptNumber","Value":"`)[1], `"`)
	want := []notice{{
		Path: "/stk", ContentType: "application/json;charset=UTF-8", Shortcode: "174379",
		Body: `{"Body":{"stkCallback":{"MerchantRequestID":"` + push.MerchantRequestID + `","CheckoutRequestID":"` + push.CheckoutRequestID +
			`","ResultCode":0,"ResultDesc":"The service request is processed successfully.","CallbackMetadata":{"Item":[` +
			`{"Name":"Amount","Value":100.00},{"Name":"MpesaReceiptNumber","Value":"` + receipt + `"},{"Name":"Balance"},` +
			`{"Name":"TransactionDate","Value":20260102030405},{"Name":"PhoneNumber","Value":254712345678}]}}}}`,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("callback (-want +got):\n%s", diff)
	}
	if len(receipt) != 10 || !strings.HasPrefix(receipt, "UA2") {
		t.Errorf("receipt %q has not the shape of reference/daraja.md §3.3", receipt)
	}
}

// reference/daraja.md §3.2, §3.4, §3.5: what a push may not be, each with its exact refusal.
func TestPushRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	bad := func(field string) string { return refused("400.002.02", "Bad Request - Invalid "+field) }
	wrong := refused("500.001.1001", "[MerchantValidate] - Wrong credentials")
	for _, tt := range []struct {
		name   string
		change []string
		status int
		want   string
	}{
		{"no shortcode", []string{"BusinessShortCode", ""}, 400, bad("BusinessShortCode")},
		{"short shortcode", []string{"BusinessShortCode", `"1234"`}, 400, bad("BusinessShortCode")},
		{"long shortcode", []string{"BusinessShortCode", `12345678`}, 400, bad("BusinessShortCode")},
		{"no password", []string{"Password", `""`}, 400, bad("Password")},
		{"object password", []string{"Password", `{"a":1}`}, 400, bad("Password")},
		{"short timestamp", []string{"Timestamp", `"2026010203040"`}, 400, bad("Timestamp")},
		{"impossible timestamp", []string{"Timestamp", `"20261302030405"`}, 400, bad("Timestamp")},
		{"type", []string{"TransactionType", `"CustomerPaybillOnline"`}, 400, bad("TransactionType")},
		{"paybill as till", []string{"TransactionType", `"CustomerBuyGoodsOnline"`}, 400, bad("TransactionType")},
		{"zero", []string{"Amount", `0`}, 400, bad("Amount")},
		{"negative", []string{"Amount", `-5`}, 400, bad("Amount")},
		{"fraction", []string{"Amount", `1.5`}, 400, bad("Amount")},
		{"exponent", []string{"Amount", `1e3`}, 400, bad("Amount")},
		{"comma", []string{"Amount", `"1,000"`}, 400, bad("Amount")},
		{"too much", []string{"Amount", `250001`}, 400, bad("Amount")},
		{"boolean amount", []string{"Amount", `true`}, 400, bad("Amount")},
		{"local PartyA", []string{"PartyA", `"0712345678"`}, 400, bad("PartyA")},
		{"landline", []string{"PartyA", `254201234567`}, 400, bad("PartyA")},
		{"no PartyB", []string{"PartyB", `null`}, 400, bad("PartyB")},
		{"plus", []string{"PhoneNumber", `"+254712345678"`}, 400, bad("PhoneNumber")},
		{"no callback", []string{"CallBackURL", ""}, 400, bad("CallBackURL")},
		{"placeholder", []string{"CallBackURL", `"https://<host>/x"`}, 400, bad("CallBackURL")},
		{"space", []string{"CallBackURL", `"https://a.co.ke/x y"`}, 400, bad("CallBackURL")},
		{"scheme", []string{"CallBackURL", `"ftp://a.co.ke/x"`}, 400, bad("CallBackURL")},
		{"no reference", []string{"AccountReference", `null`}, 400, bad("Remarks")},
		{"endless reference", []string{"AccountReference", `"` + strings.Repeat("é", 201) + `"`}, 400, bad("Remarks")},
		{"no description", []string{"TransactionDesc", ""}, 400, bad("Remarks")},
		{"endless description", []string{"TransactionDesc", `"` + strings.Repeat("x", 201) + `"`}, 400, bad("Remarks")},
		{"unknown merchant", []string{"BusinessShortCode", `"999999"`}, 500, refused("500.001.1001", "Merchant does not exist")},
		{"wrong password", []string{"Password", `"` + password("600111") + `"`}, 500, wrong},
		{"other timestamp", []string{"Timestamp", `"20260102030406"`}, 500, wrong},
		{"first bad field wins", []string{"Amount", `0`, "PartyA", `1`, "BusinessShortCode", `"999999"`}, 400, bad("Amount")},
		{"merchant before password", []string{"BusinessShortCode", `"999999"`, "Password", `"x"`}, 500, refused("500.001.1001", "Merchant does not exist")},
	} {
		status, body := d.post(pushPath, pushBody(tt.change...))
		if diff := cmp.Diff(tt.want, plain(body)); diff != "" || status != tt.status {
			t.Errorf("%s: status %d, want %d (-want +got):\n%s", tt.name, status, tt.status, diff)
		}
	}
	var log []struct {
		API     string
		Refused bool
		Reason  string
	}
	decode(t, d.control(http.MethodGet, "requests?api=push", ""), &log)
	for i, x := range log {
		if !x.Refused || x.Reason == "" {
			t.Errorf("refusal %d has no readable reason: %+v", i, x)
		}
	}
}

// reference/daraja.md §3.2: the body is JSON with a JSON content type, or it is another refusal.
func TestPushContentType(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, tt := range []struct{ kind, body, want string }{
		{"application/x-www-form-urlencoded", "Amount=1", refused("400.002.02", "Bad Request - Invalid BusinessShortCode")},
		{"", pushBody(), refused("400.002.02", "Bad Request - Invalid BusinessShortCode")},
		{"application/json", "Amount=1", refused("400.002.05", "Invalid Request Payload")},
		{"application/json", "[]", refused("400.002.05", "Invalid Request Payload")},
		{"application/json", "", refused("400.002.05", "Invalid Request Payload")},
	} {
		req := d.request(http.MethodPost, pushPath, tt.body)
		req.Header.Set("Authorization", "Bearer "+d.token)
		if tt.kind != "" {
			req.Header.Set("Content-Type", tt.kind)
		}
		status, body := d.do(req)
		if diff := cmp.Diff(tt.want, plain(body)); diff != "" || status != 400 {
			t.Errorf("%s %s: status %d (-want +got):\n%s", tt.kind, tt.body, status, diff)
		}
	}
}

// reference/daraja.md §3.4, §3.5: one prompt on a phone at a time, in the three ways that are known.
func TestSubscriberLock(t *testing.T) {
	t.Parallel()
	locked := refused("500.001.1001", "Unable to lock subscriber, a transaction is already in process for the current subscriber")
	d := newDesk(t)
	d.push()
	if status, body := d.post(pushPath, pushBody()); status != 500 || plain(body) != locked {
		t.Errorf("second push: %d %s", status, body)
	}
	d.push(phone("254712345679")...)
	d.advance(time.Second)
	d.push("Amount", "200")

	d = newDesk(t, "subscriber-lock=callback")
	first, second := d.push(), d.push()
	d.advance(time.Second)
	if diff := cmp.Diff(map[string]string{first.CheckoutRequestID: "0", second.CheckoutRequestID: "1001"}, d.results()); diff != "" {
		t.Errorf("lock in the callback (-want +got):\n%s", diff)
	}

	d = newDesk(t, "subscriber-lock=off")
	first, second = d.push("Amount", "1"), d.push("Amount", "2")
	if first.CheckoutRequestID == second.CheckoutRequestID {
		t.Error("two pushes share a CheckoutRequestID")
	}
	d.advance(time.Second)
	if diff := cmp.Diff(map[string]string{first.CheckoutRequestID: "0", second.CheckoutRequestID: "0"}, d.results()); diff != "" {
		t.Errorf("no lock (-want +got):\n%s", diff)
	}
}

// reference/daraja.md §4.2: the same amount from the same customer within two minutes is 17.
func TestTwoMinuteRule(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	after := func(wait time.Duration, changes ...string) string {
		d.advance(wait)
		push := d.push(changes...)
		d.advance(time.Second)
		return d.results()[push.CheckoutRequestID]
	}
	got := []string{
		after(0), after(0), after(0, "Amount", "101"), after(0, phone("254712345679")...), after(2*time.Minute - 6*time.Second), after(3 * time.Second),
	}
	if diff := cmp.Diff([]string{"0", "17", "0", "0", "17", "0"}, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// reference/daraja.md §4.2: every code, by phone ending, by amount, and by header, in callback and query.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, o := range emulator.Outcomes() {
		ways := map[string][]string{"header": nil}
		if o.PhoneEnding != "" {
			ways["phone"] = phone("2547123400" + o.PhoneEnding)
		}
		if o.Amount != 0 {
			ways["amount"] = []string{"Amount", strconv.FormatInt(o.Amount, 10)}
		}
		for way, changes := range ways {
			d := newDesk(t)
			req := d.request(http.MethodPost, pushPath, pushBody(changes...))
			req.Header.Set("Authorization", "Bearer "+d.token)
			req.Header.Set("Content-Type", "application/json")
			if way == "header" {
				req.Header.Set("X-Emulator-Outcome", o.Name)
			}
			status, body := d.do(req)
			early := len(d.app.got) == 1
			d.advance(time.Second)
			var push accepted
			decode(t, body, &push)
			got := []any{status, early, d.results()[push.CheckoutRequestID], d.queryCode(push.CheckoutRequestID)}
			callback := o.Code
			if o.Name == "callback-lost" {
				callback = ""
			}
			if diff := cmp.Diff([]any{200, o.Name == "before-answer", callback, o.Code}, got); diff != "" {
				t.Errorf("%s by %s (-want +got):\n%s", o.Name, way, diff)
			}
		}
	}
}

// Precedence of outcomes: header, then phone, then amount; ordinary phones and amounts pay.
func TestOutcomePrecedence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		phone, amount, header, want string
	}{
		{"254712340001", "90001", "", "1032"},
		{"254712340001", "90001", "wrong-pin", "2001"},
		{"254708374149", "10", "", "1037"},
		{"254708374149", "10", "paid", "0"},
		{"254712345678", "1000", "", "0"},
		{"254110000222", "1", "", "0"},
	} {
		d := newDesk(t)
		req := d.request(http.MethodPost, pushPath, pushBody(append(phone(tt.phone), "Amount", tt.amount)...))
		req.Header.Set("Authorization", "Bearer "+d.token)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Emulator-Outcome", tt.header)
		_, body := d.do(req)
		d.advance(time.Second)
		var push accepted
		decode(t, body, &push)
		if got := d.results()[push.CheckoutRequestID]; got != tt.want {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
	d := newDesk(t)
	req := d.request(http.MethodPost, pushPath, pushBody())
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Emulator-Outcome", "richer")
	if status, body := d.do(req); status != 400 || !strings.Contains(body, "X-Emulator-Outcome") {
		t.Errorf("unknown outcome: %d %s", status, body)
	}
}

// reference/daraja.md §3.1: store and till, right and wrong.
func TestTill(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ kind, shortcode, partyB, want string }{
		{"CustomerBuyGoodsOnline", "600111", "600222", "0"},
		{"CustomerBuyGoodsOnline", "600222", "600111", "2028"},
		{"CustomerBuyGoodsOnline", "600111", "600111", "SFC_IC0003"},
		{"CustomerPayBillOnline", "600111", "600111", "2028"},
		{"CustomerPayBillOnline", "174379", "600222", "SFC_IC0003"},
	} {
		d := newDesk(t)
		push := d.push("TransactionType", `"`+tt.kind+`"`, "BusinessShortCode", tt.shortcode, "Password", `"`+password(tt.shortcode)+`"`,
			"PartyB", tt.partyB)
		d.advance(time.Second)
		if got := d.results()[push.CheckoutRequestID]; got != tt.want {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
}

// The customer's wallet and daily limit stand behind every payment (reference/daraja.md §3.1).
func TestWallet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var got []string
	for _, amount := range []string{"250000", "1"} {
		push := d.push("Amount", amount)
		d.advance(time.Second)
		got = append(got, d.results()[push.CheckoutRequestID])
	}
	if diff := cmp.Diff([]string{"0", "1"}, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// Switches that change what a push may be (reference/daraja.md §3.2, §3.6).
func TestPushSwitches(t *testing.T) {
	t.Parallel()
	badURL := refused("400.002.02", "Bad Request - Invalid CallBackURL")
	for _, url := range []string{
		"http://pay.example.co.ke/x", "https://localhost/x", "https://127.0.0.1/x", "https://10.0.0.1/x", "https://box/x",
		"https://Pay.example.co.ke/x", "https://pay.example.co.ke/mpesa", "https://pay.example.co.ke/x?q=Query",
	} {
		d := newDesk(t, "strict-callback-url")
		if _, body := d.post(pushPath, pushBody("CallBackURL", `"`+url+`"`)); plain(body) != badURL {
			t.Errorf("strict %s: %s", url, body)
		}
		newDesk(t).push("CallBackURL", `"`+url+`"`)
	}
	newDesk(t, "strict-callback-url").push("CallBackURL", `"https://pay.example.co.ke/hooks/k7f2c1/stk"`)

	for _, tt := range []struct {
		behaviour string
		changes   []string
		want      string
	}{
		{"long-reference-fails", []string{"AccountReference", `"123456789012345"`}, "1025"},
		{"long-reference-fails", []string{"AccountReference", `"éééééééééééé"`}, "0"},
		{"numbers-only", []string{"PartyA", `"254712345678"`}, "1037"},
		{"numbers-only", nil, "0"},
		{"any-credentials", []string{"BusinessShortCode", `"999999"`, "PartyB", "999999", "Password", `"` + password("999999") + `"`}, "0"},
	} {
		d := newDesk(t, tt.behaviour)
		push := d.push(tt.changes...)
		d.advance(time.Second)
		if got := d.results()[push.CheckoutRequestID]; got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.behaviour, got, tt.want)
		}
	}
}

// Prompts that wait: they expire, in the way that is asked for (reference/daraja.md §4.2, §4.3).
func TestPromptExpiry(t *testing.T) {
	t.Parallel()
	for behaviour, want := range map[string]string{"manual": "1037", "prompt-expiry=1032": "1032", "prompt-expiry=1019": "1019"} {
		d := newDesk(t, "manual", "prompt-lifetime=2m", behaviour)
		push := d.push()
		d.advance(2*time.Minute - time.Millisecond)
		if got := d.results(); len(got) != 0 {
			t.Errorf("%s: too early: %v", behaviour, got)
		}
		d.advance(time.Millisecond)
		if got := d.results()[push.CheckoutRequestID]; got != want {
			t.Errorf("%s: got %s, want %s", behaviour, got, want)
		}
	}
}

// reference/daraja.md §3.1, §14: the documented lengths are not enforced. What is longer is accepted and noted in the log,
// characters are counted and not bytes, and a prompt that no handset can show fails.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, reference, description string
		reason, result               string
	}{
		{"documented", strings.Repeat("x", 12), strings.Repeat("x", 13), "", "0"},
		{"characters", strings.Repeat("é", 12), strings.Repeat("é", 13), "", "0"},
		{"UMOJA", strings.Repeat("x", 15), "x", "AccountReference has 15 characters, 12 are documented", "0"},
		{"another", strings.Repeat("x", 27), "x", "AccountReference has 27 characters, 12 are documented", "0"},
		{"Safaricom's own library", "x", strings.Repeat("x", 21), "TransactionDesc has 21 characters, 13 are documented", "0"},
		{
			"the longest", strings.Repeat("é", 200), strings.Repeat("é", 200),
			"AccountReference has 200 characters, 12 are documented; TransactionDesc has 200 characters, 13 are documented", "1025",
		},
	} {
		d := newDesk(t)
		push := d.push("AccountReference", `"`+tt.reference+`"`, "TransactionDesc", `"`+tt.description+`"`)
		var log []struct {
			Reason  *string
			Refused bool
		}
		decode(t, d.control(http.MethodGet, "requests?api=push", ""), &log)
		if len(log) != 1 || log[0].Refused || (log[0].Reason == nil) != (tt.reason == "") || log[0].Reason != nil && *log[0].Reason != tt.reason {
			t.Errorf("%s: the log has %+v", tt.name, log)
		}
		d.advance(time.Second)
		if got := d.results()[push.CheckoutRequestID]; got != tt.result {
			t.Errorf("%s: result %s, want %s", tt.name, got, tt.result)
		}
	}
	strict := newDesk(t, "strict-lengths")
	strict.push("AccountReference", `"éééééééééééé"`, "TransactionDesc", `"ééééééééééééé"`)
	for _, change := range [][]string{{"AccountReference", `"1234567890123"`}, {"TransactionDesc", `"12345678901234"`}} {
		if status, body := strict.post(pushPath, pushBody(append(phone("254722000111"), change...)...)); status != 400 ||
			plain(body) != refused("400.002.02", "Bad Request - Invalid Remarks") {
			t.Errorf("strict %v: %d %s", change, status, body)
		}
	}
}

// reference/daraja.md §14: the query is asked on a second path too, and the scheme of a token has no case.
func TestFieldHabits(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	push := d.push()
	d.advance(time.Second)
	for _, path := range []string{queryPath, "/mpesa/stkpushquery/v2/query"} {
		if status, body := d.post(path, queryBody(push.CheckoutRequestID)); status != 200 || !strings.Contains(body, `"ResultCode":"0"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, scheme := range []string{"bearer", "BEARER", "Bearer"} {
		req := d.request(http.MethodPost, queryPath, queryBody(push.CheckoutRequestID))
		req.Header.Set("Authorization", scheme+" "+d.token)
		req.Header.Set("Content-Type", "application/json")
		if status, body := d.do(req); status != 200 {
			t.Errorf("%s: %d %s", scheme, status, body)
		}
	}
	d.push(append(phone("254722000031"), "Amount", "5")...)
	d.advance(time.Second)
	if got := d.app.take(); !strings.Contains(got[len(got)-1].Body, `"ResultCode":2026,"ResultDesc":"The channel session ID has expired."`) {
		t.Errorf("2026: %s", got[len(got)-1].Body)
	}
}
