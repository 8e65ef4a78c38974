package socketio

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestErrorsNeverShowTheKey checks that what a server says while it ends a
// connection is not repeated where it holds the key.
func TestErrorsNeverShowTheKey(t *testing.T) {
	for name, say := range map[string]func(w http.ResponseWriter, r *http.Request, ws *websocket.Conn){
		"in a close frame": func(_ http.ResponseWriter, _ *http.Request, ws *websocket.Conn) {
			_ = ws.Close(websocket.StatusPolicyViolation, "no such key "+testKey)
		},
		"after the namespace was joined": func(_ http.ResponseWriter, r *http.Request, ws *websocket.Conn) {
			_ = ws.Write(r.Context(), websocket.MessageText, []byte(`40{"sid":"s"}`))
			_ = ws.Close(websocket.StatusPolicyViolation, "no such key "+testKey)
		},
	} {
		t.Run(name, func(t *testing.T) {
			handler := func(*testing.T) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ws, err := websocket.Accept(w, r, nil)
					if err != nil {
						return
					}
					defer discard(ws)
					ctx := context.WithoutCancel(r.Context())
					_ = ws.Write(ctx, websocket.MessageText, []byte(goodOpen))
					if _, _, err := ws.Read(ctx); err == nil {
						say(w, r, ws)
					}
				})
			}
			inBubble(t, handler, func(t *testing.T, s *site) {
				f := follow(t, bubbleClient(s, TransportWebSocket))
				e := <-f.events
				for e.Err == nil {
					e = <-f.events
				}
				if text := e.Err.Error(); strings.Contains(text, testKey) || !strings.Contains(text, "no such key") {
					t.Errorf("error %q, want the server's words without the key", text)
				}
				if err := f.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestMalformedAnswerNeverShowsTheKey checks the same of an answer that is not
// HTTP: net/http quotes it.
func TestMalformedAnswerNeverShowsTheKey(t *testing.T) {
	handler := func(*testing.T) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && r.URL.Query().Get("sid") == "" {
				_, _ = w.Write([]byte(goodOpen))
				return
			}
			if r.Method == http.MethodGet {
				<-r.Context().Done()
				return
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 " + testKey + "\r\n\r\n"))
			_ = conn.Close()
		})
	}
	inBubble(t, handler, func(t *testing.T, s *site) {
		f := follow(t, bubbleClient(s, TransportPolling))
		if e := f.next(EventConnectFailed); strings.Contains(e.Err.Error(), testKey) || !strings.Contains(e.Err.Error(), "[redacted]") {
			t.Errorf("error %v, want the words without the key", e.Err)
		}
		if err := f.end(); err != nil {
			t.Error(err)
		}
	})
}

// TestIdlePollsAreSpaced checks that a server which answers each poll at once,
// with nothing in it, is not asked as fast as it answers.
func TestIdlePollsAreSpaced(t *testing.T) {
	for name, body := range map[string]string{"noop": "6", "ping": "2", "open again": goodOpen, "many": "6\x1e6\x1e2"} {
		t.Run(name, func(t *testing.T) {
			var polls atomic.Int32
			handler := func(*testing.T) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.Method == http.MethodPost:
						_, _ = w.Write([]byte("ok"))
					case r.URL.Query().Get("sid") == "":
						_, _ = w.Write([]byte(goodOpen))
					case polls.Add(1) == 1:
						_, _ = w.Write([]byte(`40{"sid":"s"}`))
					default:
						time.Sleep(time.Millisecond)
						_, _ = w.Write([]byte(body))
					}
				})
			}
			inBubble(t, handler, func(t *testing.T, s *site) {
				f := follow(t, bubbleClient(s, TransportPolling))
				f.next(EventConnected)
				time.Sleep(10 * time.Second)
				if n := polls.Load(); n > 250 {
					t.Errorf("%d polls in 10 s, want at most 250", n)
				}
				if err := f.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestCompressedFloodIsBounded checks that a small answer which unpacks to a
// huge one costs no more than the payload limit.
func TestCompressedFloodIsBounded(t *testing.T) {
	handler := func(t *testing.T) http.Handler {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		for range 64 {
			_, _ = z.Write(bytes.Repeat([]byte("6"), 1<<20))
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		})
	}
	inBubble(t, handler, func(t *testing.T, s *site) {
		f := follow(t, bubbleClient(s, TransportPolling))
		if e := f.next(EventConnectFailed); !strings.Contains(e.Err.Error(), "answer larger than") {
			t.Errorf("error %v, want a bound", e.Err)
		}
		if err := f.end(); err != nil {
			t.Error(err)
		}
	})
}
