package web

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
)

const testAddr = "127.0.0.1:4030"

// view is a server over a ledger of its own.
type viewer struct {
	*Server
	t *testing.T
}

func newViewer(t *testing.T, change ...func(*Options)) *viewer {
	t.Helper()
	ledger, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Ledger: ledger, Providers: provider.Builtin(), Environment: payment.Local, Profile: "local", LedgerName: "ledger.db",
		Addr: testAddr, Now: time.Now, Zone: time.UTC, Sender: deliver.New(deliver.Options{}),
		Deliveries: func(text string) (func(store.StoredDelivery) (bool, error), error) {
			if text != "all" && text != "none" {
				return nil, payment.Usage("filter: column 1: unknown name", "fields: amount")
			}
			return func(store.StoredDelivery) (bool, error) { return text == "all", nil }, nil
		},
		Deposits: func(string) (func(payment.Deposit) (bool, error), error) {
			return func(payment.Deposit) (bool, error) { return true, nil }, nil
		},
	}
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close(context.Background())
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	return &viewer{s, t}
}

// ask sends a request as a script would; headers are pairs.
func (v *viewer) ask(method, path, body string, header ...string) *http.Response {
	v.t.Helper()
	r := httptest.NewRequestWithContext(v.t.Context(), method, "http://"+testAddr+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+v.Bearer())
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		switch header[i] {
		case "Host":
			r.Host = header[i+1]
		default:
			r.Header.Set(header[i], header[i+1])
			if header[i+1] == "" {
				r.Header.Del(header[i])
			}
		}
	}
	w := httptest.NewRecorder()
	v.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// page is a page that is expected to be there.
func (v *viewer) page(path string, header ...string) string {
	v.t.Helper()
	r := v.ask(http.MethodGet, path, "", header...)
	body := text(v.t, r)
	if r.StatusCode != http.StatusOK {
		v.t.Fatalf("%s: %s\n%s", path, r.Status, body)
	}
	return body
}

// arrive records a delivery.
func (v *viewer) arrive(body string, e *payment.Event, verdict payment.Verdict, header http.Header) string {
	v.t.Helper()
	got, err := v.Ledger.Deliveries.Record(v.t.Context(), store.Arrival{
		Delivery: payment.Delivery{
			Provider: payment.Daraja, Route: "/callbacks/daraja/stk", Method: http.MethodPost, Header: header, Body: []byte(body), Peer: "127.0.0.1", ReceivedAt: time.Now(),
		},
		Inspection: payment.Inspection{Verdict: verdict, Event: e, Reason: "because <script>alert(3)</script>"},
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return got.DeliveryID
}

// TestGuards is the table of who gets in, and who is kept out by what.
func TestGuards(t *testing.T) {
	t.Parallel()
	v := newViewer(t)
	for _, test := range []struct {
		name, method, path string
		status             int
		header             []string
	}{
		{"a script", "GET", "/", 200, nil},
		{"localhost", "GET", "/", 200, []string{"Host", "localhost:4030"}},
		{"IPv6", "GET", "/", 200, []string{"Host", "[::1]:4030"}},
		{"a link on another page", "GET", "/", 200, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}},
		{"own fetch", "GET", "/api/deliveries", 200, []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}},
		{"no token", "GET", "/", 401, []string{"Authorization", ""}},
		{"no token for the script", "GET", "/assets/app.js", 401, []string{"Authorization", ""}},
		{"no token for the stream", "GET", "/events", 401, []string{"Authorization", ""}},
		{"wrong token", "GET", "/", 401, []string{"Authorization", "Bearer x"}},
		{"empty token", "GET", "/", 401, []string{"Authorization", "Bearer "}},
		{"start token as bearer", "GET", "/", 401, []string{"Authorization", "Bearer " + v.door.start}},
		{"session as bearer", "GET", "/", 401, []string{"Authorization", "Bearer " + v.door.session}},
		{"bearer as cookie", "GET", "/", 401, []string{"Authorization", "", "Cookie", v.door.cookie + "=" + v.Bearer()}},
		{"cookie of another port", "GET", "/", 401, []string{"Authorization", "", "Cookie", "payctl-ui-4031=" + v.door.session}},
		{"cookie", "GET", "/", 200, []string{"Authorization", "", "Cookie", v.door.cookie + "=" + v.door.session}},
		{"rebound name", "GET", "/", 421, []string{"Host", "evil.test:4030"}},
		{"name that begins like ours", "GET", "/", 421, []string{"Host", "localhost.evil.test:4030"}},
		{"name with a dot", "GET", "/", 421, []string{"Host", "localhost.:4030"}},
		{"name in capitals", "GET", "/", 421, []string{"Host", "LOCALHOST:4030"}},
		{"other port", "GET", "/", 421, []string{"Host", "127.0.0.1:4031"}},
		{"no port", "GET", "/", 421, []string{"Host", "127.0.0.1"}},
		{"other address of this machine", "GET", "/", 421, []string{"Host", "127.0.0.2:4030"}},
		{"no host", "GET", "/", 421, []string{"Host", ""}},
		{"rebound start", "GET", "/start?token=" + v.door.start, 421, []string{"Host", "evil.test:4030"}},
		{"cross-site fetch", "GET", "/api/deliveries", 403, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}},
		{"fetch of another port", "GET", "/api/deliveries", 403, []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"}},
		{"script tag of another page", "GET", "/assets/app.js", 403, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}},
		{"frame in another page", "GET", "/", 403, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}},
		{"foreign origin", "GET", "/api/deliveries", 403, []string{"Origin", "https://evil.test"}},
		{"no origin at all", "GET", "/api/deliveries", 403, []string{"Origin", "null"}},
		{"own form", "POST", "/phone/clock", 400, []string{"Origin", "null", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}},
		{"own form with its origin", "POST", "/phone/clock", 400, []string{"Origin", "http://" + testAddr, "Sec-Fetch-Site", "same-origin"}},
		{"form of a page without a name", "POST", "/phone/clock", 403, []string{"Origin", "null"}},
		{"form of another page without a name", "POST", "/phone/clock", 403, []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}},
		{"form of another page", "POST", "/phone/clock", 403, []string{"Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}},
		{"form of another port", "POST", "/phone/clock", 403, []string{"Origin", "http://127.0.0.1:3000", "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}},
		{"old browser's form", "POST", "/phone/clock", 403, []string{"Origin", "http://127.0.0.1:3000"}},
		{"method", "PUT", "/", 405, nil},
		{"options", "OPTIONS", "/", 405, []string{"Origin", "http://" + testAddr}},
		{"settings", "GET", "/api/config", 404, nil},
		{"templates", "GET", "/assets/frame.html", 404, nil},
		{"up the tree", "GET", "/assets/..%2fweb.go", 404, nil},
	} {
		r := v.ask(test.method, test.path, "", test.header...)
		if body := text(t, r); r.StatusCode != test.status {
			t.Errorf("%s: %s, want %d\n%s", test.name, r.Status, test.status, body)
		}
		for name := range r.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: answered with %s", test.name, name)
			}
		}
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy", "Cross-Origin-Opener-Policy"} {
			if r.Header.Get(name) == "" {
				t.Errorf("%s: answered without %s", test.name, name)
			}
		}
		if r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: may be kept in a cache", test.name)
		}
	}
}

// TestStartTokenOpensOnce: the address works once; the cookie it leaves is strict and out
// of reach of scripts.
func TestStartTokenOpensOnce(t *testing.T) {
	t.Parallel()
	v := newViewer(t)
	start := strings.TrimPrefix(v.StartURL(), "http://"+testAddr)
	if r := v.ask(http.MethodGet, "/start?token=wrong", "", "Authorization", ""); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong token: %s", r.Status)
	}
	r := v.ask(http.MethodGet, start, "", "Authorization", "")
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/" {
		t.Fatalf("the first time: %s to %q", r.Status, r.Header.Get("Location"))
	}
	c := r.Cookies()[0]
	if c.Name != "payctl-ui-4030" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Value == v.door.start {
		t.Errorf("the cookie is %v", c)
	}
	again := v.ask(http.MethodGet, start, "", "Authorization", "")
	if again.StatusCode != http.StatusUnauthorized || len(again.Cookies()) > 0 {
		t.Errorf("the second time: %s", again.Status)
	}
	if r := v.ask(http.MethodGet, start, "", "Authorization", "", "Cookie", c.Name+"="+c.Value); r.StatusCode != http.StatusSeeOther {
		t.Errorf("who is inside: %s", r.Status)
	}
}

// TestStartFromAFile: what begins at a file or another site is led on by a page of ours,
// since the browser would leave the strict cookie out of a redirect.
func TestStartFromAFile(t *testing.T) {
	t.Parallel()
	v := newViewer(t)
	r := v.ask(http.MethodGet, strings.TrimPrefix(v.StartURL(), "http://"+testAddr), "", "Authorization", "",
		"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	if body := text(t, r); r.StatusCode != http.StatusOK || !strings.Contains(body, `http-equiv="refresh" content="0;url=/"`) || len(r.Cookies()) != 1 {
		t.Errorf("%s %v\n%s", r.Status, r.Cookies(), body)
	}
}

// hostile is what somebody may put into each field.
const hostile = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>\u202eevil\u2066 0722000111"

// TestHostileFields: whatever arrives stays text, on each page and in each form of the body.
func TestHostileFields(t *testing.T) {
	t.Parallel()
	v := newViewer(t)
	body, err := json.Marshal(map[string]string{"x": hostile, "phone": "254712345678", "SecurityCredential": "c2VjcmV0"})
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"User-Agent": {hostile}, "Authorization": {"Bearer hush"}, "X-Secret": {"hush"}, "X-<b>": {"x"}, "Content-Type": {"text/html"}}
	id := v.arrive(string(body), &payment.Event{
		Provider: payment.Daraja, Name: "stk.completed" + hostile, Key: "k", Reference: hostile, Receipt: hostile, ProviderID: hostile, Notes: []string{hostile},
	}, payment.VerdictUntrusted, header)
	d, _, err := v.Ledger.Deposits.Create(t.Context(), payment.Deposit{
		Provider: payment.Daraja, Environment: payment.Local, Reference: hostile, Amount: payment.AmountOf(100, payment.KES), IdempotencyKey: "a",
		Phone: mustPhone(t), Status: payment.StatusCreated,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/", "/deliveries/" + id, "/deliveries/" + id + "?body=raw", "/deliveries/" + id + "?body=hex", "/deposits", "/deposits/" + d.ID, "/stats",
		"/?filter=%3Cscript%3Ealert(9)%3C/script%3E", "/?since=%3Cscript%3E", "/?show=%3Cscript%3E%E2%80%AE",
	} {
		html := v.page(path)
		for _, bad := range []string{"<img", "<script>alert", "onerror=alert(1)>\"", "\u202e", "\u2066", "<b>", "0722000111", "254712345678", "hush", "c2VjcmV0"} {
			if strings.Contains(html, bad) {
				t.Errorf("%s holds %q", path, bad)
			}
		}
	}
	if html := v.page("/deliveries/" + id); !strings.Contains(html, "&lt;img src=x") || !strings.Contains(html, `\u202e`) {
		t.Error("the reference is not shown as text")
	}
	for _, path := range []string{"/api/deliveries", "/api/deliveries/" + id, "/api/deposits"} {
		r := v.ask(http.MethodGet, path, "")
		body := text(t, r)
		if r.Header.Get("Content-Type") != "application/json" || strings.Contains(body, "<img") || strings.Contains(body, "hush") || strings.Contains(body, "c2VjcmV0") {
			t.Errorf("%s: %s\n%s", path, r.Header.Get("Content-Type"), body)
		}
	}
	r := v.ask(http.MethodGet, "/deliveries/"+id+"/body", "")
	if body := text(t, r); r.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(r.Header.Get("Content-Disposition"), "attachment") ||
		strings.Contains(body, "254712345678") || strings.Contains(body, "c2VjcmV0") {
		t.Errorf("the download: %v\n%s", r.Header, body)
	}
	missing := v.ask(http.MethodGet, "/deposits/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "")
	if html := text(t, missing); missing.StatusCode != http.StatusNotFound || strings.Contains(html, "<script>alert") {
		t.Errorf("an unknown payment: %s\n%s", missing.Status, html)
	}
}

func mustPhone(t *testing.T) payment.Phone {
	t.Helper()
	p, err := payment.ParsePhone("254712345678")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestReadOnly: outside local and sandbox nothing is done, whatever is posted, unless that
// was allowed at the start.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		environment payment.Environment
		allow       bool
		status      int
	}{
		{payment.Local, false, 400}, {payment.Sandbox, false, 400}, {payment.Production, false, 403}, {payment.Production, true, 400},
	} {
		v := newViewer(t, func(o *Options) { o.Environment, o.AllowActions = test.environment, test.allow })
		id := v.arrive("{}", nil, payment.VerdictMalformed, nil)
		for _, path := range []string{"/deliveries/" + id + "/send", "/phone/answer", "/phone/clock", "/phone/weather", "/phone/behaviour"} {
			if r := v.ask(http.MethodPost, path, "target=x"); r.StatusCode != test.status {
				t.Errorf("%s %v %s: %s, want %d", test.environment, test.allow, path, r.Status, test.status)
			}
		}
		html := v.page("/deliveries/" + id)
		if says := strings.Contains(html, "read only in production"); says != (test.status == 403) {
			t.Errorf("%s: the page says that it is read only: %v", test.environment, says)
		}
		if red := strings.Contains(html, "PRODUCTION"); red != (test.environment == payment.Production) {
			t.Errorf("%s: marked as production: %v", test.environment, red)
		}
	}
}

// TestSendAgain sends the exact bytes to a target that is known, and shows the new attempt;
// what is not known, or on another machine, is refused.
func TestSendAgain(t *testing.T) {
	t.Parallel()
	v := newViewer(t)
	var got []string
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = append(got, string(b))
		w.WriteHeader(http.StatusTeapot)
	}))
	defer app.Close()
	id := v.arrive(`{"a": 1}`, nil, payment.VerdictUnsigned, nil)
	for _, url := range []string{app.URL + "/hook?key=hush", "http://203.0.113.9/hook"} {
		if err := v.Ledger.Runs.RecordAttempts(t.Context(), []store.Attempt{{DeliveryID: id, Target: url, At: time.Now(), Status: 500}}); err != nil {
			t.Fatal(err)
		}
	}
	html := v.page("/deliveries/" + id)
	if strings.Contains(html, "hush") || strings.Contains(html, keyOf("http://203.0.113.9/hook")) || !strings.Contains(html, keyOf(app.URL+"/hook?key=hush")) {
		t.Errorf("the targets are not those of this machine, or tell a secret:\n%s", html)
	}
	for _, target := range []string{"", "nothing", keyOf("http://203.0.113.9/hook"), app.URL} {
		if r := v.ask(http.MethodPost, "/deliveries/"+id+"/send", "target="+target); r.StatusCode != http.StatusBadRequest {
			t.Errorf("target %q: %s", target, r.Status)
		}
	}
	r := v.ask(http.MethodPost, "/deliveries/"+id+"/send", "target="+keyOf(app.URL+"/hook?key=hush"))
	if r.StatusCode != http.StatusSeeOther || len(got) != 1 || got[0] != `{"a": 1}` {
		t.Fatalf("%s, the app got %q", r.Status, got)
	}
	html = v.page(r.Header.Get("Location"))
	if strings.Count(html, `aria-current="true"><span class="bad"><span aria-hidden="true">✗</span> 418`) != 1 || !strings.Contains(html, "the new attempt") {
		t.Errorf("the new attempt is not shown:\n%s", html)
	}
}

// TestBigBody: a body of a mebibyte costs a page no more than its start.
func TestBigBody(t *testing.T) {
	t.Parallel()
	v := newViewer(t)
	for _, body := range []string{strings.Repeat("x", 1<<20), strings.Repeat("[", 1<<20), strings.Repeat("[", 9000) + strings.Repeat("]", 9000), `[` + strings.Repeat("1e-300,", 149_000) + `1]`, strings.Repeat("\x00\xff", 1<<19)} {
		id := v.arrive(body, nil, payment.VerdictMalformed, nil)
		for _, form := range []string{"pretty", "raw", "hex"} {
			if html := v.page("/deliveries/" + id + "?body=" + form); len(html) > 1<<20 {
				t.Errorf("%.10q in %s: %d bytes", body, form, len(html))
			}
		}
	}
}

// TestFilterIsBounded: a filter that nothing fits stops after a stretch of history and says
// how far it looked; older leads on from there.
func TestFilterIsBounded(t *testing.T) {
	t.Parallel()
	v := newViewer(t)
	for range 3 {
		v.arrive("{}", nil, payment.VerdictMalformed, nil)
	}
	if html := v.page("/?filter=none"); !strings.Contains(html, "Nothing fits") {
		t.Errorf("nothing is said:\n%s", html)
	}
	if html := v.page("/?filter=bad+%3E"); !strings.Contains(html, "filter: column 1: unknown name") || !strings.Contains(html, "fields: amount") {
		t.Errorf("the mistake is not shown:\n%s", html)
	}
	reads := 0
	got, err := scan(t.Context(), v.Server, "", func(string, int) ([]int, string, error) {
		reads++
		return make([]int, scanPage), "more", nil
	}, func(int) (bool, error) { return false, nil })
	if err != nil || got.looked > scanRows || got.next != "more" || reads == 0 {
		t.Errorf("looked through %d in %d reads, %v", got.looked, reads, err)
	}
}
