package emulator

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/socketio"
)

// ask posts a deposit over the site's socket.
func (s *site) ask(body string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL+"/api/v1/partner"+"/deposits/mpesa", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-API-Key", engine.Credentials().WasaaPayAPIKey)
	req.Header.Set("X-Idempotency-Key", fmt.Sprintf("%x", sha256.Sum256([]byte(body))))
	resp, err := s.server.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(answer)
}

// A webhook target that is down, redirects, or answers late: each attempt is logged with its reason.
func TestHostileWebhookTargets(t *testing.T) {
	t.Parallel()
	moved := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	defer moved.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer broken.Close()
	for _, tt := range []struct{ target, want string }{
		{"http://127.0.0.1:1/", "the target cannot be reached: "},
		{moved.URL, "the target redirects (302): redirects are not followed"},
		{broken.URL, "the target cannot be reached: "},
		{"http://203.0.113.7/hook", "not sent: the target is a public address; the behaviour public-callbacks allows it"},
	} {
		s := &site{t: t}
		var err error
		s.e, err = New(Options{WebhookURL: tt.target, Log: func(x engine.Exchange) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log = append(s.log, x)
		}})
		if err != nil {
			t.Fatal(err)
		}
		s.server = httptest.NewServer(s.e.Handler())
		s.ask(`{"walletId":"wallet_local","amount":100,"phoneNumber":"0712345678"}`)
		if got := s.wait("webhook"); !got.Refused || !strings.HasPrefix(got.Reason, tt.want) {
			t.Errorf("%s: %+v", tt.target, got)
		}
		s.Close(time.Minute)
	}
}

// An address for webhooks that is none is an error of the start, which does not repeat it: it may hold a secret path.
func TestWebhookURL(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"callbacks/secret", "ftp://a.test/secret", "http://", "http://a b/secret"} {
		e, err := New(Options{WebhookURL: address})
		if err == nil {
			_ = e.Close(t.Context())
		}
		if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "webhook url") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// Sockets, held polls and webhooks under way end with Close, and no goroutine is left.
func TestWasaaPayLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	release := make(chan struct{})
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	e, err := New(Options{WebhookURL: target.URL})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, e: e, server: httptest.NewServer(e.Handler())}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for _, transport := range []string{socketio.TransportWebSocket, socketio.TransportPolling} {
		client, err := socketio.NewClient(socketio.ClientOptions{
			URL: s.server.URL, Path: "/partner/socket", Transports: []string{transport},
			Auth: func() any { return map[string]string{"apiKey": engine.Credentials().WasaaPayAPIKey} },
		})
		if err != nil {
			t.Fatal(err)
		}
		greeted := make(chan struct{}, 1)
		go func() {
			ended <- client.Run(ctx, func(_ context.Context, e socketio.Event) error {
				if e.Kind == socketio.EventMessage {
					greeted <- struct{}{}
				}
				return nil
			})
		}()
		<-greeted
	}
	s.ask(`{"walletId":"wallet_local","amount":100,"phoneNumber":"0712345678"}`)
	closing, stop := context.WithTimeout(context.WithoutCancel(t.Context()), 100*time.Millisecond)
	defer stop()
	if err := e.Close(closing); err != nil {
		t.Error(err)
	}
	cancel()
	_, _ = <-ended, <-ended
	close(release)
	s.server.Close()
	target.Close()
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines before, %d after:\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
	}
}

// Whatever is posted as a deposit, the answer is JSON with a status of the API, and money stays whole.
func FuzzDeposit(f *testing.F) {
	for _, seed := range []string{
		`{"walletId":"wallet_local","amount":100,"phoneNumber":"0712345678"}`,
		`{"walletId":"wallet_local","amount":"100.00","phoneNumber":254712345678,"externalReference":"x"}`,
		`{"walletId":"wallet_local","amount":-0,"phoneNumber":"+254712345678"}`,
		`{"walletId":"wallet_local","amount":1e400,"phoneNumber":"+254712345678"}`,
		`{"walletId":"\ud800","amount":1,"phoneNumber":"+254712345678","walletId":null}`,
		`[]`, `{`, ``, "\x00", `{"amount":"٣"}`,
	} {
		f.Add([]byte(seed))
	}
	e, err := New(Options{Clock: "virtual", HTTPClient: &http.Client{Transport: nowhere{}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close(context.Background()) })
	f.Fuzz(func(t *testing.T, body []byte) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/api/v1/partner"+"/deposits/mpesa", strings.NewReader(string(body)))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-API-Key", engine.Credentials().WasaaPayAPIKey)
		req.Header.Set("X-Idempotency-Key", fmt.Sprintf("%x", sha256.Sum256(body)))
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, req)
		switch w.Code {
		case http.StatusCreated, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict:
		default:
			t.Fatalf("status %d for %q", w.Code, body)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Fatalf("answer %q to %q", w.Body.Bytes(), body)
		}
		if _, err := e.engine.Clock.Advance(time.Second); err != nil {
			t.Fatal(err)
		}
		sum := -1_000_000.00 // what an organisation begins with
		state := stateView(t, e)
		for _, org := range state.Daraja.Organisations {
			if org.Shortcode == "600777" {
				sum += amount(t, org.Utility)
			}
		}
		if len(state.Daraja.Organisations) == 0 {
			sum = 0
		}
		for _, wallet := range state.WasaaPay.Wallets {
			sum -= amount(t, wallet.Balance)
		}
		if sum != 0 {
			t.Fatalf("%.2f between the paybill and the wallets after %q", sum, body)
		}
	})
}

// view is what the control plane shows of the money.
type view struct {
	Daraja struct {
		Organisations []struct{ Shortcode, Utility string }
	}
	WasaaPay struct {
		Wallets []struct{ ID, Balance string }
	}
}

func stateView(t *testing.T, e *Emulator) view {
	t.Helper()
	answer := httptest.NewRecorder()
	e.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://localhost/_emulator/state", nil))
	var v view
	if err := json.Unmarshal(answer.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func amount(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
