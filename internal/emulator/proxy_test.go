package emulator

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/front"
	"github.com/payctl/payctl/internal/socketio"
)

// proxied is an emulator behind its proxy.
type proxied struct {
	t    *testing.T
	e    *Emulator
	addr string
	end  func() error
}

func newGate(t *testing.T, opts Options) *proxied {
	t.Helper()
	e, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- e.ServeProxy(ctx, ln) }()
	g := &proxied{t: t, e: e, addr: ln.Addr().String()}
	g.end = func() error {
		cancel()
		err := <-served
		served <- err
		return err
	}
	t.Cleanup(func() {
		if err := g.end(); err != nil {
			t.Errorf("proxy: %v", err)
		}
		if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("emulator: %v", err)
		}
	})
	return g
}

func trusting(t *testing.T, ca *front.CA) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM([]byte(ca.PEM())) {
		t.Fatal("the CA's PEM has no certificate")
	}
	return p
}

// client trusts the CA and nothing else, and knows only the proxy.
func (g *proxied) client() *http.Client {
	g.t.Helper()
	ca, err := g.e.CA()
	if err != nil {
		g.t.Fatal(err)
	}
	pool := trusting(g.t, ca)
	transport := &http.Transport{
		Proxy:           http.ProxyURL(&url.URL{Scheme: "http", Host: g.addr}),
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}
	g.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (g *proxied) get(address string) (int, string) {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("X-API-Key", engine.Credentials().WasaaPayAPIKey)
	req.SetBasicAuth(engine.Credentials().ConsumerKey, engine.Credentials().ConsumerSecret)
	resp, err := g.client().Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// say sends raw bytes to the proxy and returns the status line and what follows it.
func (g *proxied) say(text string) string {
	g.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(g.t.Context(), "tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, text)
	answer, _ := io.ReadAll(bufio.NewReader(conn))
	return string(answer)
}

// The providers' hosts are answered by CONNECT and in absolute form; everything else is refused with the reason.
func TestProxy(t *testing.T) {
	t.Parallel()
	g := newGate(t, Options{})
	const oauth = "/oauth/v1/generate?grant_type=client_credentials"
	for _, tt := range []struct {
		address string
		status  int
		want    string
	}{
		{"https://sandbox.safaricom.co.ke" + oauth, 200, "access_token"},
		{"https://api.safaricom.co.ke" + oauth, 200, "access_token"},
		{"https://API.Safaricom.co.ke" + oauth, 200, "access_token"},
		{"https://api.wasaapay.com/api/v1/partner/users", 200, "wallet_local"},
		{"https://sandbox.wasaapay.com/partner/socket/?EIO=4&transport=polling", 200, `0{"sid"`},
		{"http://sandbox.safaricom.co.ke" + oauth, 200, "access_token"},
		{"http://api.wasaapay.com:80/api/v1/partner/users", 200, "wallet_local"},
		{"https://api.wasaapay.com/api/v1/partner/unknown", 404, "EMULATOR_NOT_FOUND"},
		{"http://example.com/", 403, `"example.com" is not a provider's host`},
		{"http://127.0.0.1:1/", 403, "nothing leaves this machine"},
		{"http://api.wasaapay.com:8080/", 403, `"api.wasaapay.com:8080" is not`},
		{"https://example.com/", 0, "Forbidden"},
		{"https://api.safaricom.co.ke.example.com/", 0, "Forbidden"},
		{"https://api.safaricom.co.ke:22/", 0, "Forbidden"},
		{"https://evil-api.safaricom.co.ke/", 0, "Forbidden"},
	} {
		status, body := g.get(tt.address)
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %s", tt.address, status, body)
		}
	}
	refusals := g.e.engine.Journal.List(func(x *engine.Exchange) bool { return x.Provider == providerProxy })
	if len(refusals) != 7 || !refusals[0].Refused || refusals[0].Reason == "" {
		t.Errorf("refusals in the log: %+v", refusals)
	}
}

// Raw bytes: plain HTTP through a tunnel, and what no client should send.
func TestProxyRaw(t *testing.T) {
	t.Parallel()
	g := newGate(t, Options{})
	const request = "GET /_emulator/clock HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	inside := strings.Replace(request, "Host: x", "Host: api.wasaapay.com", 1)
	for _, tt := range []struct{ name, send, want string }{
		{"plain HTTP in a tunnel", "CONNECT api.wasaapay.com:80 HTTP/1.1\r\nHost: x\r\n\r\n" + inside, `"mode":"real"`},
		{"no port", "CONNECT api.wasaapay.com HTTP/1.1\r\nHost: x\r\n\r\n" + inside, `"mode":"real"`},
		{"another host inside a tunnel", "CONNECT api.wasaapay.com:80 HTTP/1.1\r\nHost: x\r\n\r\n" + request, `the host \"x\" is neither`},
		{"origin form", request, `"x" is not a provider's host`},
		{"origin form for a provider", inside, `"mode":"real"`},
		{"https in absolute form", strings.Replace(request, "/_", "https://api.wasaapay.com/_", 1), `"mode":"real"`},
		{"absolute form wins over Host", "GET http://example.com/ HTTP/1.1\r\nHost: api.wasaapay.com\r\nConnection: close\r\n\r\n", `"example.com" is not`},
		{"other host", "CONNECT example.com:443 HTTP/1.1\r\nHost: api.wasaapay.com\r\nConnection: close\r\n\r\n", `"example.com:443" is not`},
		{"long host", "CONNECT " + strings.Repeat("a", 5000) + ":443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "403 Forbidden"},
		{"empty host", "CONNECT :443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "403 Forbidden"},
		{"not HTTP", "hello\r\n\r\n", "400 Bad Request"},
		{"broken TLS", "\x16\x03\x01\x00\x05hello\r\n\r\n", "\x15\x03\x01"},
		{"broken TLS in a tunnel", "CONNECT api.wasaapay.com:443 HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01\x00\x05hello", "200 Connection Established"},
		{"garbage in a tunnel", "CONNECT api.wasaapay.com:443 HTTP/1.1\r\nHost: x\r\n\r\n\x00\x01\x02\r\n\r\n", "400 Bad Request"},
	} {
		if got := g.say(tt.send); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

// A client that speaks TLS to the proxy itself and sends it an absolute https address, as axios 0.18 does.
func TestProxyByTLS(t *testing.T) {
	t.Parallel()
	g := newGate(t, Options{})
	ca, err := g.e.CA()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ host, want string }{
		{"api.wasaapay.com", `"mode":"real"`},
		{"example.com", "403 Forbidden"},
	} {
		dialer := &tls.Dialer{Config: &tls.Config{RootCAs: trusting(t, ca), ServerName: "api.wasaapay.com", MinVersion: tls.VersionTLS12}}
		conn, err := dialer.DialContext(t.Context(), "tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "GET https://%s/_emulator/clock HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", tt.host, tt.host)
		answer, _ := io.ReadAll(conn)
		if !strings.Contains(string(answer), tt.want) {
			t.Errorf("%s: %s", tt.host, answer)
		}
		_ = conn.Close()
	}
}

// The real-time channel passes the proxy, by every transport.
func TestProxySocket(t *testing.T) {
	t.Parallel()
	g := newGate(t, Options{})
	for _, transport := range []string{socketio.TransportWebSocket, socketio.TransportPolling} {
		client, err := socketio.NewClient(socketio.ClientOptions{
			URL: "wss://sandbox.wasaapay.com", Path: "/partner/socket", Transports: []string{transport}, HTTPClient: g.client(),
			Auth: func() any { return map[string]string{"apiKey": engine.Credentials().WasaaPayAPIKey} },
		})
		if err != nil {
			t.Fatal(err)
		}
		var heard []string
		err = client.Run(t.Context(), func(_ context.Context, e socketio.Event) error {
			if e.Kind == socketio.EventMessage {
				heard = append(heard, e.Name)
				client.Close()
			}
			return nil
		})
		if diff := cmp.Diff([]string{"authenticated"}, heard); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", transport, err, diff)
		}
	}
}

// Clients that hold on, say nothing, or sit on a websocket do not keep the proxy, and no goroutine is left.
func TestProxyEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("busy", func(t *testing.T) {
		g := newGate(t, Options{})
		for _, opening := range []string{
			"", "CONNECT api.wasaapay.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
			"CONNECT api.wasaapay.com:80 HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n",
			"CONNECT api.wasaapay.com:80 HTTP/1.1\r\nHost: x\r\n\r\nGET /partner/socket/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\n" +
				"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		} {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", g.addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			if _, err := io.WriteString(conn, opening); err != nil {
				t.Fatal(err)
			}
			if opening != "" {
				_, _ = bufio.NewReader(conn).ReadString('\n')
			}
		}
		begun := time.Now()
		if err := g.end(); err != nil || time.Since(begun) > 32*time.Second {
			t.Errorf("ended after %s with %v", time.Since(begun), err)
		}
	})
	for range 6000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

// What clients are told to set depends on what is in use.
func TestDropInEnv(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := New(Options{CADir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(context.WithoutCancel(t.Context())) }()
	file := dir + "/ca.pem"
	if kept, err := front.OpenCA(dir); err != nil {
		t.Fatal(err)
	} else if ca, err := e.CA(); err != nil || ca.PEM() != kept.PEM() {
		t.Errorf("the emulator's CA is another: %v", err)
	}
	certs := map[string]string{"NODE_EXTRA_CA_CERTS": file, "SSL_CERT_FILE": file, "REQUESTS_CA_BUNDLE": file, "CURL_CA_BUNDLE": file, "PHP_INI_SCAN_DIR": ":" + dir + "/php"}
	if diff := cmp.Diff(map[string]string{}, e.dropInEnv("http://127.0.0.1:1")); diff != "" {
		t.Errorf("plain (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(certs, e.dropInEnv("https://127.0.0.1:1")); diff != "" {
		t.Errorf("TLS (-want +got):\n%s", diff)
	}
	if ini, err := os.ReadFile(dir + "/php/payctl-emulator.ini"); err != nil || !strings.Contains(string(ini), "curl.cainfo=\""+file+"\"\nopenssl.cafile=\""+file+"\"\n") {
		t.Errorf("PHP's ini file: %v %q", err, ini)
	}
	g := newGate(t, Options{})
	if status, _ := g.get("https://api.wasaapay.com/_emulator/env"); status != http.StatusOK {
		t.Errorf("env through the proxy: %d", status)
	}
	got := g.e.dropInEnv("http://127.0.0.1:1")
	want := fmt.Sprintf("http://%s", g.addr)
	if got["HTTPS_PROXY"] != want || got["http_proxy"] != want || got["NO_PROXY"] != "localhost,127.0.0.1,::1" || got["NODE_EXTRA_CA_CERTS"] != "" {
		t.Errorf("proxy with a CA in memory: %v", got)
	}
}
