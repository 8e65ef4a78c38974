package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// tunnelHost is the name that the played cloudflared gives; the certificate of httptest
// is good for it.
const tunnelHost = "quiet-fox.example.com"

// playCloudflared is the test binary under the name cloudflared: it answers what
// "payctl listen --tunnel cloudflared" asks of one, and leaves the port that the tunnel is
// to lead to where its edge looks.
func playCloudflared(args []string) int {
	value := func(name string) string {
		if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
			return args[i+1]
		}
		return ""
	}
	local, err := url.Parse(value("--url"))
	if err == nil {
		err = os.WriteFile(os.Getenv("TUNNEL_PORT_FILE"), []byte(local.Port()), 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /quicktunnel", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"hostname":%q}`, tunnelHost)
	})
	mux.HandleFunc("GET /ready", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Addr: value("--metrics"), Handler: mux, ReadHeaderTimeout: time.Second}
	fmt.Fprintln(os.Stderr, server.ListenAndServe()) // until it is killed
	return 1
}

// cmdTunnel puts a cloudflared into a directory, and writes the URL of a proxy that leads
// to its edge by the tunnel's name and to the emulator's proxy otherwise:
//
//	tunnel bindir edgeurl emulatorproxyurl proxyfile
func cmdTunnel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: tunnel bindir edgeurl emulatorproxyurl proxyfile")
	}
	self, err := os.Executable()
	ts.Check(err)
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o700))
	ts.Check(os.Symlink(self, filepath.Join(ts.MkAbs(args[0]), "cloudflared")))
	edge, err := url.Parse(args[1])
	ts.Check(err)
	next, err := url.Parse(args[2])
	ts.Check(err)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "https only", http.StatusForbidden)
			return
		}
		if err := chain(r.Context(), w, r.Host, edge.Host, next.Host); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}))
	ts.Defer(proxy.Close)
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(proxy.URL), 0o600))
}

// chain connects a client of a proxy with the edge or the next proxy.
func chain(ctx context.Context, w http.ResponseWriter, host, edge, next string) error {
	to := next
	if strings.HasPrefix(host, tunnelHost+":") {
		to = edge
	}
	far, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", to)
	if err != nil {
		return err
	}
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = far.Close()
		return err
	}
	from := bufio.NewReader(far)
	if to == next {
		_, _ = fmt.Fprintf(far, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", host, host)
	} else {
		_, _ = io.WriteString(near, "HTTP/1.1 200 Connection Established\r\n\r\n")
	}
	go func() {
		_, _ = io.Copy(far, buffered)
		_ = far.Close()
	}()
	go func() {
		_, _ = io.Copy(near, from)
		_ = near.Close()
	}()
	return nil
}
