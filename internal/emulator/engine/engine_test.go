package engine

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// running starts an engine whose callbacks are answered by target; nil sends them to where they are addressed.
func running(t *testing.T, c Config, target roundTrip) *Engine {
	t.Helper()
	if target != nil {
		c.HTTPClient = &http.Client{Transport: target}
	}
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	e.Start()
	return e
}

func end(t *testing.T, e *Engine) {
	t.Helper()
	e.Stop()
	e.Close(context.WithoutCancel(t.Context()))
}

func answering(status int) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Request: r, Body: http.NoBody}, nil
	}
}

func hanging(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// testCatalogue has a row of each kind.
func testCatalogue() *Catalogue {
	return &Catalogue{
		Rows: []Row{
			Flag("html-503", "", ""), Span("callback-late", "60s", "", ""), Choice("latency", "", "", "measured", "fast", "off"),
			Count("callback-duplicate", "2", 2, 4, Behaviour{}), Rate("query-rate-limit", "5/1m", "", ""),
		},
		APIs: []string{"push", "query", "stk"},
	}
}

// What a long run leaves behind is bounded: webhooks that nobody takes, and callbacks to a target that hangs.
func TestLongRunStaysBounded(t *testing.T) {
	t.Parallel()
	t.Run("retries", func(t *testing.T) {
		t.Parallel()
		e := running(t, Config{Mode: ClockVirtual}, answering(http.StatusInternalServerError))
		const before = maxRetrying - 10 // as if so many waited
		e.retrying = before
		for range 20 {
			e.Sender.Deliver(&Delivery{Class: "webhook", URL: "http://app.test/", Retries: 1, Pauses: []time.Duration{time.Hour}})
		}
		if n, _ := e.Clock.Pending(); n != maxRetrying-before {
			t.Errorf("%d deliveries wait to be sent again, want %d", n, maxRetrying-before)
		}
		last := e.Journal.List(func(*Exchange) bool { return true })
		if got := last[len(last)-1].Reason; !strings.Contains(got, "too many") {
			t.Errorf("the log says %q", got)
		}
		if _, err := e.Clock.Advance(2 * time.Hour); err != nil || e.retrying != before {
			t.Errorf("%d still count as waiting, %v", e.retrying, err)
		}
		end(t, e)
	})
	t.Run("backlog", func(t *testing.T) {
		t.Parallel()
		e := running(t, Config{}, hanging)
		var told atomic.Int64
		for range maxWaiting + maxPerHost + 10 {
			e.Sender.Send(&Delivery{Class: "stk", URL: "http://app.test/", Then: func(int, []byte) { told.Add(1) }})
		}
		if n := e.Sender.waiting.Load(); n != maxWaiting || told.Load() == 0 {
			t.Errorf("%d callbacks wait, %d were given up, want %d and some", n, told.Load(), maxWaiting)
		}
		cut, cancel := context.WithCancel(t.Context())
		cancel()
		e.Stop()
		e.Close(cut)
	})
}

// Servers close connections that have been idle for some seconds. There is one attempt (reference/daraja.md §4.3), so a
// callback must not be lost on one that its target is just closing.
func TestCallbackAfterIdle(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	var connections atomic.Int64
	go func() {
		for {
			conn, err := ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			connections.Add(1)
			go answerOnce(conn)
		}
	}()
	e := running(t, Config{}, nil)
	t.Cleanup(func() { end(t, e) })
	for i := range 2 {
		if i > 0 {
			time.Sleep(1500 * time.Millisecond) // less than any server waits
		}
		if status, _ := e.Sender.attempt(&Delivery{Class: "stk", URL: "http://" + ln.Addr().String()}); status != http.StatusOK {
			t.Errorf("callback %d: status %d", i, status)
		}
	}
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

// An application of this machine is called by https without a certificate that anybody knows.
func TestCallbackByHTTPSOnThisMachine(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	e := running(t, Config{}, nil)
	defer end(t, e)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if status, _ := e.Sender.attempt(&Delivery{Class: "stk", URL: "https://" + net.JoinHostPort(host, port)}); status != http.StatusOK {
			t.Errorf("%s: status %d, %+v", host, status, e.Journal.List(func(*Exchange) bool { return true }))
		}
	}
}

// answerOnce answers one request and closes when the next one comes.
func answerOnce(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	if req, err := http.ReadRequest(r); err == nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		_, _ = r.ReadByte()
	}
}

// Events that keep coming must not keep the emulator from stopping.
func TestStopWhileBusy(t *testing.T) {
	t.Parallel()
	e := running(t, Config{}, nil)
	var again func()
	again = func() { e.Clock.After(-time.Second, again) }
	e.Clock.After(0, again)
	closed := make(chan struct{})
	go func() {
		end(t, e)
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Fatal("the emulator does not stop")
	}
}

// FuzzSetting: a setting is refused or taken, and what is taken can be rolled.
func FuzzSetting(f *testing.F) {
	for _, seed := range []string{"html-503", "html-503=20%@push", "callback-late=60s,1/2@stk", "callback-duplicate=3", "query-rate-limit=5/1m", "x=y", "html-503=NaN", "=", "latency=measured"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := NewSettings(testCatalogue(), 1)
		if s.Set(text) != nil {
			return
		}
		for name, set := range s.on {
			if s.Roll(name, "push"); set.Duration < 0 || set.Count < 0 || set.chance.percent > 100 {
				t.Errorf("%q became %+v", text, set)
			}
		}
	})
}
