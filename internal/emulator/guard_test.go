package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/emulator"
)

// guarded is an emulator behind a socket, as a browser on this machine finds it.
type guarded struct {
	*testing.T
	e      *emulator.Emulator
	server *httptest.Server
}

func newGuarded(t *testing.T, opts emulator.Options) *guarded {
	t.Helper()
	opts.Clock = "virtual"
	e, err := emulator.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{t, e, httptest.NewServer(e.Handler())}
	t.Cleanup(func() {
		g.server.Close()
		_ = e.Close(t.Context())
	})
	return g
}

// send makes a request with the given Host ("" for the server's own address) and header pairs.
func (g *guarded) send(method, path, host string, header ...string) *http.Response {
	g.Helper()
	body := io.Reader(http.NoBody)
	if method == http.MethodPost {
		body = strings.NewReader(`{"advance":"1s"}`)
	}
	req, err := http.NewRequestWithContext(g.Context(), method, g.server.URL+path, body)
	if err != nil {
		g.Fatal(err)
	}
	req.Host = host
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := g.server.Client().Do(req)
	if err != nil {
		g.Fatal(err)
	}
	g.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// A page that rebinds its own name to 127.0.0.1 is same-origin with what answers there. It must read neither tokens and
// phones from the control plane nor anything through a provider's routes, whatever it calls itself.
func TestRebindingReadsNothing(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, emulator.Options{PublicHosts: []string{"Host.Docker.Internal"}})
	paths := []string{
		"/_emulator/state?phones=full", "/_emulator/requests?phones=full", "/_emulator/env", "/_emulator/prompts", "/_emulator/",
		"/oauth/v1/generate?grant_type=client_credentials", "/api/v1/partner/users", "/partner/socket/?EIO=4&transport=polling", "/", "/nothing",
	}
	for _, host := range []string{
		"evil.example", "evil.example:4010", "127.0.0.1.nip.io:4010", "localhost.evil.example", "app.localhost:4010", "localhost.localdomain",
		"sandbox.safaricom.co.ke.evil.example", "xapi.wasaapay.com", "0.0.0.0:4010", "10.0.0.1:4010", "169.254.169.254", "[::2]:4010", "2130706433",
		"0x7f000001", "127.1", "host.docker.internal.evil.example", "EVIL.EXAMPLE", "[evil]", "127.0.0.1@evil.example", "-", "localhost,evil.example",
	} {
		for _, path := range paths {
			if resp := g.send(http.MethodGet, path, host); resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusBadRequest {
				t.Errorf("GET %s with Host %q: %d", path, host, resp.StatusCode)
			}
		}
		for _, path := range []string{"/_emulator/clock", "/mpesa/stkpush/v1/processrequest"} {
			resp := g.send(http.MethodPost, path, host, "X-Payctl-Control", "1", "Origin", "http://"+host)
			if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusBadRequest {
				t.Errorf("POST %s with Host %q: %d", path, host, resp.StatusCode)
			}
		}
	}
	for _, host := range []string{
		"", "localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.2:9", "[::1]:4010", "sandbox.safaricom.co.ke", "api.safaricom.co.ke:443",
		"api.wasaapay.com", "sandbox.wasaapay.com.", "host.docker.internal:4010",
	} {
		if resp := g.send(http.MethodGet, "/_emulator/clock", host); resp.StatusCode != http.StatusOK {
			t.Errorf("Host %q: %d", host, resp.StatusCode)
		}
	}
}

// A form of a foreign page reaches this machine with the right Host. It must change nothing: not the state, not the
// behaviours, not the clock, and no callback may be sent to wherever it likes.
func TestFormPostChangesNothing(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, emulator.Options{})
	state := func() string {
		body, _ := io.ReadAll(g.send(http.MethodGet, "/_emulator/state", "").Body)
		return string(body)
	}
	before := state()
	for _, page := range [][]string{
		{},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Origin", "http://127.0.0.1:3000"}, // this machine's, and yet not payctl's own
		{"Sec-Fetch-Site", "cross-site"},
		{"X-Payctl-Control", "0"},
		{"X-Payctl-Control", ""},
		{"X-Payctl-Control", "1", "Origin", "https://evil.example"},
		{"X-Payctl-Control", "1", "Origin", "http://localhost:3000"},
		{"X-Payctl-Control", "1", "Origin", "null"},
	} {
		page = append(page, "Content-Type", "text/plain")
		for _, call := range [][2]string{
			{http.MethodPost, "clock"},
			{http.MethodPost, "reset"},
			{http.MethodPost, "behaviours"},
			{http.MethodPost, "answer"},
			{http.MethodPost, "emit"},
			{http.MethodDelete, "behaviours"},
			{http.MethodDelete, "behaviours/manual"},
			{http.MethodPut, "reset"},
			{http.MethodOptions, "reset"},
		} {
			if resp := g.send(call[0], "/_emulator/"+call[1], "", page...); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s from %q: %d", call[0], call[1], page, resp.StatusCode)
			}
		}
	}
	if after := state(); after != before {
		t.Errorf("the state has changed:\n%s\n%s", before, after)
	}
	for _, own := range [][]string{{}, {"Origin", g.server.URL}} {
		if resp := g.send(http.MethodPost, "/_emulator/clock", "", append(own, "X-Payctl-Control", "1")...); resp.StatusCode != http.StatusOK {
			t.Errorf("payctl's own call from %q: %d", own, resp.StatusCode)
		}
	}
}

// A foreign page posts to a provider's route, which would have the emulator call back wherever the page says and show it
// the answers of other servers of this machine. Pages of this machine are served, with CORS.
func TestForeignPageReachesNoProvider(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, emulator.Options{})
	routes := [][2]string{
		{http.MethodPost, "/mpesa/stkpush/v1/processrequest"},
		{http.MethodGet, "/oauth/v1/generate"},
		{http.MethodPost, "/api/v1/partner/deposits/mpesa"},
		{http.MethodGet, "/partner/socket/?EIO=4&transport=polling"},
		{http.MethodPost, "/partner/socket/?EIO=4&transport=polling"},
		{http.MethodGet, "/nothing"},
	}
	for _, origin := range []string{
		"https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "https://sandbox.safaricom.co.ke",
		"http://localhost@evil.example", "file://", "chrome-extension://abc", "http://10.0.0.7", "http://0.0.0.0:3000", "javascript://localhost", "http://app.localhost",
	} {
		for _, rt := range routes {
			resp := g.send(rt[0], rt[1], "", "Origin", origin)
			if resp.StatusCode != http.StatusForbidden || resp.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s from %s: %d, allowed %q", rt[0], rt[1], origin, resp.StatusCode, resp.Header.Get("Access-Control-Allow-Origin"))
			}
		}
		resp := g.send(http.MethodOptions, "/mpesa/stkpush/v1/processrequest", "", "Origin", origin, "Access-Control-Request-Method", "POST")
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("preflight of %s: %d", origin, resp.StatusCode)
		}
		upgrade := g.send(http.MethodGet, "/partner/socket/?EIO=4&transport=websocket", "", "Origin", origin, "Connection", "Upgrade", "Upgrade", "websocket",
			"Sec-Websocket-Version", "13", "Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
		if upgrade.StatusCode != http.StatusForbidden {
			t.Errorf("websocket of %s: %d", origin, upgrade.StatusCode)
		}
	}
	if resp := g.send(http.MethodGet, routes[1][1], "", "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("an image of a foreign page: %d", resp.StatusCode)
	}
	for _, origin := range []string{"http://localhost:3000", "https://127.0.0.1:8443", "http://[::1]:5173", g.server.URL} {
		for _, rt := range routes {
			resp := g.send(rt[0], rt[1], "", "Origin", origin, "Sec-Fetch-Site", "cross-site")
			if resp.StatusCode == http.StatusForbidden || resp.Header.Get("Access-Control-Allow-Origin") != origin {
				t.Errorf("%s %s from %s: %d, allowed %q", rt[0], rt[1], origin, resp.StatusCode, resp.Header.Get("Access-Control-Allow-Origin"))
			}
		}
		asked := "authorization,content-type,x-api-key"
		for _, path := range []string{routes[0][1], routes[3][1]} {
			resp := g.send(http.MethodOptions, path, "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", asked)
			if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Access-Control-Allow-Headers") != asked ||
				!strings.Contains(resp.Header.Get("Access-Control-Allow-Methods"), "POST") {
				t.Errorf("preflight of %s for %s: %d %v", origin, path, resp.StatusCode, resp.Header)
			}
		}
	}
}

// A refusal says what to do, in JSON, and stands in the log.
func TestGuardSaysWhy(t *testing.T) {
	t.Parallel()
	var log []emulator.Exchange
	g := newGuarded(t, emulator.Options{Log: func(x emulator.Exchange) { log = append(log, x) }})
	for says, resp := range map[string]*http.Response{
		"--public-host":         g.send(http.MethodGet, "/_emulator/state", `evil"<b>.example`+strings.Repeat("x", 500)),
		"X-Payctl-Control: 1":   g.send(http.MethodPost, "/_emulator/reset", ""),
		"pages of this machine": g.send(http.MethodGet, "/oauth/v1/generate", "", "Origin", "https://evil.example"),
	} {
		var answer struct{ Error string }
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || !strings.Contains(answer.Error, says) || len(answer.Error) > 400 {
			t.Errorf("%s: %v %q", says, err, answer.Error)
		}
	}
	g.server.Close()
	if len(log) != 3 || !log[0].Refused || log[0].Status != http.StatusForbidden || log[0].Reason == "" {
		t.Errorf("the log has %+v", log)
	}
}

// What is no name of a host is refused at the start.
func TestPublicHosts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "http://x", "x:4010", "x/y", "*", "a..b", "*.example.com", "a b", "é.test"} {
		if _, err := emulator.New(emulator.Options{PublicHosts: []string{name}}); err == nil || !strings.Contains(err.Error(), "public host") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
