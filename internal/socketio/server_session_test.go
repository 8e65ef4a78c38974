package socketio

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

func TestServerHeartbeat(t *testing.T) {
	serverSite(t, ServerOptions{}, func(t *testing.T, s *site, srv *Server) {
		ws := s.dial(t, "?EIO=4&transport=websocket")
		defer discard(ws)
		frame(t, ws)
		write(t, ws, "40")
		frame(t, ws)
		began := time.Now()
		for range 3 {
			if got := frame(t, ws); got != "2" {
				t.Fatalf("got %s, want a ping", got)
			}
			write(t, ws, "3")
		}
		if took := time.Since(began); took != 75*time.Second {
			t.Errorf("three pings in %v, want 75s", took)
		}
		gone := make(chan Reason, 1)
		srv.Conns()[0].OnDisconnect(func(r Reason) { gone <- r })
		began = time.Now()
		go frame(t, ws) // takes the ping, and does not answer
		if r := <-gone; r != ReasonPingTimeout || time.Since(began) != 45*time.Second {
			t.Errorf("%v after %v, want a ping timeout after 45s", r, time.Since(began))
		}
	})
}

func TestServerUpgradeByHand(t *testing.T) {
	// reference/socketio.md, server 3
	serverSite(t, ServerOptions{}, func(t *testing.T, s *site, srv *Server) {
		query := s.join(t)
		conn := srv.Conns()[0]
		ws := s.dial(t, strings.Replace(query, "polling", "websocket", 1))
		defer discard(ws)
		held := make(chan answer, 1)
		go func() { held <- s.ask(t.Context(), t, "GET", query, "") }()
		synctest.Wait()
		write(t, ws, "2probe")
		if got := frame(t, ws); got != "3probe" {
			t.Fatalf("got %s, want 3probe", got)
		}
		if a := <-held; a.Body != "6" {
			t.Errorf("held poll: %+v, want a noop", a)
		}
		if err := conn.Emit("kept", 1); err != nil {
			t.Error(err)
		}
		began := time.Now()
		for range 10 {
			if a := s.ask(t.Context(), t, "GET", query, ""); a.Body != "6" {
				t.Errorf("poll while upgrading: %+v, want a noop", a)
			}
		}
		if took := time.Since(began); took != 10*noopSpacing {
			t.Errorf("ten noops in %v, want %v", took, 10*noopSpacing)
		}
		if a := s.ask(t.Context(), t, "POST", query, `42["x"]`); a.Status != 200 {
			t.Errorf("post while upgrading: %+v", a)
		}
		write(t, ws, "5")
		if got := frame(t, ws); got != `42["kept",1]` || conn.Transport() != TransportWebSocket {
			t.Errorf("got %s over %s", got, conn.Transport())
		}
		if a := s.ask(t.Context(), t, "GET", query, ""); a.Status != 400 {
			t.Errorf("poll after the upgrade: %+v, want 400", a)
		}
		write(t, ws, `42["y"]`)
	})
}

func TestServerUpgradeGivenUp(t *testing.T) {
	for name, do := range map[string]func(t *testing.T, ws *websocket.Conn){
		"mute":        func(*testing.T, *websocket.Conn) {},
		"no probe":    func(t *testing.T, ws *websocket.Conn) { write(t, ws, `42["x"]`) },
		"only probed": func(t *testing.T, ws *websocket.Conn) { write(t, ws, "2probe"); frame(t, ws) },
		"closed":      func(t *testing.T, ws *websocket.Conn) { write(t, ws, "2probe"); frame(t, ws); discard(ws) },
	} {
		t.Run(name, func(t *testing.T) {
			serverSite(t, ServerOptions{}, func(t *testing.T, s *site, srv *Server) {
				query := s.join(t)
				ws := s.dial(t, strings.Replace(query, "polling", "websocket", 1))
				defer discard(ws)
				do(t, ws)
				if err := srv.Conns()[0].Emit("kept", 1); err != nil {
					t.Error(err)
				}
				began := time.Now()
				for {
					a := s.ask(t.Context(), t, "GET", query, "")
					if a.Body == "6" && time.Since(began) <= defaultUpgradeTimeout {
						continue
					}
					if a.Body != `42["kept",1]` {
						t.Errorf("poll: %+v, want the kept event", a)
					}
					break
				}
				// Not at the instant at which the first upgrade is given up.
				time.Sleep(defaultUpgradeTimeout + time.Second)
				again := s.dial(t, strings.Replace(query, "polling", "websocket", 1))
				defer discard(again)
				write(t, again, "2probe")
				if got := frame(t, again); got != "3probe" {
					t.Errorf("second upgrade: got %s", got)
				}
			})
		})
	}
}

func TestServerPollGivenUpEndsTheSession(t *testing.T) {
	serverSite(t, ServerOptions{}, func(t *testing.T, s *site, srv *Server) {
		query := s.join(t)
		gone := make(chan Reason, 1)
		srv.Conns()[0].OnDisconnect(func(r Reason) { gone <- r })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = s.try(ctx, "GET", query, nil)
		if r := <-gone; r != ReasonTransportError {
			t.Errorf("got %v", r)
		}
	})
}

func TestServerLimits(t *testing.T) {
	serverSite(t, ServerOptions{MaxSessions: 2}, func(t *testing.T, s *site, _ *Server) {
		s.join(t)
		s.join(t)
		if a := s.ask(t.Context(), t, "GET", "?EIO=4&transport=polling", ""); a.Status != 503 {
			t.Errorf("third session: %+v, want 503", a)
		}
	})
}

func TestServerCORS(t *testing.T) {
	serverSite(t, ServerOptions{Origins: []string{"https://shop.test"}}, func(t *testing.T, s *site, _ *Server) {
		type result struct {
			Status        int
			Allow, Header string
		}
		do := func(method, origin string) result {
			req, err := http.NewRequestWithContext(t.Context(), method, socketURL+"?EIO=4&transport=polling", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Origin", origin)
			req.Header.Set("Access-Control-Request-Headers", "x-api-key")
			resp, err := s.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			return result{resp.StatusCode, resp.Header.Get("Access-Control-Allow-Origin"), resp.Header.Get("Access-Control-Allow-Headers")}
		}
		got := []result{
			do("OPTIONS", "https://shop.test"), do("GET", "https://shop.test"),
			do("GET", "https://evil.test"), do("OPTIONS", "https://evil.test"),
		}
		want := []result{{204, "https://shop.test", "x-api-key"}, {200, "https://shop.test", ""}, {403, "", ""}, {403, "", ""}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestServerCloseTellsClients(t *testing.T) {
	serverSite(t, ServerOptions{}, func(t *testing.T, s *site, srv *Server) {
		query := s.join(t)
		held := make(chan answer, 1)
		go func() { held <- s.ask(t.Context(), t, "GET", query, "") }()
		ws := s.dial(t, "?EIO=4&transport=websocket")
		defer discard(ws)
		frame(t, ws)
		closed := make(chan string, 1)
		go func() { closed <- frame(t, ws) }()
		synctest.Wait()
		if err := srv.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if a := <-held; a.Body != "1" {
			t.Errorf("held poll: %+v, want a close", a)
		}
		if got := <-closed; got != "error" {
			t.Errorf("websocket: got %s", got)
		}
		if a := s.ask(t.Context(), t, "GET", "?EIO=4&transport=polling", ""); a.Status != 503 {
			t.Errorf("handshake after close: %+v, want 503", a)
		}
	})
}

// A prepared event is sent when its queue is flushed.
func TestServerQueueAndFlush(t *testing.T) {
	serverSite(t, ServerOptions{}, func(t *testing.T, s *site, srv *Server) {
		query := s.join(t)
		held := make(chan answer, 1)
		go func() { held <- s.ask(t.Context(), t, "GET", query, "") }()
		synctest.Wait()
		e, err := Prepare("x", 1)
		if err != nil {
			t.Fatal(err)
		}
		conn := srv.Conns()[0]
		for range 2 {
			if err := conn.Queue(e); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if len(held) != 0 {
			t.Errorf("sent before: %+v", <-held)
		}
		conn.Flush()
		if a := <-held; a.Body != "42[\"x\",1]\x1e42[\"x\",1]" {
			t.Errorf("sent: %+v", a)
		}
	})
}

func TestServerThrowsOutWhoDoesNotRead(t *testing.T) {
	serverSite(t, ServerOptions{}, func(t *testing.T, s *site, srv *Server) {
		s.join(t)
		conn := srv.Conns()[0]
		var err error
		sent := 0
		for err == nil && sent < 10_000 {
			err = conn.Emit("x", bytes.NewBufferString("y").String())
			sent++
		}
		if sent != outboxPackets+1 || err == nil {
			t.Errorf("thrown out after %d events with %v, want after %d", sent, err, outboxPackets+1)
		}
		if err := conn.Emit("x"); err == nil {
			t.Error("emit to a client thrown out gave no error")
		}
	})
}

func TestServerPollOutlivesServerTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := NewServer(ServerOptions{})
		s := newSite(mounted(srv), func(h *http.Server) { h.ReadTimeout, h.WriteTimeout = 5*time.Second, 5*time.Second })
		defer s.stop()
		query := s.join(t)
		for range 3 {
			if a := s.ask(t.Context(), t, "GET", query, ""); a != (answer{200, "2"}) {
				t.Errorf("poll: %+v, want a ping", a)
			}
			if a := s.ask(t.Context(), t, "POST", query, "3"); a != (answer{200, "ok"}) {
				t.Errorf("pong: %+v", a)
			}
		}
		if err := srv.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
