package emulator

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	tunnelPatience = 10 * time.Second // for the first byte of a tunnel, and for headers
	proxyGoodbye   = 2 * time.Second  // for requests under way when the proxy ends
	tlsHandshake   = 0x16             // first byte of a TLS record that shakes hands
	providerProxy  = "proxy"
)

// ServeProxy is an HTTP proxy on ln until ctx ends: for clients with hard-coded hosts, through HTTPS_PROXY or HTTP_PROXY.
// It answers for the providers' hosts, ending TLS with the emulator's CA and serving Handler, and refuses every other
// host with 403 and the reason. It dials nothing: no byte leaves the machine. It closes ln, returns when no connection
// and no goroutine of it is left, and returns nil when ctx ended it.
func (e *Emulator) ServeProxy(ctx context.Context, ln net.Listener) error {
	config, err := e.TLSConfig()
	if err != nil {
		_ = ln.Close()
		return err
	}
	quietly := log.New(io.Discard, "", 0) // failed handshakes and the like are the client's news
	tunnels := newTunnels(ln.Addr())
	p := &proxy{e: e, config: config, tunnels: tunnels}
	front := &http.Server{Handler: p, ReadHeaderTimeout: tunnelPatience, ErrorLog: quietly}
	inside := &http.Server{Handler: e.Handler(), ReadHeaderTimeout: tunnelPatience, ErrorLog: quietly}
	e.proxyAddr.Store(ptr(ln.Addr().String()))
	defer e.proxyAddr.Store(nil)

	failed := make(chan error, 2)
	var servers sync.WaitGroup
	servers.Go(func() { failed <- front.Serve(ln) })
	servers.Go(func() { failed <- inside.Serve(tunnels) })
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
		err = fmt.Errorf("proxy: %w", err)
	}
	goodbye, cancel := context.WithTimeout(context.WithoutCancel(ctx), proxyGoodbye)
	defer cancel()
	for _, server := range []*http.Server{front, inside} {
		if server.Shutdown(goodbye) != nil {
			_ = server.Close()
		}
	}
	tunnels.end()
	servers.Wait()
	p.opening.Wait()
	return err
}

func ptr[T any](value T) *T { return &value }

// proxy is the proxy's front: it opens tunnels and answers plain requests in absolute form.
type proxy struct {
	e       *Emulator
	config  *tls.Config
	tunnels *tunnels
	opening sync.WaitGroup // tunnels whose first byte is awaited
}

// ServeHTTP is http.Handler's.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodConnect:
		p.connect(w, r)
	case !r.URL.IsAbs():
		p.refuse(w, r, "this is a proxy: send it CONNECT or an absolute address; the emulator itself listens elsewhere")
	case r.URL.Scheme != "http":
		p.refuse(w, r, "only http addresses come in absolute form; use CONNECT for "+r.URL.Scheme)
	case !slices.Contains(providerHosts(), hostName(r.URL.Hostname())) || !fitsPort(r.URL.Port()):
		p.refuse(w, r, strange(r.URL.Host))
	default:
		inner := r.Clone(r.Context())
		inner.URL.Scheme, inner.URL.Host = "", ""
		inner.RequestURI = inner.URL.RequestURI()
		inner.Header.Del("Proxy-Authorization")
		inner.Header.Del("Proxy-Connection")
		p.e.Handler().ServeHTTP(w, inner)
	}
}

func fitsPort(port string) bool { return port == "" || port == "80" || port == "443" }

func strange(host string) string {
	return fmt.Sprintf("%q is not a provider's host: this proxy answers for %s only, and nothing leaves this machine",
		clipHost(host), strings.Join(providerHosts(), ", "))
}

func clipHost(host string) string { return host[:min(len(host), 100)] }

// refuse answers 403 and logs why.
func (p *proxy) refuse(w http.ResponseWriter, r *http.Request, reason string) {
	text := "payctl emulator: " + reason + "\n"
	p.e.journal.add(Exchange{
		Time: p.e.now().UTC(), Direction: DirectionIn, Provider: providerProxy, API: providerProxy, Method: r.Method,
		URL: clipHost(r.Host), Status: http.StatusForbidden, ResponseBody: text, Refused: true, Reason: reason,
	})
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, text)
}

// connect opens a tunnel whose other end is the emulator. What comes through it may be TLS or plain HTTP, whatever the
// port says: some clients tunnel both.
func (p *proxy) connect(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, ""
	}
	if !slices.Contains(providerHosts(), hostName(host)) || !fitsPort(port) {
		p.refuse(w, r, strange(r.Host))
		return
	}
	p.opening.Add(1) // before the server loses sight of the connection
	defer p.opening.Done()
	raw, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.refuse(w, r, "the connection cannot be tunnelled")
		return
	}
	conn := p.tunnels.hold(raw, buffered.Reader)
	if conn.SetDeadline(time.Now().Add(tunnelPatience)) != nil {
		_ = conn.Close()
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection Established\r\n\r\n"); err != nil {
		_ = conn.Close()
		return
	}
	first, err := buffered.Peek(1)
	if err != nil || conn.SetDeadline(time.Time{}) != nil {
		_ = conn.Close()
		return
	}
	if first[0] == tlsHandshake {
		p.tunnels.put(tls.Server(conn, p.config))
		return
	}
	p.tunnels.put(conn)
}

// dropInEnv is what clients need for HTTPS and the proxy, where these are in use: several spellings, because every
// runtime has its own. Loopback stays direct, or an application could not reach its own neighbours.
func (e *Emulator) dropInEnv(base string) map[string]string {
	vars := map[string]string{}
	proxied := e.proxyAddr.Load()
	if proxied == nil && !strings.HasPrefix(base, "https:") {
		return vars
	}
	if ca, err := e.CA(); err == nil && ca.File() != "" {
		for _, name := range []string{"NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} {
			vars[name] = ca.File()
		}
	}
	if proxied == nil {
		return vars
	}
	address := "http://" + *proxied
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		vars[name] = address
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		vars[name] = "localhost,127.0.0.1,::1"
	}
	return vars
}

func (e *Emulator) getCA(*http.Request) (any, error) {
	ca, err := e.CA()
	if err != nil {
		return nil, err
	}
	return rawText{"application/x-pem-file", ca.PEM()}, nil
}
