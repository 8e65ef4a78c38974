package listen

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// askWith serves one request with more headers ("Name: value").
func askWith(t *testing.T, s *Server, method, target, from, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.RemoteAddr = from
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// TestPostOfAPage: a page that the operator has open may have his browser post
// anything to this machine. No provider sends what tells it.
func TestPostOfAPage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		headers      []string
		status, kept int
	}{
		"a provider":                   {nil, 200, 1},
		"another page":                 {[]string{"Origin: https://evil.example"}, 403, 0},
		"a page of this machine":       {[]string{"Origin: http://127.0.0.1:3000"}, 403, 0},
		"a page of the listener's own": {[]string{"Origin: http://127.0.0.1:4020", "Sec-Fetch-Site: same-origin"}, 403, 0},
		"a file, a sandboxed frame":    {[]string{"Origin: null"}, 403, 0},
		"an empty origin":              {[]string{"Origin: "}, 403, 0},
		"a rebound name":               {[]string{"Host: evil.example", "Origin: http://evil.example:4020", "Sec-Fetch-Site: same-origin"}, 403, 0},
		"a form without origin":        {[]string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, 403, 0},
		"a sibling site":               {[]string{"Sec-Fetch-Site: same-site"}, 403, 0},
		"none, then cross-site":        {[]string{"Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"}, 403, 0},
		"a word of later browsers":     {[]string{"Sec-Fetch-Site: elsewhere"}, 403, 0},
		"a person's own":               {[]string{"Sec-Fetch-Site: none"}, 200, 1},
		"Node's fetch":                 {[]string{"Sec-Fetch-Mode: cors", "User-Agent: node"}, 200, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ledger := newServer(t, Options{})
			w := askWith(t, s, "POST", stkPath, home, stkBody, tt.headers...)
			if w.Code != tt.status || len(ledger.stored()) != tt.kept {
				t.Errorf("status %d, %d kept; want %d and %d", w.Code, len(ledger.stored()), tt.status, tt.kept)
			}
			if w := askWith(t, s, "POST", "/callbacks/daraja/nowhere", home, "{}", tt.headers...); tt.status == 403 && w.Code != 403 {
				t.Errorf("to no route: %d", w.Code)
			}
		})
	}
}

// TestSecretPathIsDecidedOnThePeer: behind a secret path, who reads /metrics and
// /readyz is decided on the socket's peer, and a proxy on this machine is not this
// machine, whatever it says or leaves out.
func TestSecretPathIsDecidedOnThePeer(t *testing.T) {
	t.Parallel()
	const token = "install-token-0123"
	for name, tt := range map[string]struct {
		from    string
		headers []string
		status  int
	}{
		"this machine":                       {home, nil, 200},
		"this machine, IPv6":                 {"[::1]:5", nil, 200},
		"this machine, IPv4 in IPv6":         {"[::ffff:127.0.0.1]:5", nil, 200},
		"a stranger":                         {stranger, nil, 404},
		"a stranger who says he is at home":  {stranger, []string{"X-Forwarded-For: 127.0.0.1"}, 404},
		"a stranger who says it otherwise":   {stranger, []string{"X-Real-IP: 127.0.0.1"}, 404},
		"a proxy":                            {home, []string{"X-Forwarded-For: 203.0.113.9"}, 404},
		"a proxy that says it is at home":    {home, []string{"X-Forwarded-For: 127.0.0.1"}, 404},
		"a proxy with an empty word":         {home, []string{"X-Forwarded-For: "}, 404},
		"a proxy that sends X-Real-IP alone": {home, []string{"X-Real-IP: 203.0.113.9"}, 404},
		"Cloudflare's alone":                 {home, []string{"CF-Connecting-IP: 203.0.113.9"}, 404},
		"Cloudflare's ray alone":             {home, []string{"CF-Ray: 1-NBO"}, 404},
		"True-Client-IP alone":               {home, []string{"True-Client-IP: 127.0.0.1"}, 404},
		"the standard's":                     {home, []string{"Forwarded: for=127.0.0.1"}, 404},
		"Via":                                {home, []string{"Via: 1.1 proxy"}, 404},
		"the host that was asked":            {home, []string{"X-Forwarded-Host: hooks.example"}, 404},
		"a trusted proxy for a stranger":     {"10.0.0.1:5", []string{"X-Forwarded-For: 203.0.113.9"}, 404},
		"a trusted proxy for this machine":   {"10.0.0.1:5", []string{"X-Forwarded-For: 127.0.0.1"}, 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newServer(t, Options{InstallToken: token, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
			for path, want := range map[string]int{
				"/metrics": tt.status, "/readyz": tt.status, "/healthz": 200,
				"/metrics/" + token: 200, "/readyz/" + token: 200, "/metrics/wrong": 404, "/readyz/wrong": 404,
			} {
				if w := askWith(t, s, "GET", path, tt.from, "", tt.headers...); w.Code != want {
					t.Errorf("%s: %d, want %d", path, w.Code, want)
				}
			}
			open, _ := newServer(t, Options{})
			for _, path := range []string{"/metrics", "/readyz"} {
				if w := askWith(t, open, "GET", path, tt.from, "", tt.headers...); w.Code != 200 {
					t.Errorf("without a secret path, %s: %d", path, w.Code)
				}
			}
		})
	}
}

// TestC2BIsNotOpen: what nothing vouches for is kept and answered, but not believed,
// and the listener says so.
func TestC2BIsNotOpen(t *testing.T) {
	t.Parallel()
	s, ledger := newServer(t, Options{C2BUntrusted: true})
	for _, path := range []string{"/callbacks/daraja/c2b/confirmation", "/callbacks/daraja/c2b/validation", stkPath} {
		if w := ask(t, s, "POST", path, home, stkBody); w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	var got []string
	for _, a := range ledger.stored() {
		got = append(got, a.Distrust)
	}
	if diff := cmp.Diff([]string{openC2B, openC2B, ""}, got); diff != "" {
		t.Errorf("distrust (-want +got):\n%s", diff)
	}
	if w := ask(t, s, "GET", "/readyz", home, ""); w.Code != 200 || w.Body.String() != "ready\nc2b untrusted: "+openC2B+"\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	guarded, _ := newServer(t, Options{})
	if w := ask(t, guarded, "GET", "/readyz", home, ""); w.Body.String() != "ready\n" {
		t.Errorf("%q", w.Body)
	}
}

// TestEnforceKnowsNoPeer: an enforced check of addresses also holds for who has none,
// such as the other end of a Unix socket, and for spilled deliveries.
func TestEnforceKnowsNoPeer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plant(t, dir, "20260102T030405.000000000-a"+suffixSpilled, valid())
	s, ledger := newServer(t, Options{SpillDir: dir, AddressCheck: func(_ payment.ProviderID, a netip.Addr) (string, bool) {
		if a != netip.MustParseAddr("196.201.212.69") {
			return "not listed", true
		}
		return "", true
	}})
	if w := ask(t, s, "POST", stkPath, "@", stkBody); w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
	if err := s.takeIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := ledger.stored()
	if len(got) != 2 || got[0].Distrust != "not listed" || got[1].Distrust != "not listed" {
		t.Errorf("got %+v", got)
	}
}

// valid is a spilled delivery as a listener writes it.
func valid() spilled {
	sum := sha256.Sum256([]byte(stkBody))
	return spilled{
		Version: 1, Provider: payment.Daraja, Route: stkPath, Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}},
		Peer: "203.0.113.9", ReceivedAt: time.Unix(1, 0), SHA256: hex.EncodeToString(sum[:]), Body: []byte(stkBody),
	}
}

func plant(t *testing.T, dir, name string, file any) string {
	t.Helper()
	text, ok := file.([]byte)
	if !ok {
		var err error
		if text, err = json.Marshal(file); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPlantedSpill puts files into the spill directory that no listener writes. None is
// taken in, none is lost, and the others are taken in all the same.
func TestPlantedSpill(t *testing.T) {
	t.Parallel()
	changed := func(f func(*spilled)) spilled {
		out := valid()
		f(&out)
		return out
	}
	for name, file := range map[string]any{
		"nothing":                    []byte(""),
		"null":                       []byte("null"),
		"no JSON":                    []byte("{"),
		"two documents":              []byte(`{"version":1}{"version":1}`),
		"another version":            changed(func(f *spilled) { f.Version = 2 }),
		"no version":                 changed(func(f *spilled) { f.Version = 0 }),
		"no digest":                  changed(func(f *spilled) { f.SHA256 = "" }),
		"another body":               changed(func(f *spilled) { f.Body = []byte("{}") }),
		"no such route":              changed(func(f *spilled) { f.Route = "/callbacks/daraja/b2c" }),
		"another provider's route":   changed(func(f *spilled) { f.Route = "/callbacks/wasaapay" }),
		"no such provider":           changed(func(f *spilled) { f.Provider = "bank" }),
		"a route with a query":       changed(func(f *spilled) { f.Route += "?x=1" }),
		"a token with a slash":       changed(func(f *spilled) { f.Token = "a/../b" }),
		"a token beyond any length":  changed(func(f *spilled) { f.Token = strings.Repeat("a", 1000) }),
		"another method":             changed(func(f *spilled) { f.Method = "DELETE" }),
		"a peer that is no address":  changed(func(f *spilled) { f.Peer = "safaricom" }),
		"a peer with a line break":   changed(func(f *spilled) { f.Peer = "1.1.1.1\nx" }),
		"of the year 3000":           changed(func(f *spilled) { f.ReceivedAt = time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"of no time":                 changed(func(f *spilled) { f.ReceivedAt = time.Time{} }),
		"larger than any callback":   append([]byte(`{"version":1,"x":"`), append(bytes.Repeat([]byte("a"), maxSpilled), `"}`...)...),
		"types that are none of its": []byte(`{"version":"1","header":[]}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			planted := plant(t, dir, "20260101T000000.000000000-planted"+suffixSpilled, file)
			plant(t, dir, "20260102T000000.000000000-good"+suffixSpilled, valid())
			var log bytes.Buffer
			s, ledger := newServer(t, Options{SpillDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err := s.takeIn(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := ledger.stored(); len(got) != 1 || string(got[0].Delivery.Body) != stkBody {
				t.Errorf("taken in: %+v", got)
			}
			if _, err := os.Stat(planted + suffixBad); err != nil || !strings.Contains(log.String(), "planted") {
				t.Errorf("not set aside aloud: %v; log %s", err, &log)
			}
		})
	}
}

// TestPlantedSpillUnderASecretPath: a file is no way around the secret of a route.
func TestPlantedSpillUnderASecretPath(t *testing.T) {
	t.Parallel()
	const token = "install-token-0123"
	dir := t.TempDir()
	for i, t2 := range []string{"", "wrong-token", token} {
		f := valid()
		f.Route, f.Token = "/callbacks/daraja/c2b/confirmation", t2
		plant(t, dir, "20260102T03040"+string(rune('0'+i))+".000000000-a"+suffixSpilled, f)
	}
	s, ledger := newServer(t, Options{SpillDir: dir, InstallToken: token})
	if err := s.takeIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	const why = "it was spilled without the secret path that its route needs"
	var got []string
	for _, a := range ledger.stored() {
		got = append(got, a.Distrust)
	}
	if diff := cmp.Diff([]string{why, why, ""}, got); diff != "" {
		t.Errorf("distrust (-want +got):\n%s", diff)
	}
}

// FuzzSpilled: what is read from a spilled file is what a listener could have written,
// and reads the same when it is written again.
func FuzzSpilled(f *testing.F) {
	good, err := json.Marshal(valid())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(good), "", "null", "{}", `{"version":1}`, strings.Replace(string(good), "203.0.113.9", "evil", 1), strings.Replace(string(good), "/stk", "/c2b/confirmation", 1)} {
		f.Add([]byte(seed))
	}
	now := time.Unix(1<<31, 0)
	f.Fuzz(func(t *testing.T, text []byte) {
		d, _, err := parseSpilled(text, now)
		if err != nil {
			return
		}
		if d.ReceivedAt.IsZero() || d.ReceivedAt.After(now.Add(maxAhead)) || d.Token != "" && !isToken(d.Token) {
			t.Fatalf("took %+v", d)
		}
		sum := sha256.Sum256(d.Body)
		again, err := json.Marshal(spilled{
			Version: 1, Provider: d.Provider, Route: d.Route, Token: d.Token, Method: d.Method, Header: d.Header, Peer: d.Peer,
			ReceivedAt: d.ReceivedAt, SHA256: hex.EncodeToString(sum[:]), Body: d.Body,
		})
		if err != nil {
			t.Fatal(err)
		}
		second, _, err := parseSpilled(again, now)
		if err != nil || !bytes.Equal(second.Body, d.Body) || second.Route != d.Route {
			t.Fatalf("written again: %v", err)
		}
	})
}
