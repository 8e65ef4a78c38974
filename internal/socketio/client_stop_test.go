package socketio

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestStops(t *testing.T) {
	hang := func(*testing.T) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	}
	broken := func(*testing.T) http.Handler { return http.NotFoundHandler() }
	serving := func(*testing.T) http.Handler { return NewServer(ServerOptions{}) }
	muteNamespace := scripted(goodOpen)
	errEnough := errors.New("enough")
	for name, handler := range map[string]func(*testing.T) http.Handler{
		"connecting": hang, "between attempts": broken, "connected": serving, "joining": muteNamespace,
	} {
		for mode, transports := range modes() {
			t.Run(name+"/"+mode, func(t *testing.T) {
				inBubble(t, handler, func(t *testing.T, s *site) {
					f := follow(t, bubbleClient(s, transports...))
					time.Sleep(500 * time.Millisecond)
					began := time.Now()
					if err := f.end(); err != nil || time.Since(began) > goodbyeTime {
						t.Errorf("close: %v after %v", err, time.Since(began))
					}
					f = follow(t, bubbleClient(s, transports...))
					time.Sleep(500 * time.Millisecond)
					f.cancel()
					if err := f.over(); !errors.Is(err, context.Canceled) {
						t.Errorf("cancelled: %v", err)
					}
				})
			})
		}
	}
	t.Run("by the handler", func(t *testing.T) {
		inBubble(t, serving, func(t *testing.T, s *site) {
			f := follow(t, bubbleClient(s), func(context.Context, Event) error { return errEnough })
			if err := f.over(); !errors.Is(err, errEnough) {
				t.Errorf("got %v, want the handler's error", err)
			}
		})
	})
	t.Run("before it runs, and twice", func(t *testing.T) {
		inBubble(t, serving, func(t *testing.T, s *site) {
			c, err := NewClient(bubbleClient(s))
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			nothing := func(context.Context, Event) error { return nil }
			if err := c.Run(t.Context(), nothing); err != nil {
				t.Errorf("closed before: %v", err)
			}
			if err := c.Run(t.Context(), nothing); !errors.Is(err, errRunTwice) {
				t.Errorf("second run: %v", err)
			}
		})
	})
}
