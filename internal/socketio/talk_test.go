package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// echoServer answers an "echo" with an "echoed", and acknowledges an "ask".
func echoServer(c *Conn) {
	c.On("echo", func(m Message) {
		args := make([]any, len(m.Args))
		for i, a := range m.Args {
			args[i] = a
		}
		_ = c.Emit("echoed", args...)
	})
	c.On("ask", func(m Message) { _ = m.Ack(context.Background(), "answer", 42) })
}

func TestTalkInEveryMode(t *testing.T) {
	t.Parallel()
	for name, transports := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { talk(t, transports) })
		})
	}
}

func talk(t *testing.T, transports []string) {
	auths := make(chan string, 4)
	left := make(chan Reason, 4)
	srv := NewServer(ServerOptions{
		MaxPayload: 8 << 20,
		Auth: func(r *http.Request, auth json.RawMessage) (any, error) {
			auths <- string(auth)
			return r.URL.Query().Get("transport"), nil
		},
		OnConnect: func(c *Conn) {
			echoServer(c)
			c.OnDisconnect(func(r Reason) { left <- r })
			go func() {
				got, err := c.EmitAck(t.Context(), "question", "who")
				_ = c.Emit("heard", fmt.Sprint(len(got), err))
			}()
		},
	})
	s := newSite(mounted(srv))
	defer s.stop()
	opts := bubbleClient(s, transports...)
	opts.URL = "ws://emulator.test"
	f := follow(t, opts)
	connected := f.next(EventConnected)
	if early := len(transports) == 2 && connected.Transport == TransportWebSocket; connected.Transport != transports[0] && !early {
		t.Errorf("connected over %s, want %s", connected.Transport, transports[0])
	}
	if got, want := <-auths, `{"apiKey":"`+testKey+`"}`; got != want {
		t.Errorf("auth: got %s, want %s", got, want)
	}
	// The question is answered with an empty ack, since the handler gave none.
	if m := f.next(EventMessage); m.Name != "question" || text(t, m.Args[0]) != "who" {
		t.Fatalf("got %s %s, want question", m.Name, m.Args)
	}
	if m := f.next(EventMessage); m.Name != "heard" || text(t, m.Args[0]) != "0 <nil>" {
		t.Fatalf("got %s %s, want heard 0 <nil>", m.Name, m.Args)
	}
	big := strings.Repeat("shilingi – 🇰🇪 \u2028\x1e", 100_000)
	for _, say := range []string{"", "plain", "\x1e42[\"\\", "ñandú 你好 🙂", big} {
		if err := f.Emit(t.Context(), "echo", say, map[string]int{"n": 1}); err != nil {
			t.Fatalf("emit %.20q: %v", say, err)
		}
		m := f.next(EventMessage)
		if got := text(t, m.Args[0]); m.Name != "echoed" || got != say || string(m.Args[1]) != `{"n":1}` {
			t.Fatalf("got %s %.40q, want %.40q back", m.Name, got, say)
		}
	}
	got, err := f.EmitAck(t.Context(), "ask")
	if diff := cmp.Diff([]json.RawMessage{json.RawMessage(`"answer"`), json.RawMessage(`42`)}, got); diff != "" || err != nil {
		t.Errorf("ack (-want +got):\n%s%v", diff, err)
	}
	time.Sleep(10 * time.Minute) // heartbeats, in the bubble's time
	want := transports[0]
	if len(transports) == 2 {
		want = TransportWebSocket
	}
	if got := f.Transport(); got != want {
		t.Errorf("after ten minutes: transport %q, want %q", got, want)
	}
	if err := f.end(); err != nil {
		t.Errorf("run after close: %v", err)
	}
	if got := <-left; got != ReasonClientDisconnect {
		t.Errorf("server saw %v, want %v", got, ReasonClientDisconnect)
	}
	if err := srv.Close(t.Context()); err != nil {
		t.Errorf("close: %v", err)
	}
	if n := len(f.events); n != 0 {
		t.Errorf("%d events left over, first %+v", n, <-f.events)
	}
}

func TestUpgradeLosesNothing(t *testing.T) {
	t.Parallel()
	// reference/socketio.md, server 3: 25 events through the upgrade, none lost,
	// doubled or out of order, in both directions.
	synctest.Test(t, func(t *testing.T) {
		const n = 200
		heard := make(chan string, n)
		srv := NewServer(ServerOptions{OnConnect: func(c *Conn) {
			c.On("up", func(m Message) { heard <- string(m.Args[0]) })
			go func() {
				for i := range n {
					_ = c.Emit("down", i)
					time.Sleep(time.Millisecond)
				}
			}()
		}})
		s := newSite(mounted(srv))
		defer s.stop()
		opts := bubbleClient(s, TransportPolling, TransportWebSocket)
		f := follow(t, opts)
		f.next(EventConnected)
		var emitters sync.WaitGroup
		defer emitters.Wait()
		emitters.Go(func() {
			for i := range n {
				if err := f.Emit(t.Context(), "up", i); err != nil {
					t.Errorf("emit %d: %v", i, err)
				}
				time.Sleep(time.Millisecond)
			}
		})
		for i := range n {
			if m := f.next(EventMessage); string(m.Args[0]) != fmt.Sprint(i) {
				t.Fatalf("down: got %s, want %d", m.Args[0], i)
			}
		}
		for i := range n {
			if got := <-heard; got != fmt.Sprint(i) {
				t.Fatalf("up: got %s, want %d", got, i)
			}
		}
		if got := f.Transport(); got != TransportWebSocket {
			t.Errorf("transport %q after the run, want websocket", got)
		}
		if err := f.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestRejectedKeyIsFinal(t *testing.T) {
	t.Parallel()
	for name, transports := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				srv := NewServer(ServerOptions{Auth: func(_ *http.Request, auth json.RawMessage) (any, error) {
					asked++
					return nil, &RefusalError{Message: "invalid key " + string(auth) + "\n", Data: map[string]any{"code": 401}}
				}})
				s := newSite(mounted(srv))
				defer s.stop()
				opts := bubbleClient(s, transports...)
				f := follow(t, opts)
				err := f.over()
				var refused *ConnectError
				if !errors.As(err, &refused) {
					t.Fatalf("got %v, want a *ConnectError", err)
				}
				want := &ConnectError{Message: `invalid key {"apiKey":"[redacted]"}`, Code: "401"}
				if diff := cmp.Diff(want, refused); diff != "" {
					t.Errorf("refusal (-want +got):\n%s", diff)
				}
				if strings.Contains(err.Error(), testKey) {
					t.Error("the error holds the key")
				}
				if e := f.next(EventRefused); !errors.Is(e.Err, refused) || asked != 1 {
					t.Errorf("event %+v after %d tries, want the refusal after one", e, asked)
				}
				_ = srv.Close(t.Context())
			})
		})
	}
}
