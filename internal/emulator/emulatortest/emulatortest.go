// Package emulatortest offers an emulator to tests without a socket: an *http.Client that talks to its handler in
// process, so that tests are fast, need no port, and may run inside a testing/synctest bubble.
package emulatortest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/payctl/payctl/internal/emulator"
)

const host = "emulator.test"

// URL is a base address for requests.
const URL = "http://" + host

// Client starts an emulator and returns a client whose every request reaches it. The hosts of this machine and of
// the providers will do as well as URL. The emulator is closed when the test ends. Callbacks leave through opts.HTTPClient: give it a Transport to the handler under test.
func Client(t testing.TB, opts emulator.Options) (*http.Client, *emulator.Emulator) {
	t.Helper()
	opts.PublicHosts = append(opts.PublicHosts, host)
	e, err := emulator.New(opts)
	if err != nil {
		t.Fatalf("emulator: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("closing the emulator: %v", err)
		}
	})
	return &http.Client{Transport: Transport(e.Handler())}, e
}

// Transport serves requests by calling h, with no socket between. It watches the request's context itself: when that
// ends before h answers, the round trip fails with the context's error, so that Client.Timeout works. An aborted
// handler is an answer that never came.
func Transport(h http.Handler) http.RoundTripper { return &transport{handler: h} }

type transport struct{ handler http.Handler }

// errCut is what a client sees of a connection that was cut.
var errCut = errors.New("connection cut before an answer")

// outcome is how a handler ended.
type outcome struct {
	answer *httptest.ResponseRecorder
	err    error
}

// RoundTrip is http.RoundTripper's.
func (tr *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		closeBody(req)
		return nil, err
	}
	inner := req.Clone(ctx)
	inner.RequestURI = req.URL.RequestURI()
	inner.RemoteAddr = "127.0.0.1:1"
	if inner.Host == "" {
		inner.Host = req.URL.Host
	}
	switch {
	case inner.Body == nil:
		inner.Body = http.NoBody
	case inner.ContentLength == 0 && inner.Body != http.NoBody:
		inner.ContentLength = -1 // a client's way to say that the length is not known
	}
	ended := make(chan outcome, 1)
	go func() {
		defer closeBody(req)
		ended <- serve(tr.handler, inner)
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case end := <-ended:
		if end.err != nil {
			return nil, end.err
		}
		resp := end.answer.Result()
		resp.Request = req
		return resp, nil
	}
}

// serve runs the handler, turning its panics into errors.
func serve(h http.Handler, req *http.Request) (end outcome) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			end = outcome{err: fmt.Errorf("%w: %w", errCut, io.ErrUnexpectedEOF)}
		default:
			end = outcome{err: fmt.Errorf("handler panicked: %v", p)}
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return outcome{answer: w}
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
