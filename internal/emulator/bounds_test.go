package emulator

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What a long run leaves behind is bounded: transfers, webhooks that nobody takes, and callbacks to a target that hangs.
func TestLongRunStaysBounded(t *testing.T) {
	t.Parallel()
	t.Run("transfers", func(t *testing.T) {
		t.Parallel()
		e := quietEmulator(t, Options{}, http.StatusOK)
		w, _ := e.parts[1].(*api)
		for i := range maxSettled + 10 {
			w.transfers.keep(&transfer{ID: fmt.Sprint(i)})
		}
		if len(w.transfers.all) != maxSettled || w.transfers.all["9"] != nil || w.transfers.all["10"] == nil {
			t.Errorf("%d transfers are kept, want the latest %d", len(w.transfers.all), maxSettled)
		}
	})
	t.Run("retries", func(t *testing.T) {
		t.Parallel()
		e := quietEmulator(t, Options{Clock: clockVirtual}, http.StatusInternalServerError)
		const before = maxRetrying - 10 // as if so many waited
		e.engine.retrying = before
		for range 20 {
			e.engine.sender.deliver(&delivery{class: outWebhook, url: "http://app.test/", retries: 1, pauses: []time.Duration{time.Hour}})
		}
		if n, _ := e.engine.clock.pending(); n != maxRetrying-before {
			t.Errorf("%d deliveries wait to be sent again, want %d", n, maxRetrying-before)
		}
		last := e.engine.journal.list(func(*Exchange) bool { return true })
		if got := last[len(last)-1].Reason; !strings.Contains(got, "too many") {
			t.Errorf("the log says %q", got)
		}
		if _, err := e.engine.clock.advance(2 * time.Hour); err != nil || e.engine.retrying != before {
			t.Errorf("%d still count as waiting, %v", e.engine.retrying, err)
		}
	})
	t.Run("backlog", func(t *testing.T) {
		t.Parallel()
		e := quietEmulator(t, Options{}, http.StatusOK)
		e.engine.sender.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		var told atomic.Int64
		for range maxWaiting + maxPerHost + 10 {
			e.engine.sender.send(&delivery{class: outSTK, url: "http://app.test/", then: func(int, []byte) { told.Add(1) }})
		}
		if n := e.engine.sender.waiting.Load(); n != maxWaiting || told.Load() == 0 {
			t.Errorf("%d callbacks wait, %d were given up, want %d and some", n, told.Load(), maxWaiting)
		}
		cut, cancel := context.WithCancel(t.Context())
		cancel()
		_ = e.Close(cut)
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
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.WithoutCancel(t.Context())) })
	for i := range 2 {
		if i > 0 {
			time.Sleep(1500 * time.Millisecond) // less than any server waits
		}
		if status, _ := e.engine.sender.attempt(&delivery{class: outSTK, url: "http://" + ln.Addr().String()}); status != http.StatusOK {
			t.Errorf("callback %d: status %d", i, status)
		}
	}
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections", n)
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

// A view shows the latest of many, in order.
func TestHighest(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, maxShown, 4 * maxShown, 4*maxShown + 1, 20 * maxShown} {
		numbers := make([]int, n)
		for i := range numbers {
			numbers[i] = i * 7919 % max(n, 1) // each once: 7919 is prime
		}
		got := highest(slices.Values(numbers), cmp.Compare[int])
		if len(got) != min(n, maxShown) || !slices.IsSorted(got) || n > 0 && (got[len(got)-1] != n-1 || got[0] != max(n-maxShown, 0)) {
			t.Errorf("of %d: %d shown", n, len(got))
		}
	}
}
