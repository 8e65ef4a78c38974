package socketio

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestCertificateErrorIsFinal(t *testing.T) {
	t.Parallel()
	// reference/socketio.md, client 7: retried, it looks like a hang.
	server := httptest.NewUnstartedServer(mounted(NewServer(ServerOptions{})))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	for name, transports := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := follow(t, fastClient(server.URL, transports...))
			err := f.over()
			var refused *ConnectError
			if !errors.As(err, &refused) || refused.Refused() || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("got %v, want a final certificate error", err)
			}
			if e := f.next(EventRefused); !errors.Is(e.Err, refused) {
				t.Errorf("event holds %v", e.Err)
			}
		})
	}
}

func TestTrustedCertificate(t *testing.T) {
	t.Parallel()
	srv := NewServer(fastServer(nil))
	server := httptest.NewUnstartedServer(mounted(srv))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true // polls may use it, a websocket must not
	server.StartTLS()
	t.Cleanup(server.Close)
	for name, transports := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := fastClient(strings.Replace(server.URL, "https", "wss", 1), transports...)
			opts.HTTPClient = server.Client()
			f := follow(t, opts)
			f.next(EventConnected)
			if err := f.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestProxyCarriesBothTransports(t *testing.T) {
	t.Parallel()
	for name, transports := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, err := url.Parse(loopback(t, mounted(NewServer(fastServer(nil)))).URL)
			if err != nil {
				t.Fatal(err)
			}
			var polls, sockets atomic.Int32
			proxy := loopback(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				if r.In.Host != "api.provider.test" {
					t.Errorf("proxy asked for %s", r.In.Host)
				}
				if r.In.URL.Query().Get("transport") == TransportPolling {
					polls.Add(1)
				} else {
					sockets.Add(1)
				}
				r.SetURL(target)
			}})
			through, err := url.Parse(proxy.URL)
			if err != nil {
				t.Fatal(err)
			}
			transport := &http.Transport{Proxy: http.ProxyURL(through)}
			t.Cleanup(transport.CloseIdleConnections)
			opts := fastClient("http://api.provider.test", transports...)
			opts.HTTPClient = &http.Client{Transport: transport, Timeout: time.Millisecond}
			f := follow(t, opts)
			f.next(EventConnected)
			if name == "upgrade" {
				becomes(t, TransportWebSocket, f.Transport)
			}
			if err := f.end(); err != nil {
				t.Error(err)
			}
			if want := name == "polling" || name == "upgrade"; (polls.Load() > 0) != want {
				t.Errorf("%d polls through the proxy, want some: %v", polls.Load(), want)
			}
			if want := name != "polling"; (sockets.Load() > 0) != want {
				t.Errorf("%d websockets through the proxy, want some: %v", sockets.Load(), want)
			}
		})
	}
}

func TestRefusedConnectionIsRetried(t *testing.T) {
	t.Parallel()
	f := follow(t, fastClient("http://127.0.0.1:1"))
	for want := 1; want <= 3; want++ {
		e := <-f.events
		if e.Kind != EventConnectFailed || e.Failures != want || strings.Contains(e.Err.Error(), "EIO=4") {
			t.Fatalf("got %v %d %v, want failure %d without the address", e.Kind, e.Failures, e.Err, want)
		}
	}
	if err := f.Emit(t.Context(), "x"); !errors.Is(err, ErrNotConnected) {
		t.Errorf("emit: %v", err)
	}
	if err := f.end(); err != nil {
		t.Error(err)
	}
}
