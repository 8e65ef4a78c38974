package emulator

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// quietEmulator is one whose callbacks all get the given status.
func quietEmulator(t *testing.T, opts Options, status int) *Emulator {
	t.Helper()
	opts.HTTPClient = &http.Client{Transport: answering(status)}
	e, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.WithoutCancel(t.Context())) })
	return e
}

type answering int

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.Body.Close()
	return &http.Response{StatusCode: int(a), Request: r, Body: io.NopCloser(strings.NewReader(`{"ResultCode":0}`))}, nil
}

// serveOne sends one request to the handler and fails the test unless the answer is one of success.
func serveOne(t *testing.T, e *Emulator, path, body string, header map[string]string) string {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
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

func bearer(e *Emulator) map[string]string {
	e.engine.Lock()
	defer e.engine.Unlock()
	d, _ := e.parts[0].(*gateway)
	return map[string]string{"Authorization": "Bearer " + d.door.mint(false)}
}

func localKey(key string) map[string]string {
	return map[string]string{"X-Api-Key": Credentials().WasaaPayAPIKey, "X-Idempotency-Key": key}
}

const (
	simulateBody = `{"ShortCode":"600111","CommandID":"CustomerPayBillOnline","Amount":"10","Msisdn":"254712345678","BillRefNumber":"x"}`
	depositBody  = `{"walletId":"wallet_local","amount":100,"phoneNumber":"+254712345678"}`
	payoutBody   = `{"InitiatorName":"testapi","SecurityCredential":"x","CommandID":"BusinessPayment","Amount":"10","PartyA":"600111",` +
		`"PartyB":"254712345678","Remarks":"ok","QueueTimeOutURL":"http://app.test/t","ResultURL":"http://app.test/r"}`
	registerBody = `{"ShortCode":"600111","ResponseType":"Completed","ConfirmationURL":"http://app.test/c","ValidationURL":"http://app.test/v"}`
)

func resetPush() string {
	creds := Credentials()
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
		{"push", nil, func(e *Emulator) { serveOne(t, e, "/mpesa/stkpush/v1/processrequest", resetPush(), bearer(e)) }},
		{"prompt", []string{"manual"}, func(e *Emulator) {
			serveOne(t, e, "/mpesa/stkpush/v1/processrequest", resetPush(), bearer(e))
		}},
		{"deposit", nil, func(e *Emulator) { serveOne(t, e, "/api/v1/partner/deposits/mpesa", depositBody, localKey("1")) }},
		{"deposit prompt", []string{"manual"}, func(e *Emulator) {
			serveOne(t, e, "/api/v1/partner/deposits/mpesa", depositBody, localKey("1"))
		}},
		{"payout", []string{"any-credentials"}, func(e *Emulator) {
			serveOne(t, e, "/mpesa/b2c/v1/paymentrequest", payoutBody, bearer(e))
		}},
		{"expired payout", []string{"any-credentials", "result-timeout"}, func(e *Emulator) {
			serveOne(t, e, "/mpesa/b2c/v1/paymentrequest", payoutBody, bearer(e))
		}},
		{"c2b", nil, func(e *Emulator) { serveOne(t, e, "/mpesa/c2b/v2/simulate", simulateBody, bearer(e)) }},
	} {
		e := quietEmulator(t, Options{Seed: 1, Clock: clockVirtual, Behaviours: tt.behaviours}, http.StatusOK)
		tt.start(e)
		var due []event
		for {
			ev, found := e.engine.clock.next(24 * time.Hour)
			if !found {
				break
			}
			due = append(due, ev)
		}
		if len(due) == 0 {
			t.Fatalf("%s: nothing is due", tt.name)
		}
		want := reset(t, e)
		for _, ev := range due {
			ev.run()
		}
		if diff := cmp.Diff(want, stateOf(t, e)); diff != "" {
			t.Errorf("%s: state after the reset (-want +got):\n%s", tt.name, diff)
		}
	}
}

// The answer to a validation that was asked before a reset moves no money after it.
func TestResetEndsValidation(t *testing.T) {
	t.Parallel()
	var e *Emulator
	want := ""
	e = quietEmulator(t, Options{Seed: 1, Clock: clockVirtual}, http.StatusOK)
	e.engine.sender.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		want = reset(t, e)
		return answering(http.StatusOK).RoundTrip(r)
	})
	serveOne(t, e, "/mpesa/c2b/v2/registerurl", registerBody, bearer(e))
	serveOne(t, e, "/mpesa/c2b/v2/simulate", simulateBody, bearer(e))
	serveOne(t, e, "/_emulator/clock", `{"advance":"1s"}`, nil)
	if diff := cmp.Diff(want, stateOf(t, e)); diff != "" || want == "" {
		t.Errorf("state after the reset (-want +got):\n%s", diff)
	}
}

// A webhook that is under way during a reset is not tried again after it.
func TestResetEndsRetries(t *testing.T) {
	t.Parallel()
	e := quietEmulator(t, Options{Seed: 1, Clock: clockVirtual}, http.StatusInternalServerError)
	posts := 0
	e.engine.sender.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if posts++; posts == 1 {
			reset(t, e)
		}
		return answering(http.StatusInternalServerError).RoundTrip(r)
	})
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
	var all bytes.Buffer
	for _, p := range e.parts {
		all.Write(encode(p.view(true)))
	}
	return all.String()
}

// A request that waits on behaviour answer-delay is answered in spite of a reset, on either clock.
func TestResetFreesSleepers(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{clockReal, clockVirtual} {
		synctest.Test(t, func(t *testing.T) {
			e := quietEmulator(t, Options{Clock: mode, Behaviours: []string{"answer-delay=10s@push"}}, http.StatusOK)
			answered := make(chan string, 1)
			header := bearer(e)
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

// Events that keep coming must not keep the emulator from stopping.
func TestCloseWhileBusy(t *testing.T) {
	t.Parallel()
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var again func()
	again = func() { e.engine.clock.after(-time.Second, again) }
	e.engine.clock.after(0, again)
	closed := make(chan struct{})
	go func() {
		_ = e.Close(context.WithoutCancel(t.Context()))
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Fatal("the emulator does not stop")
	}
}
