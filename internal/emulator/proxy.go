package emulator

import (
	"context"
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
	proxyGoodbye  = 2 * time.Second // for requests under way when the proxy ends
	providerProxy = "proxy"
)

// ServeProxy is an HTTP proxy on ln until ctx ends: for clients with hard-coded hosts, through HTTPS_PROXY or HTTP_PROXY.
// It answers for the providers' hosts, ending TLS with the emulator's CA and serving Handler, and refuses every other
// host with 403 and the reason. It dials nothing: no byte leaves the machine. Clients may speak TLS to the proxy itself,
// as some do by mistake (old versions of axios send an absolute https address that way). It closes ln, returns when no
// connection and no goroutine of it is left, and returns nil when ctx ended it.
func (e *Emulator) ServeProxy(ctx context.Context, ln net.Listener) error {
	config, err := e.TLSConfig()
	if err != nil {
		_ = ln.Close()
		return err
	}
	address := ln.Addr().String()
	e.proxyAddr.Store(&address)
	defer e.proxyAddr.Store(nil)
	outer, inner := newTunnels(ln.Addr(), config), newTunnels(ln.Addr(), config)
	quietly := log.New(io.Discard, "", 0) // failed handshakes and the like are the client's news
	front := &http.Server{Handler: &proxy{e, inner}, ReadHeaderTimeout: tunnelPatience, ErrorLog: quietly}
	inside := &http.Server{Handler: e.Handler(), ReadHeaderTimeout: tunnelPatience, ErrorLog: quietly}

	failed := make(chan error, 3)
	var running sync.WaitGroup
	running.Go(func() { failed <- outer.acceptFrom(ln) })
	running.Go(func() { failed <- front.Serve(outer) })
	running.Go(func() { failed <- inside.Serve(inner) })
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
		err = fmt.Errorf("proxy: %w", err)
	}
	_ = ln.Close()
	goodbye, cancel := context.WithTimeout(context.WithoutCancel(ctx), proxyGoodbye)
	defer cancel()
	for _, server := range []*http.Server{front, inside} {
		if server.Shutdown(goodbye) != nil {
			_ = server.Close()
		}
	}
	outer.end()
	inner.end()
	running.Wait()
	outer.opening.Wait()
	inner.opening.Wait()
	return err
}

// proxy is the proxy's front: it opens tunnels and answers requests that carry the whole address.
type proxy struct {
	e       *Emulator
	tunnels *tunnels
}

// ServeHTTP is http.Handler's.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, port := splitHost(r.Host) // net/http puts the host of an absolute address there too
	switch {
	case !slices.Contains(providerHosts(), host) || !fitsPort(port):
		p.refuse(w, r, fmt.Sprintf("%q is not a provider's host: this proxy answers for %s only, and nothing leaves this machine",
			clipHost(r.Host), strings.Join(providerHosts(), ", ")))
	case r.Method == http.MethodConnect:
		p.connect(w, r)
	default:
		direct := r.Clone(r.Context())
		direct.URL.Scheme, direct.URL.Host = "", ""
		direct.RequestURI = direct.URL.RequestURI()
		direct.Header.Del("Proxy-Authorization")
		direct.Header.Del("Proxy-Connection")
		p.e.Handler().ServeHTTP(w, direct)
	}
}

func splitHost(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, ""
	}
	return hostName(host), port
}

func fitsPort(port string) bool { return port == "" || port == "80" || port == "443" }

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

// connect opens a tunnel whose other end is the emulator.
func (p *proxy) connect(w http.ResponseWriter, r *http.Request) {
	p.tunnels.opening.Add(1) // before the server loses sight of the connection
	defer p.tunnels.opening.Done()
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.refuse(w, r, "the connection cannot be tunnelled")
		return
	}
	if conn.SetWriteDeadline(time.Now().Add(tunnelPatience)) != nil {
		_ = conn.Close()
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection Established\r\n\r\n"); err != nil {
		_ = conn.Close()
		return
	}
	p.tunnels.take(conn, buffered.Reader)
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
	vars["NODE_USE_ENV_PROXY"] = "1" // or Node's own clients do not look at the others
	vars["GLOBAL_AGENT_HTTP_PROXY"] = address
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
