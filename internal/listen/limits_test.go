package listen

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// TestPeerConnections holds the share of one peer; loopback is exempt, so the
// cap is tested by itself.
func TestPeerConnections(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan struct{}, 8)
	l := newCapped(ln, Limits{Connections: 8, PeerConnections: 1}, func(netip.Addr) bool { return false }, func() { refused <- struct{}{} })
	accepted := make(chan net.Conn, 8)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	})
	dial := func() net.Conn {
		var d net.Dialer
		c, err := d.DialContext(t.Context(), "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := dial()
	kept := <-accepted
	second := dial()
	<-refused
	if err := second.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(second).ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the second connection was not hung up on: %v", err)
	}
	_, _ = kept.Close(), kept.Close()
	third := dial()
	_ = (<-accepted).Close()
	for _, c := range []net.Conn{first, second, third} {
		_ = c.Close()
	}
	_ = l.Close()
	accepting.Wait()
	if len(l.slots) != 0 || len(l.peers) != 0 {
		t.Errorf("left over: %d slots, %d peers", len(l.slots), len(l.peers))
	}
}

// descriptors counts the process's open files; -1 where that cannot be told.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

// TestIdleGivesWay holds that strangers who keep connections open without using
// them do not shut the listener: the one that is idle for longest is hung up on,
// and near the total none is kept open.
func TestIdleGivesWay(t *testing.T) {
	t.Parallel()
	r := start(t, Options{Limits: Limits{Connections: 4, IdleTime: time.Hour}})
	ask := func(conn net.Conn) *http.Response {
		t.Helper()
		if _, err := io.WriteString(conn, post(stkPath, stkBody)); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res
	}
	var conns []net.Conn
	for range 4 {
		conn := r.dial()
		defer func() { _ = conn.Close() }()
		conns = append(conns, conn)
		if len(conns) > 2 {
			continue // the last two say nothing
		}
		if res := ask(conn); res.StatusCode != 200 || res.Close {
			t.Errorf("status %d, close %v", res.StatusCode, res.Close)
		}
		idle := len(conns)
		eventually(t, "it is idle", func() bool {
			l := r.capped.Load()
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.waiting.Len() == idle
		})
	}
	if _, err := conns[0].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the one that is idle for longest: %v", err)
	}
	// Its place is free for a moment before the next connection is waited for with it.
	eventually(t, "its place is taken", func() bool { return r.capped.Load().crowded() })
	if res := ask(conns[1]); res.StatusCode != 200 || !res.Close {
		t.Errorf("near the total: status %d, close %v", res.StatusCode, res.Close)
	}
	if got := r.raw(post(stkPath, stkBody)); len(got) != 1 || got[0] != 200 {
		t.Errorf("who comes then: %v", got)
	}
}

// TestCountsReturn holds that goroutines and descriptors go back to where they
// began after each fault. It runs alone, so it is not parallel.
func TestCountsReturn(t *testing.T) {
	faults := map[string]func(t *testing.T, r *running){
		"plain requests": func(_ *testing.T, r *running) { r.raw(post(stkPath, stkBody)) },
		"ledger down": func(_ *testing.T, r *running) {
			r.ledger.set(errLedger, false)
			r.raw(post(stkPath, stkBody))
		},
		"ledger hangs": func(_ *testing.T, r *running) {
			r.ledger.set(nil, true)
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() { r.raw(post(stkPath, stkBody)) })
			}
			all.Wait()
		},
		"clients hang up": func(t *testing.T, r *running) {
			for range 20 {
				conn := r.dial()
				if _, err := io.WriteString(conn, "POST "+stkPath+" HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab"); err != nil {
					t.Error(err)
				}
				_ = conn.Close()
			}
		},
		"slow clients": func(t *testing.T, r *running) {
			conn := r.dial()
			defer func() { _ = conn.Close() }()
			if _, err := io.WriteString(conn, "POST /"); err != nil {
				t.Error(err)
			}
			answers(conn)
		},
		"too large": func(_ *testing.T, r *running) { r.raw(post(stkPath, strings.Repeat("a", 2<<20))) },
		"garbage":   func(_ *testing.T, r *running) { r.raw("\x16\x03\x01garbage\r\n\r\n") },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			goroutines, files := runtime.NumGoroutine(), descriptors()
			r := start(t, Options{
				SpillDir: dir, OnDelivery: func(DeliveryView) {},
				Limits: Limits{HeaderTime: 100 * time.Millisecond, RequestTime: 200 * time.Millisecond, RecordTime: 50 * time.Millisecond},
			})
			fault(t, r)
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the counts return", func() bool {
				return runtime.NumGoroutine() <= goroutines && descriptors() <= files
			})
			partial, err := filepath.Glob(filepath.Join(dir, "*"+suffixPartial))
			if err != nil || len(partial) > 0 {
				t.Errorf("left behind: %q %v", partial, err)
			}
		})
	}
}

// FuzzHandler holds, for whatever parses as a request, that the answer is one
// of those that are meant, and that 200 to a callback means exactly one stored
// delivery with exactly the bytes that came.
func FuzzHandler(f *testing.F) {
	for _, c := range append(routeTricks(), framingTricks()...) {
		if len(c.request) < 4096 {
			f.Add([]byte(c.request))
		}
	}
	metrics := NewMetrics()
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		broken := err != nil
		r.Body = io.NopCloser(bytes.NewReader(body))
		if broken {
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), iotest.ErrReader(err)))
		}
		r.RemoteAddr = home
		s, ledger := newServer(t, Options{Metrics: metrics})
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r.WithContext(t.Context()))
		stored := ledger.stored()
		_, _, callback := s.findCallback(r.URL.EscapedPath())
		switch {
		case !callback && isCallback(r.URL.EscapedPath()) && r.Method == http.MethodPost:
			if w.Code != 404 || len(stored) > 1 || len(stored) == 1 && (broken || stored[0].Inspection.Verdict != payment.VerdictStray || !bytes.Equal(stored[0].Delivery.Body, body)) {
				t.Errorf("stray %s: answered %d with %d stored, broken %v", r.URL, w.Code, len(stored), broken)
			}
		case !callback || r.Method != http.MethodPost:
			if len(stored) != 0 {
				t.Errorf("%s %s was stored", r.Method, r.URL)
			}
		case w.Code == 200 || w.Code == 401:
			if len(stored) != 1 || broken || !bytes.Equal(stored[0].Delivery.Body, body) {
				t.Errorf("answered %d with %d stored, broken %v", w.Code, len(stored), broken)
			}
		case len(stored) != 0:
			t.Errorf("answered %d and stored", w.Code)
		}
		switch w.Code {
		case 200, 400, 401, 404, 405, 413:
		default:
			t.Errorf("answered %d", w.Code)
		}
		if s.memory.used.Load() != 0 || len(s.inFlight) != 0 {
			t.Error("something is still held")
		}
	})
}
