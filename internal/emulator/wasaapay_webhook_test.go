package emulator_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/emulator"
)

// hooks takes the webhooks that have arrived, compacted.
func (d *desk) hooks() []string {
	d.t.Helper()
	var list []string
	for _, got := range d.app.take() {
		var text bytes.Buffer
		if err := json.Compact(&text, []byte(got.Body)); err != nil {
			d.t.Fatalf("%v in %s", err, got.Body)
		}
		list = append(list, text.String())
	}
	return list
}

var (
	signature = regexp.MustCompile(`"signature":"sha256=([0-9a-f]{64})"`)
	eventName = regexp.MustCompile(`"event":"([a-z.]+)"`)
	member    = regexp.MustCompile(`"signature":"[^"]*",|,"signature":"[^"]*"`)
)

// signed reports whether a compact body carries the signature of what is left without it (reference/wasaapay.md §11.4, b).
func signed(body string) bool {
	found := signature.FindStringSubmatch(body)
	mac := hmac.New(sha256.New, []byte(emulator.Credentials().WasaaPayWebhookSecret))
	mac.Write([]byte(member.ReplaceAllString(body, "")))
	return found != nil && found[1] == fmt.Sprintf("%x", mac.Sum(nil))
}

// events are the names of webhooks in their order.
func events(hooks []string) []string {
	var names []string
	for _, hook := range hooks {
		names = append(names, eventName.FindStringSubmatch(hook)[1])
	}
	return names
}

// reference/wasaapay.md §11.2: the webhooks of a paid and of a failed deposit, to the byte.
func TestWebhookBytes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.deposit()
	d.advance(9 * time.Millisecond)
	if got := d.app.take(); len(got) != 0 {
		t.Errorf("before the prompt: %v", got)
	}
	d.advance(time.Second)
	failed := d.deposit("phoneNumber", `"0712340001"`, "externalReference", "\"<O'Brien> & \u2028\"")
	d.advance(time.Second)
	var got []string
	for _, hook := range d.app.take() {
		if hook.Path != "/callbacks/wasaapay" || hook.ContentType != "application/json" || !signed(hook.Body) {
			t.Errorf("not the webhook of the specification: %+v", hook)
		}
		got = append(got, signature.ReplaceAllString(hook.Body, `"signature":"SIG"`))
	}
	head := func(event, second string) string {
		return `{"event":"deposit.` + event + `","timestamp":"2026-01-02T00:04:` + second + `Z","partnerId":"partner_local","environment":"SANDBOX","signature":"SIG","data":`
	}
	data := func(p paid, reference, rest string) string {
		return `{"depositId":"` + p.ID + `","reference":"` + p.Reference + `","externalReference":"` + reference + `","amount":"250.00",` + rest + `}}`
	}
	odd := "<O'Brien> & \u2028"
	want := []string{
		head("initiated", "05") + data(p, "INV-77", `"status":"PENDING","provider":"MPESA"`),
		head("completed", "05") + data(p, "INV-77", `"status":"COMPLETED","provider":"MPESA","receiptNumber":"`+d.depositState(p.ID).ReceiptNumber+`"`),
		head("initiated", "06") + data(failed, odd, `"status":"PENDING","provider":"MPESA"`),
		head("failed", "06") + data(failed, odd, `"status":"FAILED","provider":"MPESA","failureReason":"Request cancelled by user"`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

// reference/wasaapay.md §11.1: retries after 1 min, 5 min, 30 min, 2 h and 12 h, and none after any 2xx.
func TestWebhookRetries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fails int // attempts that are answered 500
		then  int
		want  []string
	}{
		{"all fail", 99, 0, []string{"0s", "1m0s", "6m0s", "36m0s", "2h36m0s", "14h36m0s"}},
		{"200 at once", 0, 200, []string{"0s"}},
		{"204 at once", 0, 204, []string{"0s"}},
		{"202 on the third", 2, 202, []string{"0s", "1m0s", "6m0s"}},
		{"redirect is a failure", 99, 302, []string{"0s", "1m0s", "6m0s", "36m0s", "2h36m0s", "14h36m0s"}},
	} {
		d := newDesk(t)
		attempts := 0
		d.app.answer = func(w http.ResponseWriter, _ *http.Request, body string) {
			if strings.Contains(body, "initiated") {
				return
			}
			if attempts++; attempts <= tt.fails && tt.then != 302 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			w.WriteHeader(tt.then)
		}
		d.deposit()
		d.advance(48 * time.Hour)
		var log []struct {
			Time        time.Time
			RequestBody string `json:"request_body"`
			Refused     bool
			Reason      string
		}
		decode(t, d.control(http.MethodGet, "requests?direction=out", ""), &log)
		var got []string
		bodies := map[string]bool{}
		first := time.Time{}
		for _, x := range log {
			if strings.Contains(x.RequestBody, "initiated") {
				continue
			}
			if first.IsZero() {
				first = x.Time
			}
			got = append(got, x.Time.Sub(first).String())
			bodies[x.RequestBody] = true
			if x.Refused != (x.Reason != "" && !strings.HasPrefix(x.Reason, "sent again")) {
				t.Errorf("%s: %+v", tt.name, x)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || len(bodies) != 1 {
			t.Errorf("%s: %d bodies (-want +got):\n%s", tt.name, len(bodies), diff)
		}
		if last := log[len(log)-1].Reason; tt.fails == 99 && !strings.HasSuffix(last, "it is not sent again") {
			t.Errorf("%s: the last failure says %q", tt.name, last)
		}
	}
}

// Every switch of the webhooks does what it says, and spares the signature unless that is its target.
func TestWebhookBehaviours(t *testing.T) {
	t.Parallel()
	both := []string{"deposit.initiated", "deposit.completed"}
	for _, tt := range []struct {
		behaviour string
		events    []string
		valid     bool
		last      string // what the last webhook holds
	}{
		{"manual=off", both, true, `"amount":"250.00"`},
		{"webhook-lost", nil, true, ""},
		{"webhook-lost=1/2", both[:1], true, ""},
		{"webhook-late=10m", both, true, ""},
		{"webhook-duplicate=3", []string{both[0], both[0], both[0], both[1], both[1], both[1]}, true, ""},
		{"webhook-out-of-order", []string{both[1], both[0]}, true, `"status":"PENDING"`},
		{"webhook-contradicts", []string{both[0], both[1], "deposit.failed"}, true, `"status":"FAILED"`},
		{"webhook-key-order=rotated", both, true, `{"environment":"SANDBOX","signature":"sha256=`},
		{"webhook-key-order=sorted", both, true, `{"data":{"amount":"250.00","depositId":`},
		{"webhook-key-order=signature-last", both, true, `},"signature":"sha256=`},
		{"webhook-bad-signature", both, false, `"signature":"sha256=`},
		{"webhook-bad-signature=missing", both, false, `"environment":"SANDBOX","data"`},
		{"webhook-bad-signature=short", both, false, `"signature":"sha256=`},
		{"webhook-bad-signature=bare", both, false, `"signature":"`},
		{"webhook-bad-signature=other-secret", both, false, `"signature":"sha256=`},
		{"webhook-pretty", both, true, `"amount":"250.00"`},
		{"webhook-awkward-text", both, true, "\"description\":\"O'Brien & Sons <Café> \u2028\u2029 \x7f \\t \\\"50%\\\" / 🙂\""},
		{"webhook-amount-number", both, true, `"amount":250,`},
	} {
		d := newDesk(t, tt.behaviour)
		d.deposit()
		d.advance(time.Hour)
		hooks := d.hooks()
		if diff := cmp.Diff(tt.events, events(hooks)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.behaviour, diff)
			continue
		}
		for _, hook := range hooks {
			if signed(hook) != tt.valid {
				t.Errorf("%s: signature valid is %t: %s", tt.behaviour, !tt.valid, hook)
			}
		}
		if len(hooks) > 0 && !strings.Contains(hooks[len(hooks)-1], tt.last) {
			t.Errorf("%s: no %s in %s", tt.behaviour, tt.last, hooks[len(hooks)-1])
		}
	}
	d := newDesk(t, "webhook-pretty")
	d.deposit()
	d.advance(time.Second)
	if got := d.app.take(); len(got) == 0 || !strings.Contains(got[0].Body, "\n  \"event\": ") {
		t.Errorf("webhook-pretty: %v", got)
	}
	d = newDesk(t, "webhook-late=10m")
	d.deposit()
	d.advance(10 * time.Minute)
	early := len(d.app.take())
	d.advance(time.Second)
	if late := len(d.app.take()); early != 0 || late != 2 {
		t.Errorf("webhook-late: %d, then %d", early, late)
	}
}

// Outcomes that are about the callback: before the answer, and never.
func TestWebhookOutcomes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.deposit("phoneNumber", `"254712340005"`)
	if got := events(d.hooks()); !cmp.Equal(got, []string{"deposit.completed"}) {
		t.Errorf("before the answer: %v", got)
	}
	d = newDesk(t)
	p := d.deposit("phoneNumber", `"254712340040"`)
	d.advance(24 * time.Hour)
	if got := events(d.hooks()); !cmp.Equal(got, []string{"deposit.initiated"}) || d.depositState(p.ID).Status != "COMPLETED" {
		t.Errorf("never: %v", got)
	}
}

// The same seed and the same requests give the same log, to the byte; another seed gives other ids.
func TestWasaaPayDeterminism(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		d := deskWith(t, emulator.Options{Seed: seed, Clock: "virtual", Weather: "worst-case"})
		for i := range 12 {
			d.partner(http.MethodPost, depositPath, depositBody("amount", fmt.Sprint(100+i)))
			d.advance(time.Minute)
		}
		d.partner(http.MethodPost, partnerBase+"/wallets", `{"externalUserId":"u"}`)
		d.advance(time.Hour)
		return d.control(http.MethodGet, "requests", "")
	}
	first := run(7)
	if diff := cmp.Diff(first, run(7)); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
	if first == run(8) {
		t.Error("another seed changes nothing")
	}
	if !strings.Contains(first, `"webhook"`) || strings.Contains(first, "254712345678") || strings.Contains(first, "sk_sandbox") {
		t.Error("the log has no webhook, or names a phone or the key in full")
	}
}

// A state file brings deposits, wallets and idempotency keys back.
func TestWasaaPayState(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/state.json"
	var before paid
	var first string
	t.Run("first", func(t *testing.T) {
		d := deskWith(t, emulator.Options{Seed: 1, Clock: "virtual", StateFile: file})
		d.deposit("amount", "10")
		d.advance(time.Second)
		d.control(http.MethodPost, "behaviours", `{"set":["manual"]}`)
		before = d.deposit("phoneNumber", `"0712345679"`)
		_, first = d.partner(http.MethodPost, depositPath, depositBody("phoneNumber", `"0712345679"`))
	})
	d := deskWith(t, emulator.Options{Seed: 1, Clock: "virtual", StateFile: file})
	if _, replay := d.partner(http.MethodPost, depositPath, depositBody("phoneNumber", `"0712345679"`)); replay != first {
		t.Errorf("the idempotency key was forgotten: %s", replay)
	}
	if _, body := d.partner(http.MethodGet, partnerBase+"/wallets/wallet_local/balance", ""); !strings.Contains(body, `"10.00"`) {
		t.Errorf("the balance was forgotten: %s", body)
	}
	d.advance(3 * time.Minute)
	if got := d.depositState(before.ID); got.Status != "FAILED" || got.FailureReason == "" {
		t.Errorf("the open prompt did not go on to expire: %+v", got)
	}
}
