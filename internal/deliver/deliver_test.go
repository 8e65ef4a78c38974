package deliver_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
)

// told is an answer in short.
type told struct {
	Status int
	Body   string
	Err    string
}

func tell(a deliver.Answer) told {
	return told{Status: a.Status, Body: string(a.Body), Err: a.Problem()}
}

// sendAll posts n times, one after the other, and returns the answers.
func sendAll(t *testing.T, target string, n int, o deliver.Options) []told {
	t.Helper()
	var got []told
	s := deliver.New(o)
	defer s.Close()
	for i := range n {
		got = append(got, tell(s.Post(t.Context(), deliver.Request{Target: target, Body: fmt.Appendf(nil, "%d %d", i, i)})))
	}
	return got
}

// both runs a test for each way in which a Sender may send; what comes of it is the same.
func both(t *testing.T, name string, test func(t *testing.T, steady bool)) {
	t.Helper()
	for _, steady := range []bool{false, true} {
		t.Run(fmt.Sprintf("%s, steady %t", name, steady), func(t *testing.T) { test(t, steady) })
	}
}

func TestAnswersOfAllSorts(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	handler := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/plain":
			_, _ = fmt.Fprintf(w, "got %s", body)
		case "/chunked":
			for range 3 {
				_, _ = io.WriteString(w, "part ")
				w.(http.Flusher).Flush()
			}
		case "/close":
			w.Header().Set("Connection", "close")
		case "/redirect":
			w.Header().Set("Location", "/plain?token=secret&x")
			w.WriteHeader(http.StatusTemporaryRedirect)
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusAccepted)
		case "/large":
			_, _ = w.Write(make([]byte, 1<<20))
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "unpacked")
			_ = z.Close()
		case "/query":
			_, _ = io.WriteString(w, r.URL.RawQuery)
		}
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(handler))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	for _, tt := range []struct {
		path        string
		want        told
		connections int64
	}{
		{"/plain", told{Status: 200, Body: "got 0 0"}, 1},
		{"/chunked", told{Status: 200, Body: "part part part "}, 1},
		{"/close", told{Status: 200}, 3},
		{"/redirect", told{Status: 307, Err: "redirect to " + server.URL + "/plain?token=…&… not followed"}, 1},
		{"/gzip", told{Status: 200, Body: "unpacked"}, 1},
		{"/early", told{Status: 202}, 1},
		{"/large", told{Status: 200, Body: string(make([]byte, 64<<10))}, 3},
		{"/query?a=b%20c", told{Status: 200, Body: "a=b%20c"}, 1},
	} {
		for _, steady := range []bool{false, true} {
			connections.Store(0)
			got := sendAll(t, server.URL+tt.path, 3, deliver.Options{Steady: steady})
			if diff := cmp.Diff(tt.want, got[0]); diff != "" {
				t.Errorf("%s, steady %t (-want +got):\n%.300s", tt.path, steady, diff)
			}
			if n := connections.Load(); n != tt.connections {
				t.Errorf("%s, steady %t: %d connections for 3 deliveries, want %d", tt.path, steady, n, tt.connections)
			}
		}
	}
}

// rude serves raw connections.
func rude(t *testing.T, serve func(conn net.Conn, n int64)) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	var n atomic.Int64
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				serve(conn, n.Add(1))
			}()
		}
	}()
	return "http://" + ln.Addr().String() + "/"
}

func readRequest(conn net.Conn) error {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err
}

// A delivery may go out again by itself only where the target cannot have got
// it: on a connection that was seen to be over before anything was written.
func TestConnectionsThatEnd(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
	fine := told{Status: 200, Body: "OK"}
	for name, tt := range map[string]struct {
		// then is what the target does after its first answer on a connection.
		then func(conn net.Conn, handled func() error)
		// ends says that the connection is over before the next delivery.
		ends    bool
		want    []told
		handled int64
	}{
		"closed while idle": {
			then: func(net.Conn, func() error) {},
			ends: true,
			want: []told{fine, fine, fine}, handled: 3,
		},
		"closed with a word": {
			then: func(conn net.Conn, _ func() error) {
				_, _ = io.WriteString(conn, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			},
			ends: true,
			want: []told{fine, fine, fine}, handled: 3,
		},
		"reset while idle": {
			then: func(conn net.Conn, _ func() error) {
				if tcp, isTCP := conn.(*net.TCPConn); isTCP {
					_ = tcp.SetLinger(0)
				}
			},
			ends: true,
			want: []told{fine, fine, fine}, handled: 3,
		},
		"handled, and then dead": {
			then: func(_ net.Conn, handled func() error) { _ = handled() },
			want: []told{fine, {Err: "closed before an answer"}, fine}, handled: 3,
		},
	} {
		both(t, name, func(t *testing.T, steady bool) {
			t.Parallel()
			var handled atomic.Int64
			over := make(chan struct{}, 3)
			url := rude(t, func(conn net.Conn, _ int64) {
				r := bufio.NewReader(conn)
				handle := func() error {
					req, err := http.ReadRequest(r)
					if err == nil {
						_, err = io.Copy(io.Discard, req.Body)
					}
					if err == nil {
						handled.Add(1)
					}
					return err
				}
				if handle() == nil {
					_, _ = io.WriteString(conn, ok)
					tt.then(conn, handle)
				}
				_ = conn.Close()
				over <- struct{}{}
			})
			var got []told
			sender := deliver.New(deliver.Options{Steady: steady})
			for range 3 {
				got = append(got, tell(sender.Post(t.Context(), deliver.Request{Target: url, Body: []byte("{}")})))
				if tt.ends {
					select {
					case <-over:
					case <-time.After(time.Minute):
						t.Error("the connection is not over")
					}
					time.Sleep(20 * time.Millisecond) // until the news is here
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := handled.Load(); n != tt.handled {
				t.Errorf("the target handled %d of 3 deliveries, want %d", n, tt.handled)
			}
		})
	}
}

func TestRudeTargets(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		serve   func(conn net.Conn, n int64)
		want    []told
		timeout time.Duration
	}{
		"never answers": {
			serve:   func(conn net.Conn, _ int64) { _, _ = io.Copy(io.Discard, conn) },
			want:    []told{{Err: "timed out after 30 ms"}, {Err: "timed out after 30 ms"}},
			timeout: 30 * time.Millisecond,
		},
		"hangs up": {
			serve: func(conn net.Conn, _ int64) { _ = readRequest(conn) },
			want:  []told{{Err: "closed before an answer"}, {Err: "closed before an answer"}},
		},
		"speaks no HTTP": {
			serve: func(conn net.Conn, _ int64) {
				_ = readRequest(conn)
				_, _ = io.WriteString(conn, "220 mail.example ESMTP\r\n")
			},
			want: []told{{Err: "the target did not speak HTTP"}, {Err: "the target did not speak HTTP"}},
		},
		"is cut off in its answer": {
			serve: func(conn net.Conn, _ int64) {
				_ = readRequest(conn)
				_, _ = io.WriteString(conn, "HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nstart")
			},
			want: []told{{Status: 500}, {Status: 500}},
		},
		"speaks TLS": {
			serve: func(conn net.Conn, _ int64) {
				_ = readRequest(conn)
				_, _ = io.WriteString(conn, "\x15\x03\x01\x00\x02\x02\x16")
			},
			want: []told{{Err: "plain HTTP against a TLS port: write https://"}},
		},
		"speaks HTTP/2 only": {
			serve: func(conn net.Conn, _ int64) {
				_ = readRequest(conn)
				_, _ = io.WriteString(conn, "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64\r\n")
			},
			want: []told{{Err: "HTTP/2 only: the app does not speak HTTP/1.1 there"}},
		},
		"speaks HTTP/1.0": {
			serve: func(conn net.Conn, _ int64) {
				_ = readRequest(conn)
				_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\nuntil the end")
			},
			want: []told{{Status: 200, Body: "until the end"}, {Status: 200, Body: "until the end"}},
		},
		"goes on and on": {
			serve: func(conn net.Conn, _ int64) {
				_ = readRequest(conn)
				_, _ = io.WriteString(conn, strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20))
			},
			want: []told{{Err: "closed before an answer"}, {Err: "closed before an answer"}},
		},
	} {
		both(t, name, func(t *testing.T, steady bool) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, sendAll(t, rude(t, tt.serve), len(tt.want), deliver.Options{Timeout: tt.timeout, Steady: steady})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestCauses holds that what went wrong is named for what it is.
func TestCauses(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secured := httptest.NewUnstartedServer(http.NotFoundHandler())
	secured.Config.ErrorLog = quiet()
	secured.StartTLS()
	defer secured.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := ln.Addr().String()
	_ = ln.Close()
	asTLS, asPlain := strings.Replace(plain.URL, "http:", "https:", 1), strings.Replace(secured.URL, "https:", "http:", 1)
	for target, want := range map[string]told{
		"http://" + closed + "/":  {Err: "connection refused: nothing listens on " + closed},
		"https://" + closed + "/": {Err: "connection refused: nothing listens on " + closed},
		"http://app.invalid/":     {Err: "unknown host app.invalid"},
		secured.URL:               {Err: "certificate of unknown authority"},
		asTLS:                     {Err: "TLS against a plain HTTP port: write http://"},
		asPlain:                   {Status: 400, Body: "Client sent an HTTP request to an HTTPS server.\n", Err: "plain HTTP against a TLS port: write https://"},
		"://":                     {Err: "to: is not a URL"},
	} {
		for _, steady := range []bool{false, true} {
			if diff := cmp.Diff([]told{want}, sendAll(t, target, 1, deliver.Options{Steady: steady})); diff != "" {
				t.Errorf("%s, steady %t (-want +got):\n%s", target, steady, diff)
			}
		}
	}
}

// TestCertificates holds that an authority of one's own is enough, and that doing
// without is for this machine only.
func TestCertificates(t *testing.T) {
	t.Parallel()
	secured := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	secured.EnableHTTP2 = true
	secured.Config.ErrorLog = quiet()
	secured.StartTLS()
	defer secured.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secured.Certificate())
	for name, o := range map[string]deliver.Options{"ca": {Roots: roots}, "insecure": {Insecure: true}} {
		if diff := cmp.Diff([]told{{Status: 200, Body: "HTTP/2.0"}}, sendAll(t, secured.URL, 1, o)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	a := deliver.New(deliver.Options{Insecure: true}).Post(t.Context(), deliver.Request{Target: "https://shop.example/"})
	if payment.KindOf(a.Err) != payment.KindUsage || !strings.Contains(a.Problem(), "insecure: shop.example is not on this machine") {
		t.Errorf("insecure elsewhere: %v", a.Err)
	}
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func TestStopping(t *testing.T) {
	t.Parallel()
	both(t, "stopping", testStopping)
}

func testStopping(t *testing.T, steady bool) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	target := rude(t, func(conn net.Conn, _ int64) {
		_ = readRequest(conn)
		cancel()
		_, _ = io.Copy(io.Discard, conn)
	})
	a := deliver.New(deliver.Options{Steady: steady}).Post(ctx, deliver.Request{Target: target})
	if !errors.Is(a.Err, context.Canceled) || payment.KindOf(a.Err) != payment.KindInterrupted {
		t.Errorf("got %v", a.Err)
	}
}

// TestHeaders holds the one rule for headers: what came with a delivery goes with
// it, but not what belonged to the connection, reads as payctl's, or would show a
// provider's credential to another machine.
func TestHeaders(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r.Header.Set("Host", r.Host)
		got <- r.Header
	}))
	defer server.Close()
	came := http.Header{
		"Content-Type": {"application/json;charset=UTF-8"}, "Authorization": {"a-token"}, "X-Two": {"1", "2"}, "User-Agent": {"Sender/1"},
		"Host": {"was.example"}, "Connection": {"close"}, "Content-Length": {"999"}, "Transfer-Encoding": {"chunked"}, "Accept-Encoding": {"gzip"},
		"X-Forwarded-For": {"192.0.2.7"}, "X-Split": {"a\r\nInjected: yes"}, "X-Shop": {"forged"},
		"X-Payctl-Verdict": {"valid"}, "X_payctl-Verdict": {"valid"}, "X-Payctl_event": {"x"}, "X_PAYCTL_DELIVERY": {"x"}, "X-Payctly": {"kept"},
	}
	added, err := deliver.ParseHeaders([]string{"x-shop: nairobi", "Host: shop.example", "X-Shop:mombasa"})
	if err != nil {
		t.Fatal(err)
	}
	s := deliver.New(deliver.Options{Header: added})
	answer := s.Post(t.Context(), deliver.Request{Target: server.URL, Header: came, Own: http.Header{"X-Payctl-Verdict": {"untrusted"}}, Body: []byte("{}")})
	if answer.Err != nil {
		t.Fatal(answer.Err)
	}
	want := http.Header{
		"Content-Type": {"application/json;charset=UTF-8"}, "Authorization": {"a-token"}, "X-Two": {"1", "2"}, "User-Agent": {"Sender/1"},
		"Host": {"shop.example"}, "X-Shop": {"nairobi", "mombasa"}, "Content-Length": {"2"}, "X-Payctl-Verdict": {"untrusted"}, "X-Payctly": {"kept"},
	}
	if diff := cmp.Diff(want, <-got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// TestSteadyWritesTheSame holds that the target gets the same bytes in either way.
func TestSteadyWritesTheSame(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	target := rude(t, func(conn net.Conn, _ int64) {
		var raw bytes.Buffer
		req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &raw)))
		if err == nil {
			_, err = io.Copy(io.Discard, req.Body)
		}
		if err != nil {
			t.Error(err)
		}
		got <- raw.String()
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	})
	added := http.Header{"X-Shop": {"nairobi"}, "Host": {"shop.example"}}
	for name, r := range map[string]deliver.Request{
		"headers": {
			Target: target + "a/b?x=1&y=%20#part", Body: []byte(`{"a":1}`), Own: http.Header{"X-Payctl-Delivery": {"dlv_1"}},
			Header: http.Header{"Content-Type": {"application/json"}, "X-Two": {"1", " 2 "}, "X\r\nInjected": {"1"}, "x-lower": {"ü"}},
		},
		"no body":         {Target: target},
		"a large body":    {Target: target, Body: bytes.Repeat([]byte("x"), 64<<10)},
		"a larger one":    {Target: target, Body: bytes.Repeat([]byte("x"), 64<<10+1)},
		"a user agent":    {Target: target, Header: http.Header{"User-Agent": {"Sender/1"}}},
		"idempotency key": {Target: target, Header: http.Header{"Idempotency-Key": {"k"}}, Body: []byte("{}")},
	} {
		for _, o := range []deliver.Options{{}, {Header: added}} {
			var wrote [2]string
			for i, steady := range []bool{false, true} {
				o.Steady = steady
				if a := deliver.New(o).Post(t.Context(), r); a.Status != http.StatusNoContent {
					t.Errorf("%s: %d, %v", name, a.Status, a.Err)
				}
				wrote[i] = <-got
			}
			if diff := cmp.Diff(wrote[0], wrote[1]); diff != "" {
				t.Errorf("%s (-net/http +steady):\n%.500s", name, diff)
			}
		}
	}
}

func TestParseHeadersRefuses(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"X-Shop": "header: is not a name", "X Shop: a": "header: is not a name", ": a": "header: is not a name",
		"X-Shop: a\nb": "header X-Shop: its value", "x_payctl-event: a": "header x_payctl-event: is set by payctl",
		"content-length: 3": "header content-length: is set by payctl",
	} {
		if _, err := deliver.ParseHeaders([]string{line}); payment.KindOf(err) != payment.KindUsage || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", line, err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := deliver.New(deliver.Options{})
	for target, local := range map[string]bool{
		"http://127.0.0.1:3000/x": true, "http://localhost/": true, "https://[::1]:8443/": true, "http://127.8.9.1/": true,
		"http://shop.localhost:3000/": true, "http://LOCALHOST./": true, "http://a.b.localhost/": true,
		"http://example.com/": false, "http://10.0.0.1/": false, "http://localhost.example.com/": false, "http://[::ffff:127.0.0.1]/": true,
		"http://notlocalhost/": false, "ftp://127.0.0.1/": false, "127.0.0.1:3000": false, "": false, "http://me:pw@127.0.0.1/": false,
	} {
		if err := s.Check(t.Context(), target, false); (err == nil) != local {
			t.Errorf("%q: got %v", target, err)
		}
	}
	if err := s.Check(t.Context(), "https://example.com/hook", true); err != nil {
		t.Errorf("allowed remote: %v", err)
	}
	if err := s.Check(t.Context(), "javascript:alert(1)", true); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("no URL: %v", err)
	}
	if err := deliver.New(deliver.Options{Insecure: true}).Check(t.Context(), "https://example.com/", true); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("insecure elsewhere: %v", err)
	}
}

// TestHostsFile takes a name that the machine's own hosts file maps to loopback.
func TestHostsFile(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Skip("no hosts file to look at")
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		for _, name := range words[min(1, len(words)):] {
			elsewhere := strings.Count(string(data), name) > 2
			if words[0] == "127.0.0.1" && name != "localhost" && !elsewhere && !deliver.IsLocal(t.Context(), name) {
				t.Errorf("%s is not this machine, though %q says so", name, strings.TrimSpace(line))
			}
		}
	}
}

// TestLocalhostNames holds that app.localhost is reached without a name server.
func TestLocalhostNames(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	want := []told{{Status: 200, Body: "shop.localhost:" + port}}
	if diff := cmp.Diff(want, sendAll(t, "http://shop.localhost:"+port+"/", 1, deliver.Options{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"http://a.example/x?key=secret&b=2&c#frag": "http://a.example/x?key=…&b=…&…",
		"http://u:p@a.example/x":                   "http://a.example/x",
		"http://a.example/x":                       "http://a.example/x",
		"127.0.0.1:3000/x?key=secret":              "127.0.0.1:3000/x",
		"127.0.0.1:3000@x":                         "(unreadable URL)",
	} {
		if got := deliver.Shown(target); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
}
