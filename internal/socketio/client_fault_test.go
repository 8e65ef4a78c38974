package socketio

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// inBubble runs a test with a client's site in virtual time. Whatever
// goroutine of client or server outlives it fails the test.
func inBubble(t *testing.T, handler func(t *testing.T) http.Handler, test func(t *testing.T, s *site)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(handler(t))
		defer s.stop()
		test(t, s)
	})
}

func bubbleClient(s *site, transports ...string) ClientOptions {
	return ClientOptions{
		URL: "http://emulator.test", Path: "/partner/socket", Transports: transports,
		HTTPClient: s.client,
		Auth:       func() any { return map[string]string{"apiKey": testKey} },
		MaxPayload: 8 << 20,
	}
}

// scripted is a server that says what a test wants: on a websocket, or one
// line as the answer to each poll; after its lines it is silent.
func scripted(open string, lines ...string) func(*testing.T) http.Handler {
	return func(*testing.T) http.Handler {
		var polls atomic.Int32
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") == "" {
				scriptedPoll(w, r, &polls, append([]string{open}, lines...))
				return
			}
			ws, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			defer discard(ws)
			ctx := context.WithoutCancel(r.Context())
			for _, line := range append([]string{open}, lines...) {
				if line != "" && ws.Write(ctx, websocket.MessageText, []byte(line)) != nil {
					return
				}
			}
			for {
				if _, _, err := ws.Read(ctx); err != nil {
					return
				}
			}
		})
	}
}

func scriptedPoll(w http.ResponseWriter, r *http.Request, polls *atomic.Int32, lines []string) {
	if r.Method == http.MethodPost {
		_, _ = w.Write([]byte("ok"))
		return
	}
	if r.URL.Query().Get("sid") == "" {
		polls.Store(0)
	}
	n := int(polls.Add(1))
	if n > len(lines) {
		<-r.Context().Done()
		return
	}
	_, _ = w.Write([]byte(lines[n-1]))
}

const goodOpen = `0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`

func TestWebSocketHangsThenPolling(t *testing.T) {
	for name, broken := range map[string]http.HandlerFunc{
		"handshake never answered": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"opens and stays mute":     func(w http.ResponseWriter, r *http.Request) { scripted("")(nil).ServeHTTP(w, r) },
	} {
		t.Run(name, func(t *testing.T) {
			handler := func(*testing.T) http.Handler {
				srv := NewServer(ServerOptions{})
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Query().Get("transport") == TransportWebSocket {
						broken(w, r)
						return
					}
					srv.ServeHTTP(w, r)
				})
			}
			inBubble(t, handler, func(t *testing.T, s *site) {
				began := time.Now()
				f := follow(t, bubbleClient(s, TransportWebSocket, TransportPolling))
				e := f.next(EventConnected)
				if e.Transport != TransportPolling || time.Since(began) != defaultConnectTimeout {
					t.Errorf("connected over %s after %v, want polling after %v", e.Transport, time.Since(began), defaultConnectTimeout)
				}
				// The probe of the same broken websocket must not hurt, and the
				// next connect must not wait for it again.
				// Not at the instant of a ping: between two polls a cut goes
				// unnoticed, and rightly.
				time.Sleep(5*time.Minute + time.Second)
				s.net.cut()
				f.next(EventDisconnected)
				began = time.Now()
				f.next(EventConnected)
				if waited := time.Since(began); waited > 2*time.Second {
					t.Errorf("reconnected after %v, want polling to be tried first", waited)
				}
				if err := f.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestSilentServerIsNoticed(t *testing.T) {
	for _, transport := range []string{TransportWebSocket, TransportPolling} {
		t.Run(transport, func(t *testing.T) {
			inBubble(t, scripted(goodOpen, `40{"sid":"x"}`, `42["hello"]`), func(t *testing.T, s *site) {
				f := follow(t, bubbleClient(s, transport))
				f.next(EventConnected)
				f.next(EventMessage)
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
				defer cancel()
				if _, err := f.EmitAck(ctx, "ask"); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("ack: %v, want the context's error", err)
				}
				if _, err := f.EmitAck(t.Context(), "ask"); !errors.Is(err, ErrDisconnected) {
					t.Errorf("ack: %v, want ErrDisconnected", err)
				}
				e := f.next(EventDisconnected)
				if waited := time.Since(began); e.Reason != ReasonPingTimeout || waited != 45*time.Second {
					t.Errorf("%v after %v, want ping timeout after 45s", e.Reason, waited)
				}
				if err := f.Emit(t.Context(), "x"); !errors.Is(err, ErrNotConnected) {
					t.Errorf("emit: %v, want ErrNotConnected", err)
				}
				if err := f.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestMalformedPacketsEndTheConnection(t *testing.T) {
	lines := []string{"9", "x", "4", "4\xff", "bnot base64 *", "<html>"}
	for _, text := range malformedPackets() {
		lines = append(lines, "4"+text)
	}
	lines = append(lines, `42["connect"]`, `42[null]`, `451-["a",{"_placeholder":true,"num":0}]`+"\x1e42[\"b\"]")
	for _, transport := range []string{TransportWebSocket, TransportPolling} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			for _, line := range lines {
				script := append([]string{`40{"sid":"x"}`}, strings.Split(line, "\x1e")...)
				synctest.Test(t, func(t *testing.T) {
					s := newSite(scripted(goodOpen, script...)(t))
					defer s.stop()
					f := follow(t, bubbleClient(s, transport))
					f.next(EventConnected)
					if e := f.next(EventDisconnected); e.Reason != ReasonParseError || !errors.Is(e.Err, ErrMalformed) {
						t.Errorf("%q: %v (%v), want a parse error", line, e.Reason, e.Err)
					}
					f.next(EventConnected)
					f.next(EventDisconnected)
					if err := f.end(); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

func TestToleratedPackets(t *testing.T) {
	lines := []string{
		`40{"sid":"x"}`, goodOpen, "3", "5", "6", `42/other,["no"]`, `44/other,{"message":"no"}`, `43999[1]`,
		`40{"sid":"again"}`, "2extra", `42["yes",1,"offset"]`,
	}
	for _, transport := range []string{TransportWebSocket, TransportPolling} {
		t.Run(transport, func(t *testing.T) {
			inBubble(t, scripted(goodOpen, lines...), func(t *testing.T, s *site) {
				f := follow(t, bubbleClient(s, transport))
				f.next(EventConnected)
				if m := f.next(EventMessage); m.Name != "yes" || len(m.Args) != 2 {
					t.Errorf("got %s %s, want yes with two arguments", m.Name, m.Args)
				}
				if err := f.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestHandshakesRefused(t *testing.T) {
	t.Parallel()
	for name, text := range absurdHandshakes() {
		for _, transport := range []string{TransportWebSocket, TransportPolling} {
			t.Run(name+"/"+transport, func(t *testing.T) {
				inBubble(t, scripted("0"+text), func(t *testing.T, s *site) {
					f := follow(t, bubbleClient(s, transport))
					e := <-f.events
					if e.Kind != EventConnectFailed || !errors.Is(e.Err, ErrMalformed) || strings.Contains(e.Err.Error(), "\n") {
						t.Errorf("got %v %v, want a failed attempt for a malformed packet", e.Kind, e.Err)
					}
					if err := f.end(); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

func TestCaptivePortal(t *testing.T) {
	portals := map[string]struct {
		status int
		says   string
	}{
		"page":     {http.StatusOK, "captive portal"},
		"redirect": {http.StatusTemporaryRedirect, "status 307"},
		"511":      {http.StatusNetworkAuthenticationRequired, "status 511"},
	}
	for name, tt := range portals {
		t.Run(name, func(t *testing.T) {
			var strayed atomic.Bool
			handler := func(*testing.T) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/login" {
						strayed.Store(true)
					}
					w.Header().Set("Location", "http://portal.test/login")
					w.WriteHeader(tt.status)
					_, _ = w.Write([]byte("<html>pay first</html>"))
				})
			}
			inBubble(t, handler, func(t *testing.T, s *site) {
				f := follow(t, bubbleClient(s))
				e := <-f.events
				if e.Kind != EventConnectFailed || !strings.Contains(e.Err.Error(), tt.says) || strings.Contains(e.Err.Error(), "\n") {
					t.Errorf("got %v %v, want a failed attempt naming %q", e.Kind, e.Err, tt.says)
				}
				if e.RetryIn <= 0 || e.Failures != 1 {
					t.Errorf("failures %d, retry in %v", e.Failures, e.RetryIn)
				}
				if err := f.end(); err != nil {
					t.Error(err)
				}
				if strayed.Load() {
					t.Error("the redirect was followed")
				}
			})
		})
	}
}
