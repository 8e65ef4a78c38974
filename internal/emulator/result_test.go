package emulator_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/emulator"
)

// credential encrypts as reference/daraja.md §7 says, with the certificate that the emulator hands out.
func (d *desk) credential(password string) string {
	d.t.Helper()
	block, _ := pem.Decode([]byte(d.control(http.MethodGet, "certificate", "")))
	if block == nil {
		d.t.Fatal("the certificate is not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		d.t.Fatal(err)
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() != 2048 || key.E != 65537 {
		d.t.Fatalf("key is %T", cert.PublicKey)
	}
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, key, []byte(password)) //nolint:staticcheck // what the protocol wants
	if err != nil {
		d.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sealed)
}

const (
	statusPath   = "/mpesa/transactionstatus/v1/query"
	balancePath  = "/mpesa/accountbalance/v1/query"
	reversalPath = "/mpesa/reversal/v1/request"
)

// asks is a good request of one API of the Result family, changed by pairs of key and raw JSON.
func (d *desk) asks(path string, changes ...string) string {
	d.t.Helper()
	members := [][2]string{
		{"Initiator", `"testapi"`},
		{"InitiatorName", ""},
		{"SecurityCredential", `"` + d.credential(emulator.Credentials().InitiatorPassword) + `"`},
		{"ResultURL", `"http://app.test/result"`},
		{"QueueTimeOutURL", `"http://app.test/timeout"`},
		{"Remarks", `"reconcile"`},
		{"PartyA", `"174379"`},
	}
	switch {
	case path == statusPath:
		members = append(members, [][2]string{
			{"CommandID", `"TransactionStatusQuery"`},
			{"TransactionID", ""},
			{"OriginalConversationID", ""},
			{"OriginatorConversationID", ""},
			{"IdentifierType", `"4"`},
			{"Occasion", ""},
		}...)
	case path == balancePath:
		members = append(members, [][2]string{{"CommandID", `"AccountBalance"`}, {"IdentifierType", `"4"`}}...)
	case path == reversalPath:
		members = append(members, [][2]string{
			{"CommandID", `"TransactionReversal"`},
			{"TransactionID", ""},
			{"Amount", "100"},
			{"ReceiverParty", `"174379"`},
			{"RecieverIdentifierType", `"11"`},
			{"Occasion", ""},
		}...)
	case strings.Contains(path, "b2b"):
		members = append(members, [][2]string{
			{"CommandID", `"BusinessPayBill"`},
			{"SenderIdentifierType", `"4"`},
			{"RecieverIdentifierType", `"4"`},
			{"Amount", "500"},
			{"PartyB", `"600000"`},
			{"AccountReference", `"353353"`},
		}...)
	default:
		members[0][1], members[1][1] = "", `"testapi"`
		members = append(members, [][2]string{
			{"CommandID", `"BusinessPayment"`},
			{"Amount", "1500"},
			{"PartyB", `254722000111`},
			{"OriginatorConversationID", `"own-1"`},
			{"Occassion", `"salary"`}, //nolint:misspell // the wire's spelling
		}...)
	}
	return object(members, changes)
}

// acceptance is the synchronous answer of the family.
type acceptance struct{ OriginatorConversationID, ConversationID, ResponseCode, ResponseDescription string }

// ask sends a good request, waits, and returns the acceptance and the one notice that followed.
func (d *desk) ask(path string, changes ...string) (acceptance, notice) {
	d.t.Helper()
	status, body := d.post(path, d.asks(path, changes...))
	var got acceptance
	decode(d.t, body, &got)
	if status != http.StatusOK || got.ResponseCode != "0" || got.ResponseDescription != "Accept the service request successfully." {
		d.t.Fatalf("%s: %d %s", path, status, body)
	}
	if !regexp.MustCompile(`^AG_20260102_2010[0-9a-f]{16}$`).MatchString(got.ConversationID) {
		d.t.Errorf("ConversationID %q has not the shape of reference/daraja.md §3.3", got.ConversationID)
	}
	d.app.take()
	d.advance(time.Second)
	notices := d.app.take()
	if len(notices) != 1 {
		d.t.Fatalf("%s: %d notices", path, len(notices))
	}
	return got, notices[0]
}

// paid makes a paid push and returns it with its receipt.
func (d *desk) paid(changes ...string) (accepted, string) {
	d.t.Helper()
	push := d.push(changes...)
	d.advance(time.Second)
	for _, got := range d.app.take() {
		if match := regexp.MustCompile(`"MpesaReceiptNumber","Value":"(\w+)"`).FindStringSubmatch(got.Body); match != nil {
			return push, match[1]
		}
	}
	d.t.Fatal("no receipt")
	return push, ""
}

// reference/daraja.md §6.3: the result of a status query, to the byte, and in each of its quirks.
func TestTransactionStatus(t *testing.T) {
	t.Parallel()
	const head = `{"Result":{"ResultType":0,"ResultCode":0,"ResultDesc":"The service request is processed successfully.",` +
		`"OriginatorConversationID":"ORIGINATOR","ConversationID":"CONVERSATION","TransactionID":"UA20000000","ResultParameters":{"ResultParameter":`
	const tail = `},"ReferenceData":{"ReferenceItem":{"Key":"Occasion","Value":"case 88"}}}}`
	good := `[{"Key":"DebitPartyName","Value":"254712345678 - NAME"},{"Key":"CreditPartyName","Value":"174379 - PAYCTL SHOP"},` +
		`{"Key":"OriginatorConversationID","Value":"MERCHANT"},{"Key":"InitiatedTime","Value":"20260102030405"},` +
		`{"Key":"DebitAccountType","Value":"MMF Account For Customer"},{"Key":"DebitPartyCharges","Value":""},{"Key":"TransactionReason"},` +
		`{"Key":"ReasonType","Value":"Pay Bill Online"},{"Key":"TransactionStatus","Value":"Completed"},` +
		`{"Key":"FinalisedTime","Value":"20260102030405"},{"Key":"Amount","Value":"100"},{"Key":"ConversationID","Value":"PAIDBY"},` +
		`{"Key":"ReceiptNo","Value":"RECEIPT"}]`
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(good) }
	for behaviour, want := range map[string]string{
		"":                      head + good + tail,
		"status-value=Expired":  head + change("Completed", "Expired") + tail,
		"result-collapse":       head + `{"Key":"TransactionStatus","Value":"Completed"}` + tail,
		"result-missing-values": head + change(`"DebitPartyCharges","Value":""`, `"DebitPartyCharges"`) + tail,
		"result-number-values":  head + change(`"20260102030405"`, `20260102030405`, `"100"`, `100`) + tail,
		"result-spaced-keys": head + change(`"OriginatorConversationID"`, `"Originator Conversation ID"`, `"ConversationID"`, `"Conversation ID"`,
			`FinalisedTime`, `FinalizedTime`) + tail,
		"result-repeated-key":  head + change("CreditPartyName", "DebitPartyName") + tail,
		"result-string-codes":  strings.NewReplacer(`"ResultType":0,"ResultCode":0`, `"ResultType":"0","ResultCode":"0"`).Replace(head) + good + tail,
		"result-echo-original": strings.Replace(head, "ORIGINATOR", "MERCHANT", 1) + good + tail,
	} {
		d := newDesk(t)
		if behaviour != "" {
			d = newDesk(t, behaviour)
		}
		push, receipt := d.paid()
		got, result := d.ask(statusPath, "TransactionID", `"`+receipt+`"`, "Occasion", `"case 88"`)
		body := strings.NewReplacer(got.OriginatorConversationID, "ORIGINATOR", got.ConversationID, "CONVERSATION",
			push.MerchantRequestID, "MERCHANT", receipt, "RECEIPT").Replace(result.Body)
		body = regexp.MustCompile(`AG_20260102_2010[0-9a-f]{16}`).ReplaceAllString(body, "PAIDBY")
		body = regexp.MustCompile(`254712345678 - [A-Z]+ [A-Z]+`).ReplaceAllString(body, "254712345678 - NAME")
		if diff := cmp.Diff(want, body); diff != "" || result.Path != "/result" || result.ContentType != "application/json;charset=UTF-8" {
			t.Errorf("%s: %s (-want +got):\n%s", behaviour, result.Path, diff)
		}
	}
}

// failure is a Result without parameters (reference/daraja.md §6.3.4).
func failure(code, desc string) string {
	return `{"Result":{"ResultType":0,"ResultCode":` + code + `,"ResultDesc":"` + desc + `","OriginatorConversationID":"ORIGINATOR",` +
		`"ConversationID":"CONVERSATION","TransactionID":"UA20000000","ReferenceData":{"ReferenceItem":{"Key":"Occasion"}}}}`
}

// reference/daraja.md §6, §7: initiator and credential are only refused in the result; both keys find the payment.
func TestTransactionStatusFailures(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	push, receipt := d.paid()
	secret := emulator.Credentials().InitiatorPassword
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := rsa.EncryptPKCS1v15(rand.Reader, &other.PublicKey, []byte(secret)) //nolint:staticcheck // what the protocol wants
	if err != nil {
		t.Fatal(err)
	}
	initiator := failure("2001", "The initiator information is invalid.")
	unknown := failure("2032", "The transaction receipt number does not exist.")
	for _, tt := range []struct {
		name   string
		change []string
		want   string
	}{
		{"wrong password", []string{"SecurityCredential", `"` + d.credential("other") + `"`}, initiator},
		{"password and timestamp", []string{"SecurityCredential", `"` + d.credential(secret+stamp) + `"`}, initiator},
		{"base64 of the password", []string{"SecurityCredential", `"` + d.credential(base64.StdEncoding.EncodeToString([]byte(secret))) + `"`}, initiator},
		{"another certificate", []string{"SecurityCredential", `"` + base64.StdEncoding.EncodeToString(foreign) + `"`}, initiator},
		{"plain password", []string{"SecurityCredential", `"` + secret + `"`}, initiator},
		{"wrong user", []string{"Initiator", `"apiuser"`}, initiator},
		{"unknown receipt", []string{"TransactionID", `"UA2AAAAAAA"`}, unknown},
		{"another's payment", []string{"PartyA", `"600111"`}, unknown},
	} {
		got, result := d.ask(statusPath, append([]string{"TransactionID", `"` + receipt + `"`}, tt.change...)...)
		body := strings.NewReplacer(got.OriginatorConversationID, "ORIGINATOR", got.ConversationID, "CONVERSATION").Replace(result.Body)
		if diff := cmp.Diff(tt.want, body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	for _, key := range []string{"OriginalConversationID", "OriginatorConversationID"} {
		_, result := d.ask(statusPath, "TransactionID", "", key, `"`+push.MerchantRequestID+`"`)
		if !strings.Contains(result.Body, `"ReceiptNo","Value":"`+receipt+`"`) {
			t.Errorf("by %s: %s", key, result.Body)
		}
	}
}

// reference/daraja.md §6.5: the post to the time-out address, which is the only one then.
func TestQueueTimeout(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "result-timeout")
	got, result := d.ask(statusPath, "TransactionID", `"UA2AAAAAAA"`)
	want := notice{
		Path: "/timeout", ContentType: "application/json;charset=UTF-8",
		Body: `{"Result":{"ResultType":1,"ResultCode":1,"ResultDesc":"The service request has timed out.","OriginatorConversationID":"` +
			got.OriginatorConversationID + `","ConversationID":"` + got.ConversationID +
			`","TransactionID":"UA20000000","ReferenceData":{"ReferenceItem":{"Key":"Occasion"}}}}`,
	}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Errorf("time-out (-want +got):\n%s", diff)
	}
}

// reference/daraja.md §6.1, §10.2: what is refused at once.
func TestResultRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	bad := func(field string) string { return refused("400.002.02", "Bad Request - Invalid "+field) }
	for _, tt := range []struct {
		path   string
		change []string
		want   string
	}{
		{statusPath, []string{"Initiator", ""}, bad("Initiator")},
		{statusPath, []string{"TransactionID", `"X"`, "SecurityCredential", `""`}, bad("SecurityCredential")},
		{statusPath, []string{"TransactionID", `"X"`, "CommandID", `"TransactionStatus"`}, bad("CommandID")},
		{statusPath, nil, bad("TransactionID")},
		{statusPath, []string{"TransactionID", `"X"`, "PartyA", `"12"`}, bad("PartyA")},
		{statusPath, []string{"TransactionID", `"X"`, "IdentifierType", `"11"`}, bad("IdentifierType")},
		{statusPath, []string{"TransactionID", `"X"`, "ResultURL", `"x"`}, bad("ResultURL")},
		{statusPath, []string{"TransactionID", `"X"`, "QueueTimeOutURL", ""}, bad("QueueTimeOutURL")},
		{statusPath, []string{"TransactionID", `"X"`, "Remarks", ""}, bad("Remarks")},
		{statusPath, []string{"TransactionID", `"X"`, "Occasion", `"` + strings.Repeat("x", 101) + `"`}, bad("Occasion")},
		{balancePath, []string{"CommandID", `"Balance"`}, bad("CommandID")},
		{reversalPath, []string{"TransactionID", `"X"`, "RecieverIdentifierType", `"4"`}, bad("RecieverIdentifierType")},
		{reversalPath, []string{"TransactionID", `"X"`, "Remarks", `"x"`}, bad("Remarks")},
		{"/mpesa/b2c/v1/paymentrequest", []string{"InitiatorName", ""}, bad("InitiatorName")},
		{"/mpesa/b2c/v1/paymentrequest", []string{"Amount", "0"}, bad("Amount")},
		{"/mpesa/b2c/v3/paymentrequest", []string{"OriginatorConversationID", ""}, bad("OriginatorConversationID")},
		{"/mpesa/b2c/v1/paymentrequest", []string{"PartyB", "254201234567"}, bad("PartyB")},
		{"/mpesa/b2b/v1/paymentrequest", []string{"RecieverIdentifierType", "1"}, bad("RecieverIdentifierType")},
	} {
		status, body := d.post(tt.path, d.asks(tt.path, tt.change...))
		if diff := cmp.Diff(tt.want, plain(body)); diff != "" || status != 400 {
			t.Errorf("%s %v: status %d (-want +got):\n%s", tt.path, tt.change, status, diff)
		}
	}
}

// parametersOf are the parameters of a result by key, as raw JSON.
func parametersOf(t *testing.T, body string) map[string]string {
	t.Helper()
	var result struct {
		Result struct {
			ResultCode       json.RawMessage
			TransactionID    string
			ResultParameters struct {
				ResultParameter []struct {
					Key   string
					Value json.RawMessage
				}
			}
		}
	}
	decode(t, body, &result)
	all := map[string]string{"ResultCode": string(result.Result.ResultCode), "TransactionID": result.Result.TransactionID}
	for _, p := range result.Result.ResultParameters.ResultParameter {
		all[p.Key] = string(p.Value)
	}
	return all
}

// reference/daraja.md §10.2: payouts, transfers, balances and reversals move money in one ledger, and it adds up.
func TestLedgerAddsUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, receipt := d.paid()
	got, result := d.ask("/mpesa/b2c/v3/paymentrequest")
	if got.OriginatorConversationID != "own-1" {
		t.Errorf("the caller's OriginatorConversationID became %s", got.OriginatorConversationID)
	}
	payout := parametersOf(t, result.Body)
	want := map[string]string{
		"ResultCode": "0", "TransactionID": payout["TransactionID"], "TransactionAmount": "1500",
		"TransactionReceipt": `"` + payout["TransactionID"] + `"`, "ReceiverPartyPublicName": payout["ReceiverPartyPublicName"],
		"TransactionCompletedDateTime": `"02.01.2026 03:04:06"`, "B2CUtilityAccountAvailableFunds": "998600.00",
		"B2CWorkingAccountAvailableFunds": "1000000.00", "B2CRecipientIsRegisteredCustomer": `"Y"`,
		"B2CChargesPaidAccountAvailableFunds": "0.00",
	}
	if diff := cmp.Diff(want, payout); diff != "" {
		t.Errorf("payout (-want +got):\n%s", diff)
	}
	if status, body := d.post("/mpesa/b2c/v3/paymentrequest", d.asks("b2c")); status != 500 ||
		plain(body) != refused("500.002.1001", "Duplicate OriginatorConversationID.") {
		t.Errorf("payout again: %d %s", status, body)
	}
	_, result = d.ask("/mpesa/b2b/v1/paymentrequest")
	transfer := parametersOf(t, result.Body)
	if transfer["ResultCode"] != "0" || transfer["DebitAccountBalance"] != "" || transfer["DebitAccountCurrentBalance"] == "" || transfer["Amount"] != `"500.00"` || transfer["Currency"] != `"KES"` {
		t.Errorf("transfer: %s", result.Body)
	}
	_, result = d.ask(reversalPath, "TransactionID", `"`+receipt+`"`)
	if back := parametersOf(t, result.Body); back["ResultCode"] != "0" || back["OriginalTransactionID"] != `"`+receipt+`"` || back["Amount"] != "100.00" {
		t.Errorf("reversal: %s", result.Body)
	}
	_, result = d.ask(reversalPath, "TransactionID", `"`+receipt+`"`)
	if again := parametersOf(t, result.Body); again["ResultCode"] != `"R000001"` {
		t.Errorf("reversal again: %s", result.Body)
	}
	_, result = d.ask(reversalPath, "TransactionID", `"UA2AAAAAAA"`)
	if unknown := parametersOf(t, result.Body); unknown["ResultCode"] != `"R000002"` {
		t.Errorf("reversal of nothing: %s", result.Body)
	}
	_, result = d.ask(balancePath)
	wantBalance := `"Working Account|KES|999500.00|999500.00|0.00|0.00&Float Account|KES|0.00|0.00|0.00|0.00&` +
		`Utility Account|KES|998500.00|998500.00|0.00|0.00&Charges Paid Account|KES|0.00|0.00|0.00|0.00&` +
		`Organization Settlement Account|KES|0.00|0.00|0.00|0.00"`
	if diff := cmp.Diff(wantBalance, parametersOf(t, result.Body)["AccountBalance"]); diff != "" {
		t.Errorf("balance (-want +got):\n%s", diff)
	}
	if !strings.Contains(result.Body, `"ResultType":0,"ResultCode":0`) || !strings.Contains(result.Body, `/mpesa/abresults/v1/submit"`) {
		t.Errorf("the balance is not as captured: %s", result.Body)
	}
	var state struct {
		Daraja struct {
			Customers     []struct{ Phone, Balance string }
			Organisations []struct{ Shortcode, Working, Utility string }
			Transactions  []struct{ Kind, Amount string }
		}
	}
	decode(t, d.control(http.MethodGet, "state?phones=full", ""), &state)
	if diff := cmp.Diff([]struct{ Phone, Balance string }{{"254712345678", "250000.00"}, {"254722000111", "251500.00"}}, state.Daraja.Customers); diff != "" {
		t.Errorf("customers (-want +got):\n%s", diff)
	}
	wantKinds := []struct{ Kind, Amount string }{{"stk", "100.00"}, {"b2c", "1500.00"}, {"b2b", "500.00"}, {"reversal", "100.00"}}
	if diff := cmp.Diff(wantKinds, state.Daraja.Transactions); diff != "" {
		t.Errorf("transactions (-want +got):\n%s", diff)
	}
}

// reference/daraja.md §10.2: the failure of a transfer as it was captured, and as the portal's sample has it (§6.3.2).
func TestTransferFailure(t *testing.T) {
	t.Parallel()
	const queue = `{"Key":"QueueTimeoutURL","Value":"https://internalsandbox.safaricom.co.ke/mpesa/b2bresults/v1/submit"}`
	want := func(got acceptance, code, rest string) string {
		zero := strings.Replace(code, "2001", "0", 1)
		return `{"Result":{"ResultType":` + zero + `,"ResultCode":` + code + `,"ResultDesc":"The initiator information is invalid.",` +
			`"OriginatorConversationID":"` + got.OriginatorConversationID + `","ConversationID":"` + got.ConversationID + `","TransactionID":"UA20000000",` + rest + `}}`
	}
	portal := newDesk(t, "b2b-portal-shape")
	got, result := portal.ask("/mpesa/b2b/v1/paymentrequest", "Initiator", `"nobody"`)
	if diff := cmp.Diff(want(got, `"2001"`, `"ResultParameters":{"ResultParameter":{"Key":"BOCompletedTime","Value":20260102030405}},`+
		`"ReferenceData":{"ReferenceItem":`+queue+`}`), result.Body); diff != "" {
		t.Errorf("portal (-want +got):\n%s", diff)
	}
	_, result = portal.ask("/mpesa/b2b/v1/paymentrequest")
	if paid := parametersOf(t, result.Body); paid["ResultCode"] != `"0"` || paid["DebitAccountBalance"] == "" || paid["DebitAccountCurrentBalance"] != "" {
		t.Errorf("portal: %s", result.Body)
	}
	d := newDesk(t)
	got, result = d.ask("/mpesa/b2b/v1/paymentrequest", "Initiator", `"nobody"`)
	if diff := cmp.Diff(want(got, `2001`, `"ReferenceData":{"ReferenceItem":[`+queue+`,{"Key":"Occas`+`sion"}]}`), result.Body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, amount := range []string{"250000", "250000", "250000", "250000", "1"} {
		_, result := d.ask("/mpesa/b2b/v1/paymentrequest", "Amount", amount)
		if ok := strings.Contains(result.Body, `"ResultCode":0`); ok != (i < 4) {
			t.Errorf("transfer %d: %s", i, result.Body)
		}
	}
	for i, want := range []string{"0", "8"} {
		_, result := d.ask("/mpesa/b2c/v1/paymentrequest", "Amount", "250000", "OriginatorConversationID", "")
		if got := parametersOf(t, result.Body)["ResultCode"]; got != want {
			t.Errorf("payout %d: %s", i, result.Body)
		}
	}
}

// reference/daraja.md §10.2: a payout below 10 shillings is accepted and fails in its result.
func TestSmallPayout(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for amount, want := range map[string]string{"1": "2", "9": "2", "10": "0"} {
		_, result := d.ask("/mpesa/b2c/v1/paymentrequest", "Amount", amount, "OriginatorConversationID", "")
		if got := parametersOf(t, result.Body)["ResultCode"]; got != want {
			t.Errorf("%s shillings: %s", amount, result.Body)
		}
	}
}

// reference/daraja.md §6.5: the request itself comes to the time-out address, credential and all.
func TestQueueTimeoutEcho(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "result-timeout", "timeout-echo")
	_, result := d.ask(statusPath, "TransactionID", `"UA2AAAAAAA"`)
	var echo map[string]any
	decode(t, result.Body, &echo)
	if result.Path != "/timeout" || echo["CommandID"] != "TransactionStatusQuery" || echo["SecurityCredential"] == nil || echo["Result"] != nil {
		t.Errorf("%+v", result)
	}
	if log := d.control(http.MethodGet, "requests?direction=out", ""); !strings.Contains(log, `SecurityCredential\":\"***`) {
		t.Errorf("the log shows the credential: %s", log)
	}
}

// reference/daraja.md §10.3: standing orders, organisations, and what is not played.
func TestOtherAPIs(t *testing.T) {
	t.Parallel()
	const path = "/standingorder/v1/createStandingOrderExternal"
	order := func(changes ...string) string {
		return object([][2]string{
			{"StandingOrderName", `"Rent"`},
			{"StartDate", `"20260201"`},
			{"EndDate", `"20261231"`},
			{"BusinessShortCode", `"174379"`},
			{"TransactionType", `"Standing Order Customer Pay Bill"`},
			{"ReceiverPartyIdentifierType", `"4"`},
			{"Amount", `"100"`},
			{"PartyA", `"254712345678"`},
			{"CallBackURL", `"http://app.test/ratiba"`},
			{"AccountReference", `"RENT-1"`},
			{"TransactionDesc", `"Rent"`},
			{"Frequency", `"4"`},
		}, changes)
	}
	for changed, want := range map[[2]string][]string{
		{}:                           {`"responseCode":"0"`, `"name":"Status","value":"OKAY"`, `"name":"TransactionID","value":"UA2`, `"name":"Msisdn","value":"254712***678"`},
		{"PartyA", `"254712345602"`}: {`"responseCode":"1037"`, `"name":"Status","value":"ERROR"`},
	} {
		d := newDesk(t)
		status, body := d.post(path, order(changed[0], changed[1]))
		var answer struct {
			ResponseHeader struct{ ResponseRefID, ResponseCode string }
		}
		decode(t, body, &answer)
		if status != 200 || answer.ResponseHeader.ResponseCode != "200" {
			t.Fatalf("%d %s", status, body)
		}
		d.advance(time.Second)
		got := d.app.take()
		if len(got) != 1 || !strings.Contains(got[0].Body, `"requestRefID":"`+answer.ResponseHeader.ResponseRefID+`"`) {
			t.Fatalf("called back with %v", got)
		}
		for _, part := range want {
			if !strings.Contains(got[0].Body, part) {
				t.Errorf("%v: %s is not in %s", changed, part, got[0].Body)
			}
		}
	}
	d := newDesk(t)
	for _, field := range []string{"StandingOrderName", "StartDate", "EndDate", "TransactionType", "ReceiverPartyIdentifierType", "PartyA", "CallBackURL", "Frequency"} {
		if status, body := d.post(path, order(field, `"x y"`)); field != "StandingOrderName" && (status != 400 || plain(body) != refused("400.002.02", "Bad Request - Invalid "+field)) {
			t.Errorf("%s: %d %s", field, status, body)
		}
	}
	if _, body := d.post(path, order("EndDate", `"20250101"`)); plain(body) != refused("400.002.02", "Bad Request - Invalid EndDate") {
		t.Errorf("end before start: %s", body)
	}
	for body, want := range map[string]string{
		`{"IdentifierType":"4","Identifier":"174379"}`: `"ResponseCode":"4000","ResponseMessage":"Success","OrganizationShortCode":"174379","OrganizationName":"PAYCTL SHOP"`,
		`{"IdentifierType":"2","Identifier":"600222"}`: `"OrganizationShortCode":"600222"`,
		`{"IdentifierType":"2","Identifier":"174379"}`: `Invalid Identifier`,
		`{"IdentifierType":"1","Identifier":"174379"}`: `Invalid IdentifierType`,
	} {
		if _, got := d.post("/sfcverify/v1/query/info", body); !strings.Contains(got, want) {
			t.Errorf("%s: %s", body, got)
		}
	}
	for path, names := range map[string]string{
		"/v1/ussdpush/get-msisdn": "B2B Express", "/v1/billmanager-invoice/optin": "Bill Manager", "/imsi/v1/checkATI": "IMSI",
	} {
		if status, body := d.post(path, "{}"); status != 404 || !strings.Contains(body, "the emulator does not play "+names) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}
