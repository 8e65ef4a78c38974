package emulator

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/front"
)

// authority is the emulator's CA, opened on first use, so that starting without TLS costs nothing.
type authority struct {
	once sync.Once
	ca   *front.CA
	err  error
}

// CA is the emulator's certificate authority: that of Options.CADir, or one in memory. The error names the files.
func (e *Emulator) CA() (*front.CA, error) {
	a := &e.authority
	a.once.Do(func() {
		if e.opts.CADir == "" {
			a.ca, a.err = front.NewCA()
			return
		}
		a.ca, a.err = front.OpenCA(e.opts.CADir)
	})
	return a.ca, a.err
}

// TLSConfig is what a listener needs to serve the Handler by HTTPS under this machine's names and the providers'.
func (e *Emulator) TLSConfig() (*tls.Config, error) {
	ca, err := e.CA()
	if err != nil {
		return nil, err
	}
	return ca.TLSConfig(), nil
}

const providerProxy = "proxy"

// ServeProxy is an HTTP proxy on ln until ctx ends, for clients with hard-coded hosts: it answers for the providers' hosts
// and refuses all others, and no byte leaves the machine. It closes ln and returns when nothing of it is left.
func (e *Emulator) ServeProxy(ctx context.Context, ln net.Listener) error {
	config, err := e.TLSConfig()
	if err != nil {
		_ = ln.Close()
		return err
	}
	address := ln.Addr().String()
	e.proxyAddr.Store(&address)
	defer e.proxyAddr.Store(nil)
	p := &front.Proxy{Handler: e.Handler(), Config: config, Refused: func(method, host, text, reason string) {
		e.engine.Journal.Add(engine.Exchange{
			Time: e.engine.Now().UTC(), Direction: engine.DirectionIn, Provider: providerProxy, API: providerProxy, Method: method,
			URL: host, Status: http.StatusForbidden, ResponseBody: text, Refused: true, Reason: reason,
		})
	}}
	return p.Serve(ctx, ln)
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
		if dir, err := ca.PHPDir(); err == nil {
			vars["PHP_INI_SCAN_DIR"] = string(os.PathListSeparator) + dir // the empty entry keeps PHP's own
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

func (c *control) getCA(*http.Request) (any, error) {
	ca, err := c.em.CA()
	if err != nil {
		return nil, err
	}
	return rawText{"application/x-pem-file", ca.PEM()}, nil
}
