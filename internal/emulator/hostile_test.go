package emulator

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// site is an emulator on the real clock behind a socket.
type site struct {
	t      *testing.T
	e      *Emulator
	server *httptest.Server
	token  string

	mu  sync.Mutex
	log []engine.Exchange
}

func newSite(t *testing.T, behaviours ...string) *site {
	t.Helper()
	s := &site{t: t}
	var err error
	s.e, err = New(Options{Behaviours: behaviours, CallbackDelay: time.Millisecond, Log: func(x engine.Exchange) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.log = append(s.log, x)
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.server = httptest.NewServer(s.e.Handler())
	s.token = strings.TrimPrefix(bearer(t, s.e)["Authorization"], "Bearer ")
	return s
}

// Close ends the site, as soon as ctx says so.
func (s *site) Close(patience time.Duration) {
	s.t.Helper()
	s.server.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), patience)
	defer cancel()
	if err := s.e.Close(ctx); err != nil {
		s.t.Error(err)
	}
}

// outcome waits for the first exchange of an API and returns it.
func (s *site) wait(api string) engine.Exchange {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if x, ok := s.first(api); ok {
			return x
		}
	}
	s.t.Fatalf("no exchange of %s", api)
	return engine.Exchange{}
}

func (s *site) first(api string) (engine.Exchange, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.log, func(x engine.Exchange) bool { return x.API == api })
	if i < 0 {
		return engine.Exchange{}, false
	}
	return s.log[i], true
}

// push sends a good push with a callback address.
func (s *site) push(callback string) {
	s.t.Helper()
	creds, at := engine.Credentials(), "20260102030405"
	body, err := json.Marshal(map[string]any{
		"BusinessShortCode": creds.Shortcode, "Timestamp": at, "TransactionType": "CustomerPayBillOnline", "Amount": 1,
		"Password": base64.StdEncoding.EncodeToString([]byte(creds.Shortcode + creds.Passkey + at)),
		"PartyA":   254712345678, "PhoneNumber": 254712345678, "PartyB": creds.Shortcode, "CallBackURL": callback,
		"AccountReference": "INV-1", "TransactionDesc": "x",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL+"/mpesa/stkpush/v1/processrequest", strings.NewReader(string(body)))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.server.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("push: %d", resp.StatusCode)
	}
}

// A target that is down, redirects, fails or is public is logged with the reason, and sent to once.
func TestHostileTargets(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/fail":
			w.WriteHeader(http.StatusInternalServerError)
		case "/cut":
			panic(http.ErrAbortHandler)
		case "/flood":
			_, _ = io.Copy(w, io.LimitReader(zeroes{}, 10<<20))
		}
	}))
	defer target.Close()
	for _, tt := range []struct {
		url    string
		status int
		reason string
		calls  int64
	}{
		{target.URL + "/fine", 200, "", 1},
		{target.URL + "/redirect", 307, "the target redirects (307): redirects are not followed; it is not sent again", 1},
		{target.URL + "/fail", 500, "the target answered 500 instead of 200; it is not sent again", 1},
		{target.URL + "/cut", 0, "the target cannot be reached: EOF; it is not sent again", 1},
		{target.URL + "/flood", 200, "", 1},
		{"http://127.0.0.1:1/", 0, "the target cannot be reached: ", 0},
		{"http://192.0.2.1/", 0, "not sent: the target is a public address; the behaviour public-callbacks allows it", 0},
	} {
		calls.Store(0)
		s := newSite(t)
		s.push(tt.url)
		got := s.wait("stk")
		s.Close(time.Minute)
		if got.Status != tt.status || !strings.Contains(got.Reason, tt.reason) || got.Refused == (tt.reason == "") || calls.Load() != tt.calls {
			t.Errorf("%s: %d calls, status %d, reason %q", tt.url, calls.Load(), got.Status, got.Reason)
		}
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A target that does not answer is cut when Close runs out of patience, and leaves no goroutine.
func TestSlowTarget(t *testing.T) {
	before := runtime.NumGoroutine()
	release := make(chan struct{})
	reached := make(chan struct{}, 1)
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) {
		reached <- struct{}{}
		<-release
	}))
	s := newSite(t)
	s.push(target.URL)
	<-reached
	begun := time.Now()
	s.Close(30 * time.Millisecond)
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("closing took %s", took)
	}
	if got := s.wait("stk"); got.Reason != "cut: the emulator is stopping; it is not sent again" {
		t.Errorf("reason %q", got.Reason)
	}
	close(release)
	target.Close()
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines before, %d after:\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
	}
}

// A slow target does not hold up another.
func TestFairSenders(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) { <-release }))
	got := make(chan struct{}, 1)
	fast := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) { got <- struct{}{} }))
	s := newSite(t, "subscriber-lock=off")
	for range 64 {
		s.push(slow.URL)
	}
	s.push(fast.URL)
	select {
	case <-got:
	case <-time.After(4 * time.Second):
		t.Error("the fast target waits for the slow one")
	}
	close(release)
	s.Close(time.Minute)
	slow.Close()
	fast.Close()
}

// Bodies that are too large, too slow or cut, and requests that are no requests, are answered or dropped, never waited for.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	s, hasty := newSite(t), newSite(t)
	hasty.e.engine.Patience = 500 * time.Millisecond // for one who is slow, and not on a slow machine
	defer s.Close(time.Minute)
	defer hasty.Close(time.Minute)
	const head = "POST /mpesa/stkpush/v1/processrequest HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer TOKEN\r\n"
	large := `{"fault":{"faultstring":"Body buffer overflow","detail":{"errorcode":"protocol.http.TooBigBody"}}}`
	for _, tt := range []struct {
		name, request string
		status        string
		want          string
	}{
		{"huge", head + "Content-Length: 2000000\r\n\r\n{", "413", large},
		{"huge chunks", head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("10000\r\n"+strings.Repeat("x", 0x10000)+"\r\n", 17) + "0\r\n\r\n", "413", large},
		{"slow", head + "Content-Length: 100\r\n\r\n{", "400", `"errorCode":"400.002.05","errorMessage":"Invalid Request Payload"`},
		{"deep", head + "Content-Length: 200000\r\n\r\n" + strings.Repeat("[", 200000), "400", `"errorCode":"400.002.05"`},
		{"binary", head + "Content-Length: 4\r\n\r\n\x00\xff\xfe\x01", "400", `"errorCode":"400.002.05"`},
		{"verb", "BREW" + head[4:] + "Content-Length: 0\r\n\r\n", "405", `"errorCode":"405.001","errorMessage":"Method Not Allowed"`},
		{"path", "GET /mpesa/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "404", `"errorCode":"404.001.01"`},
		{"connect", "CONNECT api.safaricom.co.ke:443 HTTP/1.1\r\nHost: api.safaricom.co.ke:443\r\n\r\n", "404", ""},
	} {
		s := s
		if tt.name == "slow" {
			s = hasty
		}
		conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		go func() { _, _ = io.WriteString(conn, strings.Replace(tt.request, "TOKEN", s.token, 1)) }()
		answer := make([]byte, 4096)
		n, err := io.ReadAtLeast(conn, answer, 200)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := string(answer[:n]); !strings.HasPrefix(got, "HTTP/1.1 "+tt.status) || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q", tt.name, got)
		}
		_ = conn.Close()
	}
}

// FuzzHandler: whatever is posted wherever, something is answered and nothing panics.
func FuzzHandler(f *testing.F) {
	f.Add("POST", "/mpesa/stkpush/v1/processrequest", `{"Amount":1}`)
	f.Add("POST", "/mpesa/transactionstatus/v1/query", `{"Initiator":"testapi","SecurityCredential":"eA=="}`)
	f.Add("POST", "/_emulator/behaviours", `{"set":["html-503=1/3@push+query"]}`)
	f.Add("POST", "/_emulator/clock", `{"advance":"9s"}`)
	f.Add("GET", "/_emulator/requests?limit=1", "")
	e, err := New(Options{Clock: "virtual", HTTPClient: &http.Client{Transport: nowhere{}}})
	if err != nil {
		f.Fatal(err)
	}
	token := strings.TrimPrefix(bearer(f, e)["Authorization"], "Bearer ")
	f.Fuzz(func(t *testing.T, method, path, body string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://localhost"+path, strings.NewReader(body))
		if err != nil {
			return
		}
		req.RequestURI = req.URL.RequestURI()
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Payctl-Control", "1")
		w := httptest.NewRecorder()
		defer func() {
			if p := recover(); p != nil && fmt.Sprint(p) != http.ErrAbortHandler.Error() {
				panic(p)
			}
		}()
		e.Handler().ServeHTTP(w, req)
		if w.Code < 200 || w.Code > 599 {
			t.Errorf("status %d", w.Code)
		}
	})
}

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("nowhere") }
