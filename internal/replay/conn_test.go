package replay_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/store"
)

// told is an answer in short.
type told struct {
	Status int
	Body   string
	Err    string
}

func tell(a replay.Answer) told {
	out := told{Status: a.Status, Body: string(a.Body)}
	if a.Err != nil {
		out.Err = a.Err.Error()
	}
	return out
}

// sendAll replays n deliveries one after the other and returns the answers.
func sendAll(t *testing.T, target string, n int, timeout time.Duration) []told {
	t.Helper()
	var got []told
	_, err := replay.Run(t.Context(), replay.Options{
		Ledger: &shelf{deliveries: stored(n, n, 0)}, RunID: "r", Targets: []string{target}, Client: &http.Client{}, Now: time.Now, Timeout: timeout,
		OnResult: func(r replay.Result) {
			got = append(got, tell(r.Answers[0]))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
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
			http.Redirect(w, r, "/plain", http.StatusTemporaryRedirect)
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusAccepted)
		case "/large":
			_, _ = w.Write(make([]byte, 1<<20))
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
		{"/redirect", told{Status: 307}, 1},
		{"/early", told{Status: 202}, 1},
		{"/large", told{Status: 200, Body: string(make([]byte, 64<<10))}, 3},
		{"/query?a=b%20c", told{Status: 200, Body: "a=b%20c"}, 1},
	} {
		connections.Store(0)
		got := sendAll(t, server.URL+tt.path, 3, 0)
		if diff := cmp.Diff(tt.want, got[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%.300s", tt.path, diff)
		}
		if n := connections.Load(); n != tt.connections {
			t.Errorf("%s: %d connections for 3 deliveries, want %d", tt.path, n, tt.connections)
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
			want: []told{fine, {Err: "the target closed the connection without an answer"}, fine}, handled: 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
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
			_, err := replay.Run(t.Context(), replay.Options{
				Ledger: &shelf{deliveries: stored(3, 3, 0)}, RunID: "r", Targets: []string{url}, Client: &http.Client{}, Now: time.Now,
				OnResult: func(r replay.Result) {
					got = append(got, tell(r.Answers[0]))
					if tt.ends {
						select {
						case <-over:
						case <-time.After(2 * time.Second):
							t.Error("the connection is not over")
						}
						time.Sleep(20 * time.Millisecond) // until the news is here
					}
				},
			})
			if err != nil {
				t.Fatal(err)
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
			want:    []told{{Err: "no answer in 30ms"}, {Err: "no answer in 30ms"}},
			timeout: 30 * time.Millisecond,
		},
		"hangs up": {
			serve: func(conn net.Conn, _ int64) { _ = readRequest(conn) },
			want:  []told{{Err: "the target closed the connection without an answer"}, {Err: "the target closed the connection without an answer"}},
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
			want: []told{{Err: "the answer did not come to its end"}, {Err: "the answer did not come to its end"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, sendAll(t, rude(t, tt.serve), 2, tt.timeout)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// An interrupted run ends at once, and what had no answer is not recorded.
func TestInterruptedWhileWaiting(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url := rude(t, func(conn net.Conn, _ int64) {
		_ = readRequest(conn)
		cancel()
		_, _ = io.Copy(io.Discard, conn)
	})
	s := &shelf{deliveries: stored(3, 3, 0)}
	started := time.Now()
	_, err := replay.Run(ctx, replay.Options{Ledger: s, RunID: "r", Targets: []string{url}, Client: &http.Client{}, Now: time.Now, Timeout: 5 * time.Minute})
	if !errors.Is(err, context.Canceled) || time.Since(started) > time.Minute {
		t.Errorf("%v after %s", err, time.Since(started))
	}
	if len(s.attempts) != 0 {
		t.Errorf("recorded %+v", s.attempts)
	}
}

// What came with a delivery goes with it; what belonged to the connection does not.
func TestHeaders(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	defer server.Close()
	tlsServer := httptest.NewTLSServer(server.Config.Handler)
	defer tlsServer.Close()
	deliveries := stored(1, 1, 0)
	deliveries[0].Header = http.Header{
		"Content-Type": {"application/json;charset=UTF-8"}, "Authorization": {"a-token"}, "X-Two": {"1", "2"}, "User-Agent": {"Sender/1"},
		"Host": {"was.example"}, "Connection": {"close"}, "Content-Length": {"999"}, "Transfer-Encoding": {"chunked"}, "Accept-Encoding": {"gzip"},
		"X-Forwarded-For": {"192.0.2.7"}, "X-Split": {"a\r\nInjected: yes"},
	}
	want := http.Header{
		"Content-Type": {"application/json;charset=UTF-8"}, "Authorization": {"a-token"}, "X-Two": {"1", "2"}, "User-Agent": {"Sender/1"},
		"X-Payctl-Replay": {"1"}, "Content-Length": {"3"},
	}
	_, err := replay.Run(t.Context(), replay.Options{
		Ledger: &shelf{deliveries: deliveries}, RunID: "r", Targets: []string{server.URL}, Client: server.Client(), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, <-got); diff != "" {
		t.Errorf("plain (-want +got):\n%s", diff)
	}
	delete(deliveries[0].Header, "X-Split") // net/http's client refuses the whole request
	_, err = replay.Run(t.Context(), replay.Options{
		Ledger: &shelf{deliveries: deliveries}, RunID: "r", Targets: []string{tlsServer.URL}, Client: tlsServer.Client(), Now: time.Now,
		Keep: func(store.StoredDelivery) (bool, error) { return true, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	tls := <-got
	tls.Del("Accept-Encoding") // the client's own, as long as it may compress
	if diff := cmp.Diff(want, tls); diff != "" {
		t.Errorf("TLS (-want +got):\n%s", diff)
	}
}
