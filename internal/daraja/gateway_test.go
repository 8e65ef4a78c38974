package daraja

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// amounts lets go-cmp compare the types with hidden fields.
func amounts() cmp.Options {
	return cmp.Options{
		cmp.Comparer(func(a, b payment.Amount) bool { return a == b }),
		cmp.Comparer(func(a, b payment.Phone) bool { return a == b }),
	}
}

func noon() time.Time { return time.Date(2026, 1, 2, 0, 4, 5, 0, time.UTC) } // 03:04:05 in Nairobi

// call is one request that the fake gateway got.
type gotCall struct {
	Path   string
	Bearer string
	Body   map[string]any
}

// answer is one scripted answer.
type answer struct {
	status int
	body   string
	header http.Header
	// cut closes the connection without an answer.
	cut bool
}

// gateway is a fake Daraja: it mints numbered tokens, and answers every other
// call with the next of its script.
type gateway struct {
	*httptest.Server
	t *testing.T

	mu     sync.Mutex
	script []answer
	calls  []gotCall
	minted int
	oauth  func(n int) answer
}

func newGateway(t *testing.T, script ...answer) *gateway {
	t.Helper()
	g := &gateway{t: t, script: script}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(func() {
		g.Close()
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.script) > 0 {
			t.Errorf("%d scripted answers were never asked for", len(g.script))
		}
	})
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		g.t.Error(err)
	}
	a := g.next(r, body)
	if a.cut {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			g.t.Error(err)
			return
		}
		_ = conn.Close()
		return
	}
	maps.Copy(w.Header(), a.header)
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func (g *gateway) next(r *http.Request, body []byte) answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.URL.Path == "/oauth/v1/generate" {
		g.minted++
		if user, pass, ok := r.BasicAuth(); r.Method != http.MethodGet || !ok || user != "key" || pass != "sec&ret" || r.URL.RawQuery != "grant_type=client_credentials" {
			g.t.Errorf("oauth request is not §2's: %s %s", r.Method, r.URL)
		}
		if g.oauth != nil {
			return g.oauth(g.minted)
		}
		return answer{status: 200, body: `{"access_token":"token` + string(rune('0'+g.minted)) + `","expires_in":"3599"}`}
	}
	got := gotCall{Path: r.URL.Path, Bearer: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
	if r.Method != http.MethodPost {
		g.t.Errorf("%s %s: every call but oauth is a POST (§1)", r.Method, r.URL.Path)
	}
	if err := json.Unmarshal(body, &got.Body); err != nil {
		g.t.Errorf("request body: %v", err)
	}
	g.calls = append(g.calls, got)
	if len(g.script) == 0 {
		g.t.Errorf("unexpected call to %s", r.URL.Path)
		return answer{status: 500}
	}
	a := g.script[0]
	g.script = g.script[1:]
	return a
}

func (g *gateway) seen() []gotCall {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]gotCall(nil), g.calls...)
}

func (g *gateway) tokensMinted() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.minted
}

// config is a complete local configuration for the gateway.
func (g *gateway) config() Config {
	return Config{
		Environment: payment.Local, BaseURL: g.URL,
		ConsumerKey: secret.New("key"), ConsumerSecret: secret.New("sec&ret"), Passkey: secret.New("passkey"),
		ShortCode: "600111", Initiator: "apiuser01", InitiatorPassword: secret.New("Invented#1"),
		Certificate: testCertificate(g.t, noon()), HTTP: g.Client(), Now: noon,
	}
}

func (g *gateway) client() *Client { return mustNew(g.t, g.config()) }

func mustNew(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustPhone(t *testing.T, text string) payment.Phone {
	t.Helper()
	p, err := payment.ParsePhone(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const checkoutID = "ws_CO_020120260304057711000222"

func testDeposit(t *testing.T) payment.Deposit {
	t.Helper()
	return payment.Deposit{
		Reference: "INV-2207", Description: "Order 2207", Amount: payment.AmountOf(15000, payment.KES),
		Phone: mustPhone(t, "0711000222"), ProviderID: checkoutID, ShortCode: "600111",
	}
}

func testRequest(t *testing.T) payment.DepositRequest {
	t.Helper()
	return payment.DepositRequest{Deposit: testDeposit(t), CallbackURL: "http://127.0.0.1:4020/callbacks/daraja/stk/K7f2C1"}
}

const fixtures = "../../testdata/daraja"

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(fixtures, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// allFixtures returns every fixture by its name under testdata/daraja.
func allFixtures(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, dir := range []string{"stk", "result", "timeout", "c2b"} {
		names, err := filepath.Glob(filepath.Join(fixtures, dir, "*.json"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no fixtures in %s: %v", dir, err)
		}
		for _, name := range names {
			short := dir + "/" + filepath.Base(name)
			out[short] = fixture(t, short)
		}
	}
	return out
}
