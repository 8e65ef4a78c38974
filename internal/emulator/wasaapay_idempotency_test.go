package emulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// reference/wasaapay.md §4: a repeated key gets the first answer and makes nothing.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	post := func(key, body string) (int, string) {
		resp, text := d.partner(http.MethodPost, depositPath, body, "X-Idempotency-Key", key)
		return resp.StatusCode, text
	}
	status, first := post("k1", depositBody())
	d.advance(time.Second)
	again, replay := post("k1", depositBody())
	if diff := cmp.Diff(first, replay); diff != "" || status != 201 || again != 201 {
		t.Errorf("replay: %d and %d (-first +replay):\n%s", status, again, diff)
	}
	if code, text := post("k1", strings.ReplaceAll(depositBody(), `,`, " ,\n")); code != 201 || text != first {
		t.Errorf("the same request with other spaces: %d %s", code, text)
	}
	if code, text := post("k1", depositBody("amount", "251")); code != 409 ||
		text != wasaaError("IDEMPOTENCY_CONFLICT", "This idempotency key was used with another request body") {
		t.Errorf("another body: %d %s", code, text)
	}
	if code, text := post("k2", depositBody("amount", `0`)); code != 400 {
		t.Errorf("bad request: %d %s", code, text)
	}
	if code, text := post("k2", depositBody("amount", `33`)); code != 201 {
		t.Errorf("a refused request used up its key: %d %s", code, text)
	}
	resp, text := d.partner(http.MethodPost, partnerBase+"/wallets", `{"externalUserId":"u1","currency":"KES"}`, "X-Idempotency-Key", "k1")
	if resp.StatusCode != 201 {
		t.Errorf("the same key on another path: %d %s", resp.StatusCode, text)
	}
	if got := strings.Count(d.control(http.MethodGet, "state", ""), `"id":"dep_`); got != 2 {
		t.Errorf("%d deposits, want 2", got)
	}
	d.advance(24 * time.Hour)
	if _, text := post("k1", depositBody()); text == first {
		t.Error("the key outlived its day")
	}

	d = newDesk(t, "idempotency-ignored")
	_, one := d.partner(http.MethodPost, depositPath, depositBody(), "X-Idempotency-Key", "k")
	_, two := d.partner(http.MethodPost, depositPath, depositBody(), "X-Idempotency-Key", "k")
	if one == two {
		t.Error("idempotency-ignored: the same answer twice")
	}
}

// A connection that is cut after the deposit was made: the retry with the same key finds it.
func TestDepositAnswerLost(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "answer-lost=x1@deposit")
	if resp, _ := d.partner(http.MethodPost, depositPath, depositBody()); resp.StatusCode != 0 {
		t.Fatalf("answered %d", resp.StatusCode)
	}
	resp, _ := d.partner(http.MethodPost, depositPath, depositBody())
	if got := strings.Count(d.control(http.MethodGet, "state", ""), `"id":"dep_`); got != 1 || resp.StatusCode != 201 {
		t.Errorf("%d deposits, status %d", got, resp.StatusCode)
	}
}

// reference/wasaapay.md §3: headers always, 429 on request.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	rates := func(h http.Header) []string {
		return []string{h.Get("X-RateLimit-Limit"), h.Get("X-RateLimit-Remaining"), h.Get("X-RateLimit-Reset"), h.Get("Retry-After")}
	}
	d := newDesk(t)
	for i := range 70 {
		resp, _ := d.partner(http.MethodGet, partnerBase+"/users", "")
		want := []string{"60", "59", "1767312300", ""}
		if i == 69 {
			want[1] = "1"
		}
		if diff := cmp.Diff(want, rates(resp.Header)); (i == 0 || i == 69) && diff != "" || resp.StatusCode != 200 {
			t.Errorf("request %d: %d (-want +got):\n%s", i, resp.StatusCode, diff)
		}
	}
	for _, tt := range []struct {
		name       string
		behaviours []string
		want       []string
	}{
		{"seconds", nil, []string{"2", "0", "1767312300", "55"}},
		{"milliseconds", []string{"rate-limit-reset=milliseconds"}, []string{"2", "0", "1767312300000", "55"}},
		{"delta", []string{"rate-limit-reset=delta"}, []string{"2", "0", "55", "55"}},
		{"nothing", []string{"rate-limit-reset=missing", "retry-after-missing"}, []string{"2", "0", "", ""}},
	} {
		d := newDesk(t, append(tt.behaviours, "rate-limit=2/1m")...)
		var last *http.Response
		body := ""
		for range 3 {
			last, body = d.partner(http.MethodGet, partnerBase+"/users", "")
		}
		if diff := cmp.Diff(tt.want, rates(last.Header)); diff != "" || last.StatusCode != 429 || body != wasaaError("RATE_LIMITED", "Too many requests") {
			t.Errorf("%s: %d %s (-want +got):\n%s", tt.name, last.StatusCode, body, diff)
		}
		d.advance(time.Minute)
		if resp, _ := d.partner(http.MethodGet, partnerBase+"/users", ""); resp.StatusCode != 200 {
			t.Errorf("%s: %d in the next window", tt.name, resp.StatusCode)
		}
	}
}

// Every switch of the REST side changes what it says.
func TestPartnerBehaviours(t *testing.T) {
	t.Parallel()
	create := func(d *desk) (int, string) {
		resp, body := d.partner(http.MethodPost, depositPath, depositBody())
		return resp.StatusCode, body
	}
	get := func(d *desk) (int, string) {
		_, body := d.partner(http.MethodPost, depositPath, depositBody(), "X-Emulator-Outcome", "cancelled")
		d.advance(time.Second)
		i := strings.Index(body, "dep_")
		resp, body := d.partner(http.MethodGet, partnerBase+"/deposits/"+body[i:i+16], "")
		return resp.StatusCode, body
	}
	users := func(d *desk) (int, string) {
		resp, body := d.partner(http.MethodGet, partnerBase+"/users", "", "X-API-Key", "x")
		return resp.StatusCode, body
	}
	list := func(d *desk) (int, string) {
		resp, body := d.partner(http.MethodGet, partnerBase+"/wallets/wallet_local/transactions", "")
		return resp.StatusCode, body
	}
	for _, tt := range []struct {
		behaviour string
		do        func(d *desk) (int, string)
		status    int
		want      string
	}{
		{"ip-not-listed", create, 403, "EMULATOR_IP_NOT_ALLOWED"},
		{"internal-error=@deposit", create, 500, "EMULATOR_INTERNAL"},
		{"html-503=@deposit", create, 503, "<html>"},
		{"html-403=@deposit", create, 403, "<html>"},
		{"request-lost=@deposit", create, 0, ""},
		{"created-status=200", create, 200, "dep_"},
		{"created-status=202", create, 202, "dep_"},
		{"deposit-id=depositId", create, 201, `"data":{"depositId":"dep_`},
		{"deposit-id=nested", create, 201, `"data":{"deposit":{"id":"dep_`},
		{"deposit-amount-number", create, 201, `"amount":250,`},
		{"deposit-status=PROCESSING", get, 200, `"status":"PROCESSING"`},
		{"deposit-contradicts", get, 200, `"status":"COMPLETED"`},
		{"data-missing", get, 200, `{"success":true}`},
		{"manual=off", get, 200, `"failureReason":"Request cancelled by user"`},
		{"failure-reason-missing", get, 200, `02T00:04:05.000Z"}}`},
		{"list-wrapped", list, 200, `"data":{"pagination":{"limit":20},"transactions":[]}`},
		{"any-credentials", users, 200, `"externalUserId":"local-user"`},
		{"error-form=flat", users, 401, `{"success":false,"errorCode":"EMULATOR_INVALID_API_KEY","message":"Invalid or missing API key"}`},
		{"error-form=text", users, 401, `{"success":false,"error":"Invalid or missing API key"}`},
		{"error-form=list", users, 401, `"errors":[{"code":"EMULATOR_INVALID_API_KEY"`},
		{"error-form=html", users, 401, `<h1>Unauthorized</h1>`},
	} {
		status, body := tt.do(newDesk(t, tt.behaviour))
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %s", tt.behaviour, status, body)
		}
	}
}
