package emulator_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// reference/daraja.md §4.1: every form of the callback that can be asked for.
func TestCallbackForms(t *testing.T) {
	t.Parallel()
	const (
		amount  = `{"Name":"Amount","Value":100.00}`
		receipt = `{"Name":"MpesaReceiptNumber","Value":"RECEIPT"}`
		balance = `{"Name":"Balance"}`
		date    = `{"Name":"TransactionDate","Value":20260102030405}`
		number  = `{"Name":"PhoneNumber","Value":254712345678}`
		good    = `"ResultCode":0,"ResultDesc":"The service request is processed successfully.",`
	)
	items := func(list ...string) string { return `"CallbackMetadata":{"Item":[` + strings.Join(list, ",") + `]}` }
	for _, tt := range []struct {
		behaviour string
		phone     string
		want      string
	}{
		{"", "254712345678", good + items(amount, receipt, balance, date, number)},
		{"", "254712340001", `"ResultCode":1032,"ResultDesc":"Request cancelled by user"`},
		{"", "254712340002", `"ResultCode":1037,"ResultDesc":"No response from user."`},
		{"", "254712340020", `"ResultCode":"SFC_IC0003","ResultDesc":"The operator does not exist."`},
		{"", "254712340021", `"ResultCode":"E3008","ResultDesc":"Error, the user has a bad debt contract."`},
		{"callback-string-code", "254712340001", `"ResultCode":"1032","ResultDesc":"Request cancelled by user"`},
		{"callback-desc-prefix", "254712340001", `"ResultCode":1032,"ResultDesc":"[STK_CB - ]Request cancelled by user"`},
		{"callback-balance=missing", "254712345678", good + items(amount, receipt, date, number)},
		{"callback-balance=number", "254712345678", good + items(amount, receipt, `{"Name":"Balance","Value":1000100.00}`, date, number)},
		{
			"callback-balance=string", "254712345678", good + items(amount, receipt,
				`{"Name":"Balance","Value":"{Amount={CurrencyCode=KES, MinimumAmount=100010000, BasicAmount=1000100.00}}"}`, date, number),
		},
		{"callback-date-string", "254712345678", good + items(amount, receipt, balance, `{"Name":"TransactionDate","Value":"20260102030405"}`, number)},
		{"callback-phone-string", "254712345678", good + items(amount, receipt, balance, date, `{"Name":"PhoneNumber","Value":"254712345678"}`)},
		{"callback-masked-phone", "254712345678", good + items(amount, receipt, balance, date, `{"Name":"PhoneNumber","Value":"254712***678"}`)},
		{"callback-masked-phone=missing", "254712345678", good + items(amount, receipt, balance, date)},
		{
			"callback-masked-phone=hashed", "254712345678", good + items(amount, receipt, balance, date,
				fmt.Sprintf(`{"Name":"PhoneNumber","Value":"%x"}`, sha256.Sum256([]byte("254712345678")))),
		},
		{"callback-bare-item", "254712345678", good + `"CallbackMetadata":{"Item":` + receipt + `}`},
	} {
		d := newDesk(t)
		if tt.behaviour != "" {
			d = newDesk(t, tt.behaviour)
		}
		push := d.push(phone(tt.phone)...)
		d.advance(time.Second)
		got := d.app.take()
		if len(got) != 1 {
			t.Fatalf("%s: %d callbacks", tt.behaviour, len(got))
		}
		body := regexp.MustCompile(`"UA2[0-9A-Z]{7}"`).ReplaceAllString(got[0].Body, `"RECEIPT"`)
		want := `{"Body":{"stkCallback":{"MerchantRequestID":"` + push.MerchantRequestID + `","CheckoutRequestID":"` + push.CheckoutRequestID +
			`",` + tt.want + `}}}`
		if diff := cmp.Diff(want, body); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.behaviour, tt.phone, diff)
		}
	}
}

func TestCallbackReordered(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "callback-reordered")
	d.push()
	d.advance(time.Second)
	names := regexp.MustCompile(`"Name":"(\w+)"`).FindAllStringSubmatch(d.app.take()[0].Body, -1)
	var got []string
	for _, name := range names {
		got = append(got, name[1])
	}
	if len(got) != 5 || got[0] == "Amount" {
		t.Errorf("items in order %v", got)
	}
}

// reference/daraja.md §4.3: lost, late, doubled, before the answer, and overtaken.
func TestDelivery(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "callback-lost")
	push := d.push()
	d.advance(time.Minute)
	if got := d.app.take(); len(got) != 0 || d.queryCode(push.CheckoutRequestID) != "0" {
		t.Errorf("lost: %v", got)
	}

	d = newDesk(t, "callback-late=60s")
	d.push()
	d.advance(60 * time.Second)
	early := len(d.app.take())
	d.advance(time.Second)
	if got := len(d.app.take()); early != 0 || got != 1 {
		t.Errorf("late: %d then %d", early, got)
	}

	d = newDesk(t, "callback-duplicate=4")
	d.push()
	d.advance(time.Second)
	if got := d.app.take(); len(got) != 4 || got[0] != got[3] {
		t.Errorf("doubled: %v", got)
	}

	d = newDesk(t, "callback-before-answer")
	d.push()
	if got := len(d.app.take()); got != 1 {
		t.Errorf("before the answer: %d callbacks", got)
	}

	d = newDesk(t, "callback-out-of-order=x1")
	first := d.push()
	second := d.push(phone("254712345679")...)
	d.advance(time.Second)
	var order []string
	for _, got := range d.app.take() {
		order = append(order, regexp.MustCompile(`ws_CO_\d+`).FindString(got.Body))
	}
	if diff := cmp.Diff([]string{second.CheckoutRequestID, first.CheckoutRequestID}, order); diff != "" {
		t.Errorf("out of order (-want +got):\n%s", diff)
	}
	d.control(http.MethodPost, "behaviours", `{"set":["callback-out-of-order=x1"]}`)
	d.push(phone("254712345677")...)
	d.advance(time.Minute)
	if got := len(d.app.take()); got != 1 {
		t.Errorf("nothing to be overtaken by: %d callbacks", got)
	}
}

// reference/daraja.md §4.3: one attempt, whatever the target answers; more only on request.
func TestOneAttempt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		behaviour string
		status    int
		want      int
	}{
		{"two-minute-rule=on", 500, 1},
		{"two-minute-rule=on", 302, 1},
		{"callback-retries=3", 500, 4},
		{"callback-retries=3", 200, 1},
	} {
		d := newDesk(t, tt.behaviour)
		d.app.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(tt.status)
		}
		d.push()
		d.advance(time.Hour)
		got := d.app.take()
		var log []struct {
			Status  int
			Refused bool
			Reason  string
		}
		decode(t, d.control(http.MethodGet, "requests?direction=out", ""), &log)
		if len(got) != tt.want || len(log) != tt.want || log[0].Status != tt.status || log[0].Refused != (tt.status != 200) ||
			log[0].Refused == (log[0].Reason == "") {
			t.Errorf("%s, %d: %d callbacks, log %+v", tt.behaviour, tt.status, len(got), log)
		}
	}
}

// reference/daraja.md §14: handlers with a list of Safaricom's addresses find one in X-Forwarded-For, where that is asked for.
func TestForwardedFor(t *testing.T) {
	t.Parallel()
	for behaviour, want := range map[string]string{"callback-forwarded-for": "196.201.212.69", "callback-forwarded-for@result": "", "callback-duplicate=2": ""} {
		d := newDesk(t, behaviour)
		got := []string{}
		d.app.answer = func(_ http.ResponseWriter, r *http.Request, _ string) {
			got = append(got, r.Header.Get("X-Forwarded-For"))
		}
		d.push()
		d.advance(time.Second)
		if len(got) == 0 || got[0] != want {
			t.Errorf("%s: %q", behaviour, got)
		}
	}
}
