package front

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

const proxyGoodbye = 2 * time.Second // for requests under way when the proxy ends

// Proxy is an HTTP proxy for clients with hard-coded hosts, through HTTPS_PROXY or HTTP_PROXY. It answers for the
// providers' hosts, ending TLS with config and serving handler, and refuses every other host with 403 and the reason. It
// dials nothing: no byte leaves the machine. Clients may speak TLS to the proxy itself, as some do by mistake (old
// versions of axios send an absolute https address that way).
type Proxy struct {
	Handler http.Handler
	Config  *tls.Config
	// Refused is told of each refusal: the verb, the host, the answer's text and the reason.
	Refused func(method, host, text, reason string)
	tunnels *tunnels
}

// Serve serves ln until ctx ends, and closes it. It returns when no connection and no goroutine of it is left, and
// returns nil when ctx ended it.
func (p *Proxy) Serve(ctx context.Context, ln net.Listener) error {
	outer, inner := newTunnels(ln.Addr(), p.Config), newTunnels(ln.Addr(), p.Config)
	p.tunnels = inner
	quietly := log.New(io.Discard, "", 0) // failed handshakes and the like are the client's news
	front := &http.Server{Handler: p, ReadHeaderTimeout: tunnelPatience, ErrorLog: quietly}
	inside := &http.Server{Handler: p.Handler, ReadHeaderTimeout: tunnelPatience, ErrorLog: quietly}

	failed := make(chan error, 3)
	var running sync.WaitGroup
	running.Go(func() { failed <- outer.acceptFrom(ln) })
	running.Go(func() { failed <- front.Serve(outer) })
	running.Go(func() { failed <- inside.Serve(inner) })
	var err error
	select {
	case <-ctx.Done():
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

// ServeHTTP is http.Handler's.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
		p.Handler.ServeHTTP(w, direct)
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

// refuse answers 403 and says why.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, reason string) {
	text := "payctl emulator: " + reason + "\n"
	p.Refused(r.Method, clipHost(r.Host), text, reason)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, text)
}

// connect opens a tunnel whose other end is the emulator.
func (p *Proxy) connect(w http.ResponseWriter, r *http.Request) {
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
