package emulator_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	registerPath = "/mpesa/c2b/v2/registerurl"
	simulatePath = "/mpesa/c2b/v2/simulate"
)

func registerBody(changes ...string) string {
	return object([][2]string{
		{"ShortCode", `"174379"`},
		{"ResponseType", `"Completed"`},
		{"ConfirmationURL", `"http://app.test/confirm"`},
		{"ValidationURL", `"http://app.test/validate"`},
	}, changes)
}

func simulateBody(changes ...string) string {
	return object([][2]string{
		{"ShortCode", `174379`},
		{"CommandID", `"CustomerPayBillOnline"`},
		{"Amount", `10`},
		{"Msisdn", `254711000222`},
		{"BillRefNumber", `"INV-1"`},
	}, changes)
}

// reference/daraja.md §10.1: the key of the answer really lacks an n.
func c2bAnswer(description string) string {
	return `{"OriginatorCoversationID":"ID","ResponseCode":"0","ResponseDescription":"` + description + `"}`
}

func plainC2B(body string) string {
	return regexp.MustCompile(`"OriginatorCoversationID":"[0-9a-f-]{27}[0-9]{6,7}"`).ReplaceAllString(plain(body), `"OriginatorCoversationID":"ID"`)
}

// reference/daraja.md §10.1: registering and simulating, and what neither may be.
func TestC2BRequests(t *testing.T) {
	t.Parallel()
	bad := func(field string) string { return refused("400.002.02", "Bad Request - Invalid "+field) }
	d := newDesk(t, "c2b-register-once")
	for _, tt := range []struct {
		path, body string
		status     int
		want       string
	}{
		{registerPath, registerBody("ShortCode", `"x"`), 400, bad("ShortCode")},
		{registerPath, registerBody("ResponseType", `"Canceled"`), 400, bad("ResponseType")},
		{registerPath, registerBody("ConfirmationURL", `"x"`), 400, bad("ConfirmationURL")},
		{registerPath, registerBody("ValidationURL", `"x"`), 400, bad("ValidationURL")},
		{registerPath, registerBody(), 200, c2bAnswer("Success")},
		{registerPath, registerBody(), 500, refused("500.003.1001", "Urls are already registered.")},
		{simulatePath, simulateBody(), 200, c2bAnswer("Accept the service request successfully.")},
		{simulatePath, simulateBody("CommandID", `"CustomerBuyGoodsOnline"`, "BillRefNumber", "null"), 200, c2bAnswer("Accept the service request successfully.")},
		{simulatePath, simulateBody("BillRefNumber", "null"), 400, bad("BillRefNumber")},
		{simulatePath, simulateBody("Amount", "0"), 400, bad("Amount")},
		{simulatePath, simulateBody("Msisdn", "711000222"), 400, bad("Msisdn")},
		{simulatePath, simulateBody("CommandID", `"Pay"`), 400, bad("CommandID")},
		{simulatePath, simulateBody("ShortCode", `1`), 400, bad("ShortCode")},
	} {
		status, body := d.post(tt.path, tt.body)
		if diff := cmp.Diff(tt.want, plainC2B(body)); diff != "" || status != tt.status {
			t.Errorf("%s %s: status %d, want %d (-want +got):\n%s", tt.path, tt.body, status, tt.status, diff)
		}
	}
}

// c2bBody is the body of validation and confirmation (reference/daraja.md §10.1).
func c2bBody(receipt, balance, third, msisdn string) string {
	return `{"TransactionType":"Pay Bill","TransID":"` + receipt + `","TransTime":"20260102030405","TransAmount":"10.00",` +
		`"BusinessShortCode":"174379","BillRefNumber":"INV-1","InvoiceNumber":"","OrgAccountBalance":"` + balance + `",` +
		`"ThirdPartyTransID":"` + third + `","MSISDN":"` + msisdn + `","FirstName":"FIRST","MiddleName":"","LastName":"LAST"}`
}

// reference/daraja.md §10.1: validation decides, no answer leaves it to ResponseType, confirmation follows.
func TestC2BPayment(t *testing.T) {
	t.Parallel()
	const masked = "2547 ***** 222"
	hashed := fmt.Sprintf("%x", sha256.Sum256([]byte("254711000222")))
	for _, tt := range []struct {
		name, version, response, answer string
		status                          int
		behaviours                      []string
		validated                       bool
		confirmed                       bool
		third, msisdn                   string
	}{
		{"accepted", "v2", "Cancelled", `{"ResultCode":"0","ResultDesc":"Accepted"}`, 200, nil, true, true, "", masked},
		{"accepted with id", "v2", "Cancelled", `{"ResultCode":0,"ThirdPartyTransID":"T-9"}`, 200, nil, true, true, "T-9", masked},
		{"rejected", "v2", "Completed", `{"ResultCode":"C2B00012","ResultDesc":"Rejected"}`, 200, nil, true, false, "", masked},
		{"no answer, completed", "v2", "Completed", `oops`, 500, nil, true, true, "", masked},
		{"no answer, cancelled", "v2", "Cancelled", `oops`, 500, nil, true, false, "", masked},
		{"lost, completed", "v2", "Completed", ``, 200, []string{"callback-lost=always@validation"}, false, true, "", masked},
		{"no validation", "v2", "Cancelled", ``, 200, []string{"c2b-validation=off"}, false, true, "", masked},
		{"version 1", "v1", "Completed", `{"ResultCode":0}`, 200, nil, true, true, "", hashed},
	} {
		d := newDesk(t, tt.behaviours...)
		d.app.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
			if r.URL.Path == "/validate" {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.answer)
			}
		}
		d.post("/mpesa/c2b/"+tt.version+"/registerurl", registerBody("ResponseType", `"`+tt.response+`"`))
		d.post("/mpesa/c2b/"+tt.version+"/simulate", simulateBody())
		d.advance(time.Minute)
		var want []notice
		const kind = "application/json;charset=UTF-8"
		if tt.validated {
			want = append(want, notice{Path: "/validate", ContentType: kind, Body: c2bBody("RECEIPT", "", "", tt.msisdn)})
		}
		if tt.confirmed {
			want = append(want, notice{Path: "/confirm", ContentType: kind, Body: c2bBody("RECEIPT", "1000010.00", tt.third, tt.msisdn)})
		}
		got := d.app.take()
		for i := range got {
			body := regexp.MustCompile(`"UA2[0-9A-Z]{7}"`).ReplaceAllString(got[i].Body, `"RECEIPT"`)
			body = regexp.MustCompile(`"TransTime":"2026010203\d{4}"`).ReplaceAllString(body, `"TransTime":"20260102030405"`)
			body = regexp.MustCompile(`"FirstName":"[A-Z]+"`).ReplaceAllString(body, `"FirstName":"FIRST"`)
			got[i].Body = regexp.MustCompile(`"LastName":"[A-Z]+"`).ReplaceAllString(body, `"LastName":"LAST"`)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// reference/daraja.md §10.1: a paid push may also be confirmed the C2B way, with the same receipt.
func TestC2BOnPush(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "c2b-on-push")
	d.post(registerPath, registerBody())
	d.push()
	d.advance(time.Second)
	got := d.app.take()
	if len(got) != 2 {
		t.Fatalf("%d notices", len(got))
	}
	receipt := regexp.MustCompile(`UA2[0-9A-Z]{7}`)
	if got[0].Path != "/stk" || got[1].Path != "/confirm" || receipt.FindString(got[0].Body) != receipt.FindString(got[1].Body) {
		t.Errorf("notices %+v", got)
	}
}

// reference/daraja.md §10.3: pulling finds the payment whose callback was lost, for 48 hours.
func TestPull(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "callback-lost")
	register := `{"ShortCode":"174379","RequestType":"Pull","NominatedNumber":"254722000000","CallBackURL":"http://app.test/pull"}`
	query := func(changes ...string) string {
		return object([][2]string{
			{"ShortCode", `"174379"`}, {"StartDate", `"2026-01-01 00:00:00"`}, {"EndDate", `"2026-01-05 00:00:00"`}, {"OffSetValue", `"0"`},
		}, changes)
	}
	const path, registration = "/pulltransactions/v1/query", "/pulltransactions/v1/register"
	fields := regexp.MustCompile(`"ResponseRefID":"[0-9a-f-]+",`)
	unregistered := `{"ResponseStatus":"1001","ResponseMessage":"The shortcode is not registered for pull transactions","Response":[[]]}`
	if _, body := d.post(path, query()); fields.ReplaceAllString(body, "") != unregistered {
		t.Errorf("not registered: %s", body)
	}
	var got []string
	for range 2 {
		_, body := d.post(registration, register)
		got = append(got, fields.ReplaceAllString(body, ""))
	}
	want := []string{
		`{"ResponseStatus":"1000","ResponseMessage":"Success"}`,
		`{"ResponseStatus":"1001","ResponseMessage":"ShortCode already registered"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("registration (-want +got):\n%s", diff)
	}
	d.push()
	d.push(phone("254712340001")...)
	d.advance(time.Second)
	ask := func(changes ...string) string {
		_, body := d.post(path, query(changes...))
		return regexp.MustCompile(`UA2[0-9A-Z]{7}`).ReplaceAllString(fields.ReplaceAllString(body, ""), "RECEIPT")
	}
	row := `{"ResponseStatus":"1000","ResponseMessage":"Success","Response":[[{"transactionId":"RECEIPT","trxDate":"2026-01-02T03:04:05+03:00",` +
		`"msisdn":254712345678,"sender":"MPESA","transactiontype":"c2b-pay-bill-debit","billreference":"INV-1","amount":"100.00",` +
		`"organizationname":"PAYCTL SHOP"}]]}`
	none := `{"ResponseStatus":"1001","ResponseMessage":"No transactions found","Response":[[]]}`
	got = []string{ask(), ask("OffSetValue", "1"), ask("EndDate", `"2026-01-01 10:00:00"`)}
	if diff := cmp.Diff([]string{row, none, none}, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	for field, value := range map[string]string{"StartDate": `"yesterday"`, "EndDate": `"2025-01-01 00:00:00"`, "OffSetValue": `-1`} {
		if got := plain(ask(field, value)); got != refused("400.002.02", "Bad Request - Invalid "+field) {
			t.Errorf("%s: %s", field, got)
		}
	}
	d.advance(48 * time.Hour)
	d.token = d.mint()
	if got := ask(); got != none {
		t.Errorf("after 48 hours: %s", got)
	}
	if !strings.Contains(d.control(http.MethodGet, "requests?direction=out", ""), "not sent: callback-lost") {
		t.Error("the lost callback is not in the log")
	}
}

// reference/daraja.md §10.1: bodies with 11 keys as in production, the number in its other forms, and old replies.
func TestC2BShapes(t *testing.T) {
	t.Parallel()
	for behaviour, want := range map[string]string{
		"c2b-production-shape": `"MSISDN":"2547 [*]{5} 222","FirstName":"[A-Z]+"}$`,
		"c2b-msisdn=full":      `"MSISDN":"254711000222","FirstName":"[A-Z]+","MiddleName":"","LastName":"[A-Z]+"}$`,
		"c2b-msisdn=hashed":    `"MSISDN":"[0-9a-f]{64}","FirstName"`,
	} {
		d := newDesk(t, behaviour)
		d.post(registerPath, registerBody())
		d.post(simulatePath, simulateBody())
		d.advance(time.Minute)
		got := d.app.take()
		if len(got) != 2 {
			t.Fatalf("%s: %v", behaviour, got)
		}
		for _, body := range got {
			if !regexp.MustCompile(want).MatchString(body.Body) {
				t.Errorf("%s: %s", behaviour, body.Body)
			}
		}
		var members map[string]any
		decode(t, got[1].Body, &members)
		if n := len(members); n != 13 && behaviour != "c2b-production-shape" || n != 11 && behaviour == "c2b-production-shape" {
			t.Errorf("%s: %d members", behaviour, n)
		}
	}
	for behaviour, want := range map[string]string{"c2b-register-code=00000000": `"ResponseCode":"00000000",`, "c2b-register-code=missing": `","ResponseDescription":"Success"`} {
		if _, body := newDesk(t, behaviour).post(registerPath, registerBody()); !strings.Contains(body, want) || strings.Contains(body, "missing") {
			t.Errorf("%s: %s", behaviour, body)
		}
	}
}
