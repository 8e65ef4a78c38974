package emulatortest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/emulator/emulatortest"
)

// Client.Timeout and a cancelled context end a round trip although the handler goes on.
func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{
			Timeout: 2 * time.Second,
			Transport: emulatortest.Transport(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
			})),
		}
		begun := time.Now()
		_, err := client.Get("http://x/")
		if took := time.Since(begun); err == nil || took != 2*time.Second {
			t.Errorf("ended after %s with %v", took, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://x/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(req); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// A whole emulator inside a bubble, on the real clock.
func TestInBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, _ := emulatortest.Client(t, emulator.Options{Behaviours: []string{"answer-delay=3s@oauth"}})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, emulatortest.URL+"/oauth/v1/generate?grant_type=client_credentials", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(emulator.Credentials().ConsumerKey, emulator.Credentials().ConsumerSecret)
		begun := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil || !strings.Contains(string(body), "access_token") || time.Since(begun) != 3*time.Second {
			t.Errorf("after %s: %s, %v", time.Since(begun), body, err)
		}
	})
}

// A panicking handler is an error, an aborted one a connection without an answer.
func TestPanics(t *testing.T) {
	t.Parallel()
	for says, value := range map[string]any{"handler panicked: boom": "boom", "connection cut": http.ErrAbortHandler} {
		client := &http.Client{Transport: emulatortest.Transport(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(value) }))}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(req); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v", value, err)
		}
	}
}
