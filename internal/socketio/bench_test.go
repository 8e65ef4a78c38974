package socketio

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// settled waits until the number of goroutines is at most limit, and returns
// the last one seen.
func settled(limit int) int {
	n := runtime.NumGoroutine()
	for range 6000 {
		if n <= limit {
			break
		}
		time.Sleep(10 * time.Millisecond)
		n = runtime.NumGoroutine()
	}
	return n
}

// Not parallel: it counts the goroutines of the process.
func TestGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	srv := NewServer(fastServer(nil))
	server := httptest.NewServer(mounted(srv))
	transport := &http.Transport{}

	const n = 50
	var sockets []*websocket.Conn
	for range n {
		ws, _, err := websocket.Dial(t.Context(), server.URL+"/partner/socket/?EIO=4&transport=websocket",
			&websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
		if err != nil {
			t.Fatal(err)
		}
		frame(t, ws)
		write(t, ws, "40")
		frame(t, ws)
		sockets = append(sockets, ws)
	}
	// Two for each client, some for the listener and the test.
	if got, most := settled(before+2*n+10)-before, 2*n+10; got > most {
		t.Errorf("%d goroutines for %d websockets, want at most %d", got, n, most)
	}
	for _, ws := range sockets {
		discard(ws)
	}
	for _, transports := range modes() {
		opts := fastClient(server.URL, transports...)
		opts.HTTPClient = &http.Client{Transport: transport}
		f := follow(t, opts)
		f.next(EventConnected)
		for _, c := range srv.Conns() {
			c.Drop()
		}
		f.next(EventDisconnected)
		f.next(EventConnected)
		if err := f.end(); err != nil {
			t.Error(err)
		}
	}
	if err := srv.Close(t.Context()); err != nil {
		t.Error(err)
	}
	transport.CloseIdleConnections()
	server.Close()
	if got := settled(before); got > before {
		t.Errorf("%d goroutines after, %d before", got, before)
	}
}

// benchServer serves an echo for benchmarks.
func benchServer(b *testing.B) (string, *http.Client) {
	b.Helper()
	srv := NewServer(ServerOptions{OnConnect: echoServer})
	server := httptest.NewServer(mounted(srv))
	transport := &http.Transport{}
	b.Cleanup(func() {
		transport.CloseIdleConnections()
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL, &http.Client{Transport: transport}
}

// BenchmarkEvent is the way of an event to the server and back; "tcp" is its
// baseline, the same bytes echoed over a bare connection.
func BenchmarkEvent(b *testing.B) {
	payload := strings.Repeat("x", 500)
	b.Run("tcp", func(b *testing.B) { benchTCP(b, len(payload)) })
	for _, transport := range []string{TransportWebSocket, TransportPolling} {
		b.Run(transport, func(b *testing.B) {
			url, client := benchServer(b)
			opts := fastClient(url, transport)
			opts.HTTPClient = client
			c, err := NewClient(opts)
			if err != nil {
				b.Fatal(err)
			}
			left := b.N
			b.ReportAllocs()
			err = c.Run(b.Context(), func(ctx context.Context, e Event) error {
				switch {
				case e.Kind == EventConnected:
					b.ResetTimer()
				case left == 0:
					c.Close()
					return nil
				}
				left--
				return c.Emit(ctx, "echo", payload)
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

func benchTCP(b *testing.B, size int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		buf := make([]byte, size)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
			if _, err := conn.Write(buf); err != nil {
				return
			}
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, size)
	for b.Loop() {
		if _, err := conn.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
	_ = conn.Close()
	_ = listener.Close()
}

// BenchmarkConnect opens and joins sessions; "http" is its baseline, a plain
// request on a new connection.
func BenchmarkConnect(b *testing.B) {
	b.Run("http", func(b *testing.B) {
		server := httptest.NewServer(http.NotFoundHandler())
		defer server.Close()
		transport := &http.Transport{DisableKeepAlives: true}
		client := &http.Client{Transport: transport}
		for b.Loop() {
			resp, err := client.Get(server.URL)
			if err != nil {
				b.Fatal(err)
			}
			_ = resp.Body.Close()
		}
	})
	for _, transport := range []string{TransportWebSocket, TransportPolling} {
		b.Run(transport, func(b *testing.B) {
			url, client := benchServer(b)
			for b.Loop() {
				opts := fastClient(url, transport)
				opts.HTTPClient = client
				c, err := NewClient(opts)
				if err != nil {
					b.Fatal(err)
				}
				err = c.Run(b.Context(), func(context.Context, Event) error { c.Close(); return nil })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
