package socketio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestThrownOutAgainAndAgain(t *testing.T) {
	// reference/socketio.md, client 8: 59 connections in 12 s in the prototype.
	var connects atomic.Int32
	handler := func(*testing.T) http.Handler {
		return NewServer(ServerOptions{OnConnect: func(c *Conn) { connects.Add(1); c.Disconnect() }})
	}
	inBubble(t, handler, func(t *testing.T, s *site) {
		f := follow(t, bubbleClient(s, TransportWebSocket))
		time.Sleep(time.Minute)
		if n := connects.Load(); n < 5 || n > 20 {
			t.Errorf("%d connections in a minute, want 5 to 20", n)
		}
		if err := f.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestBackoffStartsOverAfterHolding(t *testing.T) {
	handler := func(*testing.T) http.Handler { return NewServer(ServerOptions{}) }
	inBubble(t, handler, func(t *testing.T, s *site) {
		f := follow(t, bubbleClient(s, TransportWebSocket))
		for i, hold := range []time.Duration{time.Second, 2 * time.Second, 20 * time.Second, time.Second} {
			f.next(EventConnected)
			time.Sleep(hold)
			s.net.cut()
			e := f.next(EventDisconnected)
			if want := []int{1, 2, 1, 2}[i]; e.Failures != want {
				t.Errorf("after holding %v: %d failures in a row, want %d", hold, e.Failures, want)
			}
		}
		if err := f.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestOversizeEventEndsTheConnection(t *testing.T) {
	for name, transports := range modes() {
		t.Run(name, func(t *testing.T) {
			handler := func(*testing.T) http.Handler {
				return NewServer(ServerOptions{OnConnect: func(c *Conn) {
					go func() {
						time.Sleep(time.Second)
						_ = c.Emit("big", strings.Repeat("x", 70_000))
					}()
				}})
			}
			inBubble(t, handler, func(t *testing.T, s *site) {
				opts := bubbleClient(s, transports...)
				opts.MaxPayload = 65_536
				f := follow(t, opts)
				f.next(EventConnected)
				if e := f.next(EventDisconnected); e.Reason != ReasonTransportError {
					t.Errorf("%v (%v), want a transport error", e.Reason, e.Err)
				}
				if err := f.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestEmitLimits(t *testing.T) {
	handler := func(*testing.T) http.Handler { return NewServer(ServerOptions{MaxPayload: 1000}) }
	inBubble(t, handler, func(t *testing.T, s *site) {
		f := follow(t, bubbleClient(s))
		f.next(EventConnected)
		type result struct {
			Name string
			Err  error
		}
		for _, tt := range []struct {
			name string
			arg  any
			want error
		}{
			{"big", strings.Repeat("x", 1000), ErrTooLarge},
			{"connect", nil, errReservedName},
			{"fine", strings.Repeat("x", 900), nil},
		} {
			if err := f.Emit(t.Context(), tt.name, tt.arg); !errors.Is(err, tt.want) {
				t.Errorf("%+v, want %v", result{tt.name, err}, tt.want)
			}
		}
		err := f.Emit(t.Context(), "bad", map[string]any{"apiKey": testKey, "f": func() {}})
		if err == nil || strings.Contains(err.Error(), testKey) {
			t.Errorf("unencodable arguments: %v", err)
		}
		if err := f.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestPathWithoutSlashAfter404(t *testing.T) {
	// reference/wasaapay.md §12.2
	for name, transports := range modes() {
		t.Run(name, func(t *testing.T) {
			handler := func(*testing.T) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("/partner/socket", NewServer(ServerOptions{}))
				return mux
			}
			inBubble(t, handler, func(t *testing.T, s *site) {
				f := follow(t, bubbleClient(s, transports...))
				f.next(EventConnected)
				time.Sleep(time.Minute)
				if err := f.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestSlowHandlerBoundsMemory(t *testing.T) {
	var most atomic.Int32
	handler := func(*testing.T) http.Handler {
		return NewServer(ServerOptions{OnConnect: func(c *Conn) {
			go func() {
				sent := int32(0)
				for c.Emit("flood", strings.Repeat("x", 100_000)) == nil {
					sent++
					time.Sleep(time.Millisecond)
				}
				most.Store(max(most.Load(), sent))
			}()
		}})
	}
	inBubble(t, handler, func(t *testing.T, s *site) {
		opts := bubbleClient(s, TransportWebSocket)
		opts.MaxPayload = 1 << 20
		release := make(chan struct{})
		c, err := NewClient(opts)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			done <- c.Run(t.Context(), func(_ context.Context, e Event) error {
				if e.Kind == EventMessage {
					<-release
				}
				return nil
			})
		}()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		waiting := int64(0)
		for len(c.events) > 0 {
			waiting += (<-c.events).size
		}
		if waiting == 0 || waiting > 2<<20 {
			t.Errorf("%d bytes wait for the handler, want some, up to 2 MiB", waiting)
		}
		if n := most.Load(); n == 0 || n > 200 {
			t.Errorf("the server queued %d events for a client that does not read, want some, up to 200", n)
		}
		close(release)
		c.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]ClientOptions{
		"scheme":     {URL: "ftp://host"},
		"host":       {URL: "https://"},
		"parsed":     {URL: "https://host\x7f" + testKey},
		"user":       {URL: "https://" + testKey + "@host"},
		"query":      {URL: "https://host?apiKey=" + testKey},
		"fragment":   {URL: "https://host#" + testKey},
		"path":       {URL: "https://host", Path: "/x?apiKey=" + testKey},
		"transports": {URL: "https://host", Transports: []string{"carrier pigeon"}},
		"twice":      {URL: "https://host", Transports: []string{"polling", "polling"}},
	}
	for name, opts := range tests {
		_, err := NewClient(opts)
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), testKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got := map[string]string{}
	for _, u := range []string{"https://h", "wss://h/", "http://h:1/base", "ws://h"} {
		c, err := NewClient(ClientOptions{URL: u, Path: "/partner/socket/"})
		if err != nil {
			t.Fatal(err)
		}
		got[u] = c.at.address(TransportPolling, "a/b", "t1")
	}
	want := map[string]string{
		"https://h":       "https://h/partner/socket/?EIO=4&transport=polling&t=t1&sid=a%2Fb",
		"wss://h/":        "https://h/partner/socket/?EIO=4&transport=polling&t=t1&sid=a%2Fb",
		"http://h:1/base": "http://h:1/base/partner/socket/?EIO=4&transport=polling&t=t1&sid=a%2Fb",
		"ws://h":          "http://h/partner/socket/?EIO=4&transport=polling&t=t1&sid=a%2Fb",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	for v, want := range map[fmt.Stringer]string{ReasonPingTimeout: "ping timeout", EventRefused: "refused", Reason(99): "unknown"} {
		if v.String() != want {
			t.Errorf("got %s, want %s", v, want)
		}
	}
}
