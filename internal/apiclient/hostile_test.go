package apiclient_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
)

// TestHostileAnswers checks that what a server sends without end, packed or bit by
// bit costs a bounded body and the caller's time, and is never taken for an answer.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]http.HandlerFunc{
		"endless": func(w http.ResponseWriter, r *http.Request) {
			block := bytes.Repeat([]byte(" "), 1<<16)
			for r.Context().Err() == nil {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		},
		"packed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			block := bytes.Repeat([]byte(" "), 1<<20)
			for range 64 {
				if _, err := z.Write(block); err != nil {
					return
				}
			}
			_ = z.Close()
		},
		"drop by drop": func(w http.ResponseWriter, r *http.Request) {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(" ")); err != nil || http.NewResponseController(w).Flush() != nil {
					return
				}
				<-tick.C
			}
		},
		"a header without end": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nX: "))
			for block := bytes.Repeat([]byte("x"), 1<<16); ; {
				if _, err := conn.Write(block); err != nil {
					return
				}
			}
		},
		"cut short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"success":true}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(handle)
			defer srv.Close()
			defer srv.CloseClientConnections()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			c := apiclient.New(apiclient.Options{HTTP: &http.Client{Transport: transport}, Provider: payment.WasaaPay})
			got, err := c.Do(ctx, apiclient.Request{Method: http.MethodPost, URL: srv.URL, Body: []byte("{}"), Endpoint: "create deposit"})
			if got != nil || !errors.Is(err, payment.ErrOutcomeUnknown) {
				t.Errorf("got %v, error %v, want outcome unknown", got, err)
			}
		})
	}
}

// TestRedirectCarriesNothing checks that no other host, nor another path, sees the
// request or its key again, whatever the status asks for.
func TestRedirectCarriesNothing(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) }))
		c := apiclient.New(apiclient.Options{HTTP: srv.Client(), Provider: payment.WasaaPay})
		got, err := c.Do(t.Context(), apiclient.Request{
			Method: http.MethodPost, URL: srv.URL, Body: []byte("{}"), Header: http.Header{"X-Api-Key": {"secret-key"}}, Endpoint: "create deposit",
		})
		if err != nil || got.Status != status {
			t.Errorf("got %v, error %v, want the %d itself", got, err, status)
		}
		srv.Close()
	}
}

// TestReusedConnectionSendsOnce checks that a POST over a connection that the
// server closes is not sent again by the transport, not even with the header that
// net/http takes for a promise that it may.
func TestReusedConnectionSendsOnce(t *testing.T) {
	t.Parallel()
	var posts []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			return
		}
		posts = append(posts, r.Header.Get("X-Idempotency-Key"))
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	}))
	c := apiclient.New(apiclient.Options{HTTP: srv.Client(), Provider: payment.WasaaPay})
	for _, r := range []apiclient.Request{
		{Method: http.MethodGet, URL: srv.URL, Endpoint: "get"},
		{
			Method: http.MethodPost, URL: srv.URL, Body: []byte("{}"), Endpoint: "create deposit",
			Header: http.Header{"X-Idempotency-Key": {"key-1"}, "Idempotency-Key": {"key-1"}},
		},
	} {
		_, err := c.Do(t.Context(), r)
		if (r.Method == http.MethodPost) != errors.Is(err, payment.ErrOutcomeUnknown) {
			t.Errorf("%s: error %v", r.Endpoint, err)
		}
	}
	srv.Close()
	if got := strings.Join(posts, " "); got != "key-1" {
		t.Errorf("posts %q, want one", got)
	}
}
