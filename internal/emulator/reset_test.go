package emulator

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// quietEmulator is one whose callbacks all get the given status.
func quietEmulator(t *testing.T, opts Options, status int) *Emulator {
	t.Helper()
	if opts.HTTPClient == nil {
		opts.HTTPClient = &http.Client{Transport: replying(status)}
	}
	e, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.WithoutCancel(t.Context())) })
	return e
}

type replying int

func (a replying) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.Body.Close()
	return &http.Response{StatusCode: int(a), Request: r, Body: io.NopCloser(strings.NewReader(`{"ResultCode":0}`))}, nil
}

// serveOne sends one request to the handler and fails the test unless the answer is one of success.
func serveOne(t *testing.T, e *Emulator, path, body string, header map[string]string) string {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, "http://localhost"+path, strings.NewReader(body))
	req.Header.Set("X-Payctl-Control", "1")
	req.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	e.Handler().ServeHTTP(answer, req)
	if answer.Code >= http.StatusMultipleChoices {
		t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// bearer asks for a token.
func bearer(t testing.TB, e *Emulator) map[string]string {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, "http://localhost/oauth/v1/generate?grant_type=client_credentials", nil)
	req.SetBasicAuth(engine.Credentials().ConsumerKey, engine.Credentials().ConsumerSecret)
	answer := httptest.NewRecorder()
	e.Handler().ServeHTTP(answer, req)
	var token struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &token); err != nil {
		t.Fatalf("token: %v in %s", err, answer.Body)
	}
	return map[string]string{"Authorization": "Bearer " + token.Token}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func localKey(key string) map[string]string {
	return map[string]string{"X-Api-Key": engine.Credentials().WasaaPayAPIKey, "X-Idempotency-Key": key}
}

const (
	simulateBody = `{"ShortCode":"600111","CommandID":"CustomerPayBillOnline","Amount":"10","Msisdn":"254712345678","BillRefNumber":"x"}`
	depositBody  = `{"walletId":"wallet_local","amount":100,"phoneNumber":"+254712345678"}`
	payoutBody   = `{"InitiatorName":"testapi","SecurityCredential":"x","CommandID":"BusinessPayment","Amount":"10","PartyA":"600111",` +
		`"PartyB":"254712345678","Remarks":"ok","QueueTimeOutURL":"http://app.test/t","ResultURL":"http://app.test/r"}`
	registerBody = `{"ShortCode":"600111","ResponseType":"Completed","ConfirmationURL":"http://app.test/c","ValidationURL":"http://app.test/v"}`
)

func resetPush() string {
	creds := engine.Credentials()
	const at = "20260102030405"
	return `{"BusinessShortCode":"174379","Password":"` + base64.StdEncoding.EncodeToString([]byte(creds.Shortcode+creds.Passkey+at)) + `","Timestamp":"` + at +
		`","TransactionType":"CustomerPayBillOnline","Amount":100,"PartyA":254712345678,"PartyB":"174379","PhoneNumber":254712345678,` +
		`"CallBackURL":"http://app.test/stk","AccountReference":"INV-1","TransactionDesc":"Order 1"}`
}

// An event that is due while everything is forgotten must not bring it back: whatever was under way ends with a reset.
func TestResetEndsWhatIsDue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		behaviours []string
		start      func(e *Emulator)
	}{
		{"push", nil, func(e *Emulator) { serveOne(t, e, "/mpesa/stkpush/v1/processrequest", resetPush(), bearer(t, e)) }},
		{"prompt", []string{"manual"}, func(e *Emulator) {
			serveOne(t, e, "/mpesa/stkpush/v1/processrequest", resetPush(), bearer(t, e))
		}},
		{"deposit", nil, func(e *Emulator) { serveOne(t, e, "/api/v1/partner/deposits/mpesa", depositBody, localKey("1")) }},
		{"deposit prompt", []string{"manual"}, func(e *Emulator) {
			serveOne(t, e, "/api/v1/partner/deposits/mpesa", depositBody, localKey("1"))
		}},
		{"payout", []string{"any-credentials"}, func(e *Emulator) {
			serveOne(t, e, "/mpesa/b2c/v1/paymentrequest", payoutBody, bearer(t, e))
		}},
		{"expired payout", []string{"any-credentials", "result-timeout"}, func(e *Emulator) {
			serveOne(t, e, "/mpesa/b2c/v1/paymentrequest", payoutBody, bearer(t, e))
		}},
		{"c2b", nil, func(e *Emulator) { serveOne(t, e, "/mpesa/c2b/v2/simulate", simulateBody, bearer(t, e)) }},
	} {
		for nth := 1; ; nth++ { // the reset comes while the nth event waits for the lock
			e := quietEmulator(t, Options{Seed: 1, Clock: "virtual", Behaviours: tt.behaviours}, http.StatusOK)
			tt.start(e)
			for range nth - 1 {
				serveOne(t, e, "/_emulator/clock", `{"advance":"next"}`, nil)
			}
			due, _ := e.engine.Clock.Pending()
			if due == 0 {
				if nth == 1 {
					t.Fatalf("%s: nothing is due", tt.name)
				}
				break
			}
			want := resetUnder(t, e)
			if diff := cmp.Diff(want, stateOf(t, e)); diff != "" {
				t.Errorf("%s: state after a reset during event %d (-want +got):\n%s", tt.name, nth, diff)
			}
		}
	}
}

// resetUnder lets the next event become due while the lock is held, forgets everything, and returns the state after that
// and before the event goes on.
func resetUnder(t *testing.T, e *Emulator) string {
	t.Helper()
	before, _ := e.engine.Clock.Pending()
	e.engine.Lock()
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		serveOne(t, e, "/_emulator/clock", `{"advance":"next"}`, nil)
	}()
	for left := before; left == before; left, _ = e.engine.Clock.Pending() {
		runtime.Gosched()
	}
	(&control{em: e, e: e.engine}).forget()
	want := stateLocked(e)
	e.engine.Unlock()
	<-ran
	return want
}

// The answer to a validation that was asked before a reset moves no money after it.
func TestResetEndsValidation(t *testing.T) {
	t.Parallel()
	var e *Emulator
	want := ""
	e = quietEmulator(t, Options{Seed: 1, Clock: "virtual", HTTPClient: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		want = reset(t, e)
		return replying(http.StatusOK).RoundTrip(r)
	})}}, http.StatusOK)
	serveOne(t, e, "/mpesa/c2b/v2/registerurl", registerBody, bearer(t, e))
	serveOne(t, e, "/mpesa/c2b/v2/simulate", simulateBody, bearer(t, e))
	serveOne(t, e, "/_emulator/clock", `{"advance":"1s"}`, nil)
	if diff := cmp.Diff(want, stateOf(t, e)); diff != "" || want == "" {
		t.Errorf("state after the reset (-want +got):\n%s", diff)
	}
}

// A webhook that is under way during a reset is not tried again after it.
func TestResetEndsRetries(t *testing.T) {
	t.Parallel()
	posts := 0
	var e *Emulator
	e = quietEmulator(t, Options{Seed: 1, Clock: "virtual", HTTPClient: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		if posts++; posts == 1 {
			reset(t, e)
		}
		return replying(http.StatusInternalServerError).RoundTrip(r)
	})}}, http.StatusOK)
	serveOne(t, e, "/api/v1/partner/deposits/mpesa", depositBody, localKey("1"))
	serveOne(t, e, "/_emulator/clock", `{"advance":"24h"}`, nil)
	if posts != 1 {
		t.Errorf("%d webhooks, want the one before the reset", posts)
	}
}

// reset forgets everything and returns the state after it, without the clock's.
func reset(t *testing.T, e *Emulator) string {
	t.Helper()
	if _, err := (&control{em: e, e: e.engine}).postReset(nil); err != nil {
		t.Fatal(err)
	}
	return stateOf(t, e)
}

func stateOf(t *testing.T, e *Emulator) string {
	t.Helper()
	e.engine.Lock()
	defer e.engine.Unlock()
	return stateLocked(e)
}

func stateLocked(e *Emulator) string {
	var all bytes.Buffer
	for _, p := range e.parts {
		all.Write(engine.Encode(p.View(true)))
	}
	return all.String()
}

// A request that waits on behaviour answer-delay is answered in spite of a reset, on either clock.
func TestResetFreesSleepers(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"real", "virtual"} {
		synctest.Test(t, func(t *testing.T) {
			e := quietEmulator(t, Options{Clock: mode, Behaviours: []string{"answer-delay=10s@push"}}, http.StatusOK)
			answered := make(chan string, 1)
			header := bearer(t, e)
			go func() { answered <- serveOne(t, e, "/mpesa/stkpush/v1/processrequest", resetPush(), header) }()
			time.Sleep(time.Second)
			reset(t, e)
			select {
			case <-answered:
			case <-time.After(time.Hour):
				t.Errorf("%s clock: the push was never answered", mode)
			}
		})
	}
}
