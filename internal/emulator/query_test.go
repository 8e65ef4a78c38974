package emulator_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// settledQuery is the answer of reference/daraja.md §5, three s in successsfully included.
func settledQuery(push accepted, code, desc string) string {
	return `{"ResponseCode":"0","ResponseDescription":"The service request has been accepted successsfully","MerchantRequestID":"` +
		push.MerchantRequestID + `","CheckoutRequestID":"` + push.CheckoutRequestID + `","ResultCode":"` + code + `","ResultDesc":"` + desc + `"}`
}

// reference/daraja.md §5: pending in every form, then settled.
func TestQuery(t *testing.T) {
	t.Parallel()
	processing := refused("500.001.1001", "The transaction is being processed")
	for _, tt := range []struct {
		behaviour string
		status    int
		pending   string // empty for the answer with 4999
	}{
		{"query-pending=4999", 200, ""},
		{"query-pending=empty", 200, refused("500.001.1001", "")},
		{"query-pending=empty-500", 500, refused("500.001.1001", "")},
		{"query-pending=processing", 500, processing},
		{"query-early-400=2s", 400, refused("400.002.02", "Bad Request - Invalid CheckoutRequestID")},
	} {
		d := newDesk(t, tt.behaviour, "callback-delay=20s")
		push := d.push()
		want := tt.pending
		if want == "" {
			want = settledQuery(push, "4999", "The transaction is still under processing")
		}
		status, body := d.post(queryPath, queryBody(push.CheckoutRequestID))
		if diff := cmp.Diff(want, plain(body)); diff != "" || status != tt.status {
			t.Errorf("%s: status %d (-want +got):\n%s", tt.behaviour, status, diff)
		}
		d.advance(19 * time.Second)
		for range 3 {
			status, body = d.post(queryPath, queryBody(push.CheckoutRequestID))
			want := settledQuery(push, "0", "The service request is processed successfully.")
			if diff := cmp.Diff(want, plain(body)); diff != "" || status != 200 {
				t.Errorf("%s, settled: status %d (-want +got):\n%s", tt.behaviour, status, diff)
			}
		}
	}
}

// reference/daraja.md §4.1: the words differ between callback and query.
func TestQueryWords(t *testing.T) {
	t.Parallel()
	for number, want := range map[string][2]string{
		"254712340001": {"1032", "Request Cancelled by user."},
		"254712340002": {"1037", "DS timeout user cannot be reached."},
		"254712340020": {"SFC_IC0003", "The operator does not exist."},
	} {
		d := newDesk(t)
		push := d.push(phone(number)...)
		d.advance(time.Second)
		_, body := d.post(queryPath, queryBody(push.CheckoutRequestID))
		if diff := cmp.Diff(settledQuery(push, want[0], want[1]), body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", number, diff)
		}
	}
}

// reference/daraja.md §5: what cannot be asked.
func TestQueryRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	push := d.push()
	unknown := refused("500.001.1001", "The transaction does not Exist")
	for _, tt := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"no id", queryBody("", "CheckoutRequestID", ""), 400, refused("400.002.02", "Bad Request - Invalid CheckoutRequestID")},
		{"unknown id", queryBody("ws_CO_1"), 500, unknown},
		{"another's id", queryBody(push.CheckoutRequestID, "BusinessShortCode", "600111", "Password", `"`+password("600111")+`"`), 500, unknown},
		{"password", queryBody("ws_CO_1", "Password", `"eA=="`), 500, refused("500.001.1001", "[MerchantValidate] - Wrong credentials")},
		{"merchant", queryBody("ws_CO_1", "BusinessShortCode", "111111"), 500, refused("500.001.1001", "Merchant does not exist")},
	} {
		status, body := d.post(queryPath, tt.body)
		if diff := cmp.Diff(tt.want, plain(body)); diff != "" || status != tt.status {
			t.Errorf("%s: status %d, want %d (-want +got):\n%s", tt.name, status, tt.status, diff)
		}
	}
	d.control(http.MethodPost, "behaviours", `{"name":"query-unknown","value":"400"}`)
	if status, body := d.post(queryPath, queryBody("ws_CO_1")); status != 400 || plain(body) != refused("400.002.02", "Bad Request - Invalid CheckoutRequestID") {
		t.Errorf("query-unknown=400: %d %s", status, body)
	}
}

// reference/daraja.md §5: noise on settled payments, and the contradiction that was reported.
func TestQueryNoise(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "query-noise=1/3")
	push := d.push()
	d.advance(time.Second)
	var got []string
	for range 4 {
		got = append(got, d.queryCode(push.CheckoutRequestID))
	}
	if diff := cmp.Diff([]string{"0", "0", "500.001.1001 The transaction is being processed", "0"}, got); diff != "" {
		t.Errorf("noise (-want +got):\n%s", diff)
	}
	d = newDesk(t, "query-contradicts")
	push = d.push()
	d.advance(time.Second)
	if got := d.queryCode(push.CheckoutRequestID); got != "1032" || d.results()[push.CheckoutRequestID] != "0" {
		t.Errorf("contradiction: query says %s", got)
	}
}

// reference/daraja.md §3.4, §5: five a minute with a burst of one, then 429 with the gateway's fault.
func TestQueryRateLimit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "query-rate-limit=5/1m")
	ask := func() int {
		status, body := d.post(queryPath, queryBody("ws_CO_1"))
		want := `{"fault":{"faultstring":"Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, ` +
			`periodInMicroseconds=60000000, maxBurstMessageCount=1.0}","detail":{"errorcode":"policies.ratelimit.SpikeArrestViolation"}}}`
		if status == http.StatusTooManyRequests && body != want {
			t.Errorf("fault: %s", body)
		}
		return status
	}
	got := []int{ask(), ask()}
	d.advance(12*time.Second - time.Millisecond)
	got = append(got, ask())
	d.advance(time.Millisecond)
	got = append(got, ask(), ask())
	if diff := cmp.Diff([]int{500, 429, 429, 500, 429}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}
