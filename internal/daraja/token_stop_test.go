package daraja

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// A token moves no money: whoever was stopped, or waited too long for one, may run
// the same command again; and Ctrl-C is no trouble of the network.
func TestStoppedAtTheToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		end   func(context.Context, <-chan struct{}) (context.Context, context.CancelFunc)
		kind  payment.Kind
		retry bool
		hint  bool
	}{
		{"time-out", func(ctx context.Context, _ <-chan struct{}) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 50*time.Millisecond)
		}, payment.KindUnavailable, true, true},
		{"interrupt", func(ctx context.Context, asked <-chan struct{}) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			go func() { <-asked; cancel() }()
			return ctx, cancel
		}, payment.KindInterrupted, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			asked, over := make(chan struct{}), make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(asked); <-over }))
			defer server.Close()
			defer close(over)
			cfg := newGateway(t).config()
			cfg.BaseURL, cfg.HTTP = server.URL, server.Client()
			ctx, cancel := tt.end(t.Context(), asked)
			defer cancel()
			_, err := mustNew(t, cfg).Create(ctx, testRequest(t))
			var e *payment.Error
			if !errors.As(err, &e) || errors.Is(err, payment.ErrOutcomeUnknown) {
				t.Fatalf("got %v", err)
			}
			if e.Kind != tt.kind || e.Retryable != tt.retry || (e.Hint != "") != tt.hint {
				t.Errorf("kind %v, retryable %v, hint %q: %v", e.Kind, e.Retryable, e.Hint, err)
			}
		})
	}
}
