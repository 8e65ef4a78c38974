package apiclient

import (
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// TestWireLog checks that an exchange shows what was said, without secrets.
func TestWireLog(t *testing.T) {
	t.Parallel()
	url := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"errorMessage":"Error Occurred - Invalid Access Token - Zq3vT0aB9c","MSISDN":254711000222}`)
	})
	var got []Exchange
	c := client(t, func(e Exchange) { got = append(got, e) })
	r := push(url + "/254711000222")
	if _, err := c.Do(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	want := []Exchange{{
		Method: "POST", URL: url + "/2547*****222/push", Status: 401,
		Request:  `{"Password":"[redacted]","PhoneNumber":"2547*****222","TransactionDesc":"a<b>&c"}`,
		Response: `{"errorMessage":"Error Occurred - Invalid Access Token - [redacted]","MSISDN":2547*****222}`,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"": "",
		`{"access_token":"abc","expires_in":"3599"}`: `{"access_token":"[redacted]","expires_in":"3599"}`,
		`{ "PassKey" : "a\"b", "x": 1 }`:             `{ "PassKey" : "[redacted]", "x": 1 }`,
		`{"SecurityCredential":"a+/=="}`:             `{"SecurityCredential":"[redacted]"}`,
		`{"apiKey":"k","api_key":"k","secret":"s","token":"t","signature":"s","Authorization":"Bearer x"}`: `{"apiKey":"[redacted]","api_key":"[redacted]","secret":"[redacted]","token":"[redacted]","signature":"[redacted]","Authorization":"[redacted]"}`,
		`{"token":12345}`:                                                       `{"token":"[redacted]"}`,
		`{"token":null,"a":true}`:                                               `{"token":"[redacted]","a":true}`,
		`{"password":"cut off in the mid`:                                       `{"password":"[redacted]"`,
		`{"password":"cut off at an escape \`:                                   `{"password":"[redacted]"\`,
		`{"PhoneNumber":254711000222}`:                                          `{"PhoneNumber":2547*****222}`,
		`{"id":"ws_CO_0201202603040577110002"}`:                                 `{"id":"ws_CO_0201202603040577110002"}`,
		`{"CallBackURL":"https://x.example/base/callbacks/daraja/stk/hush"}`:    `{"CallBackURL":"https://x.example/base/callbacks/daraja/stk/[redacted]"}`,
		`{"callbackUrl" : "https:\/\/x.example\/callbacks\/daraja\/stk\/hush"}`: `{"callbackUrl" : "https:\/\/x.example\/callbacks\/daraja\/stk\/[redacted]"}`,
		`{"ResultURL":"https://x.example/other/hush","a":1}`:                    `{"ResultURL":"https://x.example/other/[redacted]","a":1}`,
		`{"QueueTimeOutURL":"https://x.example/other/hush`:                      `{"QueueTimeOutURL":"https://x.example/other/[redacted]`,
		`{"QueueTimeoutURL":"https://x.example/callbacks/daraja/timeout/hush"}`: `{"QueueTimeoutURL":"https://x.example/callbacks/daraja/timeout/[redacted]"}`,
		"no answer at https://x.example/callbacks/daraja/result/hush, again":    "no answer at https://x.example/callbacks/daraja/result/[redacted], again",
		"?to=https%3A%2F%2Fx.example%2Fcallbacks%2Fdaraja%2Fstk%2Fhush&a=1":     "?to=https%3A%2F%2Fx.example%2Fcallbacks%2Fdaraja%2Fstk%2F[redacted]&a=1",
		`{"ConfirmationURL":"https://x/callbacks/daraja/c2b/confirmation"}`:     `{"ConfirmationURL":"https://x/callbacks/daraja/c2b/confirmation"}`,
		`{"ValidationURL":"https://x/callbacks/daraja/c2b/validation/hush"}`:    `{"ValidationURL":"https://x/callbacks/daraja/c2b/validation/[redacted]"}`,
		"posted to /callbacks/wasaapay/hush and /callbacks/sevi/hush":           "posted to /callbacks/wasaapay/[redacted] and /callbacks/sevi/[redacted]",
		"Invalid access token - a.b-c_d/e+f=;":                                  "Invalid access token - [redacted];",
		"a\r\nb\x1b[31mc\td\x7f":                                                `a\r\nb\x1b[31mc\td\x7f`,
		"\xff\xfe":                                                              `\xff\xfe`,
	} {
		if got := Redact([]byte(body)); got != want {
			t.Errorf("Redact(%q)\n got %q\nwant %q", body, got, want)
		}
	}
}

// TestRedactCuts checks that a cut never leaves half a secret or half a number.
func TestRedactCuts(t *testing.T) {
	t.Parallel()
	for before := maxLogged - 60; before <= maxLogged; before++ {
		pad := strings.Repeat("é", before/2)
		for _, tail := range []string{` "token":"hush-hush-hush"`, ` "CallBackURL":"https://x/callbacks/daraja/stk/hush-hush-hush"`, ` "ResultURL":"https://x/y/hush-hush-hush"`, " 254711000222 and more to come", " Access Token - hushhushhushhush"} {
			got := Redact([]byte(pad + tail + strings.Repeat(" ", maxLogged)))
			shown := strings.TrimLeft(got, "é ")
			if strings.Contains(shown, "hu") || strings.Contains(shown, "71100") || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
				t.Fatalf("cut after %d bytes shows %q", before, shown)
			}
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	type wait struct {
		For time.Duration
		OK  bool
	}
	for text, want := range map[string]wait{
		"":                               {},
		"0":                              {0, true},
		"12":                             {12 * time.Second, true},
		" 12 ":                           {12 * time.Second, true},
		"-5":                             {0, true},
		"3600":                           {time.Hour, true},
		"86400":                          {time.Hour, true},
		"9223372036854775807":            {time.Hour, true},
		"92233720368547758070":           {},
		"1.5":                            {},
		"soon":                           {},
		"Fri, 02 Jan 2026 03:04:35 GMT":  {30 * time.Second, true},
		"Fri, 02 Jan 2026 03:04:00 GMT":  {0, true},
		"Sat, 03 Jan 2026 03:04:05 GMT":  {time.Hour, true},
		"Friday, 02-Jan-26 03:05:05 GMT": {time.Minute, true},
		"2026-01-02T03:04:35Z":           {},
	} {
		h := http.Header{}
		if text != "" {
			h.Set("Retry-After", text)
		}
		d, ok := RetryAfter(h, now)
		if diff := cmp.Diff(want, wait{d, ok}); diff != "" {
			t.Errorf("Retry-After %q (-want +got):\n%s", text, diff)
		}
	}
}

// FuzzRedact checks that a secret and a phone stay hidden whatever surrounds
// them, and that the result is one clean line.
func FuzzRedact(f *testing.F) {
	f.Add(`{"a":1,`, `}`)
	f.Add("\xff\x00", "\r\n")
	f.Add(`{"x":"`+"\u2028", `"`)
	f.Fuzz(func(t *testing.T, before, after string) {
		if len(before)+len(after) > 1000 || strings.Contains(before+after, "hush") {
			return
		}
		got := Redact([]byte(before + ` "password":"hush" 254711000222 ` + after))
		if strings.Contains(got, "711000222") || strings.ContainsAny(got, "\r\n\x00\x1b\x7f") || !utf8.ValidString(got) {
			t.Errorf("Redact(%q, %q) = %q", before, after, got)
		}
		if strings.Contains(got, "hush") && !strings.ContainsAny(before, `"\`) {
			t.Errorf("Redact(%q, %q) = %q", before, after, got)
		}
	})
}
