package apiclient

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// client returns a Client with connections of its own.
func client(t *testing.T, log func(Exchange)) *Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return New(Options{HTTP: &http.Client{Transport: transport}, Provider: payment.Daraja, Log: log})
}

func server(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// rawServer hands each connection to serve and closes it afterwards.
func rawServer(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
			_ = conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func push(url string) Request {
	return Request{
		Method: http.MethodPost, URL: url + "/push?token=hush", Endpoint: "stk push",
		Header: http.Header{"Authorization": {"Bearer hush"}, "X-Idempotency-Key": {"key-1"}},
		JSON:   map[string]any{"PhoneNumber": "254711000222", "Password": "hush", "TransactionDesc": "a<b>&c"},
	}
}

// TestSends checks what arrives.
func TestSends(t *testing.T) {
	t.Parallel()
	type seen struct {
		Method, Path, Body, ContentType, Accept, Agent, Key string
	}
	var got seen
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = seen{
			r.Method, r.URL.Path, string(body), r.Header.Get("Content-Type"), r.Header.Get("Accept"),
			r.Header.Get("User-Agent"), r.Header.Get("X-Idempotency-Key"),
		}
		w.Header().Set("X-RateLimit-Remaining", "7")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"ok":true}`)
	})
	response, err := client(t, nil).Do(t.Context(), push(url))
	if err != nil {
		t.Fatal(err)
	}
	want := seen{
		"POST", "/push", `{"Password":"hush","PhoneNumber":"254711000222","TransactionDesc":"a<b>&c"}`,
		"application/json", "application/json", "payctl", "key-1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if response.Status != 201 || string(response.Body) != `{"ok":true}` || response.Header.Get("X-RateLimit-Remaining") != "7" {
		t.Errorf("response %+v", response)
	}
	raw := Request{Method: http.MethodPost, URL: url, Body: []byte("as it is"), Header: http.Header{"Content-Type": {"text/plain"}}}
	if _, err := client(t, nil).Do(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(seen{"POST", "/", "as it is", "text/plain", "application/json", "payctl", ""}, got); diff != "" {
		t.Errorf("raw request (-want +got):\n%s", diff)
	}
}

// TestEveryStatusIsAResponse checks that no status is an error, that no
// redirect is followed and that a body is handed over whatever it is.
func TestEveryStatusIsAResponse(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		status, _ := strconv.Atoi(r.URL.Query().Get("status"))
		w.Header().Set("Location", "/elsewhere?status=200")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html>gateway</html>")
	})
	c := client(t, nil)
	statuses := []int{200, 301, 302, 303, 307, 308, 400, 401, 404, 418, 429, 500, 503}
	for _, status := range statuses {
		r := push(url)
		r.URL = url + "/?status=" + strconv.Itoa(status)
		response, err := c.Do(t.Context(), r)
		if err != nil {
			t.Fatalf("status %d: %v", status, err)
		}
		if response.Status != status || response.IsJSON() || string(response.Body) != "<html>gateway</html>" {
			t.Errorf("status %d gave %+v", status, response)
		}
	}
	if got := int(requests.Load()); got != len(statuses) {
		t.Errorf("%d requests arrived, want %d", got, len(statuses))
	}
}

func TestIsJSON(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"a":1}`: true, " \n[1]\n": true, `"text"`: true, "null": true, "7": true,
		"": false, " ": false, "<html>": false, `{"a":1}{`: false, `{"a":`: false, "\ufeff{}": false, "Bad Request": false,
	} {
		if got := (&Response{Body: []byte(body)}).IsJSON(); got != want {
			t.Errorf("IsJSON(%q) = %t, want %t", body, got, want)
		}
	}
}

// trouble is what an error of Do tells.
type trouble struct {
	Kind      string
	Unknown   bool
	Retryable bool
	Canceled  bool
	Deadline  bool
}

func told(t *testing.T, err error) trouble {
	t.Helper()
	var e *payment.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no payment.Error", err)
	}
	if text := e.Message + e.Hint; strings.Contains(text, "hush") || strings.Contains(text, "711000222") || strings.ContainsAny(text, "\r\n\x1b") || len(text) > 400 {
		t.Errorf("unfit error text: %q", text)
	}
	if !strings.HasPrefix(e.Message, "stk push: ") || e.Provider != payment.Daraja && e.Kind != payment.KindInternal {
		t.Errorf("the error does not say what failed where: %+v", e)
	}
	return trouble{
		Kind: e.Kind.String(), Unknown: errors.Is(err, payment.ErrOutcomeUnknown), Retryable: e.Retryable,
		Canceled: errors.Is(err, context.Canceled), Deadline: errors.Is(err, context.DeadlineExceeded),
	}
}

// readRequest reads one whole request.
func readRequest(conn net.Conn) error {
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err
}

// answers reads one request, writes text and closes.
func answers(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_ = readRequest(conn)
		_, _ = io.WriteString(conn, text)
	}
}

// TestNoAnswer checks what is known after each kind of failure: only an error
// before a connection is certain not to have reached anybody (money rule 1).
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	lost := trouble{Kind: "unavailable", Unknown: true}
	unreached := trouble{Kind: "unavailable", Retryable: true}
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
		want  trouble
	}{
		{"cut after the request", answers(""), lost},
		{"cut before the request was read", func(net.Conn) {}, lost},
		{"cut in the middle of the head", answers("HTTP/1.1 200 OK\r\nContent-"), lost},
		{"cut in the middle of the body", answers("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":"), lost},
		{"cut in the middle of a chunk", answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"a\":"), lost},
		{"not HTTP", answers("hush 254711000222 \x1b[31m\r\n\r\n"), lost},
		{"a status line with a phone", answers("HTTP/1.1 hush254711000222\r\n\r\n"), lost},
		{"a header line with a phone", answers("HTTP/1.1 200 OK\r\nhush 254711000222\r\n\r\n"), lost},
		{
			"a redirect to nonsense", answers("HTTP/1.1 302 Found\r\nLocation: http://[::hush254711000222\r\nContent-Length: 0\r\n\r\n"),
			lost,
		},
		{"a flood of headers", answers("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 11<<20) + "\r\n\r\n"), lost},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := client(t, nil).Do(t.Context(), push(rawServer(t, c.serve)))
			if diff := cmp.Diff(c.want, told(t, err)); diff != "" {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
	t.Run("connection refused", func(t *testing.T) {
		t.Parallel()
		// A port that was free a moment ago may be another program's by now; this
		// one is nobody's.
		_, err := client(t, nil).Do(t.Context(), push("http://127.0.0.1:1"))
		if diff := cmp.Diff(unreached, told(t, err)); diff != "" {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
	})
	t.Run("no TLS on the other side", func(t *testing.T) {
		t.Parallel()
		url := server(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
		_, err := client(t, nil).Do(t.Context(), push(strings.Replace(url, "http:", "https:", 1)))
		if diff := cmp.Diff(unreached, told(t, err)); diff != "" {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
	})
	t.Run("a certificate that nobody vouches for", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }))
		s.Config.ErrorLog = quiet()
		s.StartTLS()
		t.Cleanup(s.Close)
		_, err := client(t, nil).Do(t.Context(), push(s.URL))
		if diff := cmp.Diff(unreached, told(t, err)); diff != "" {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
	})
}

// TestContext checks that the end of a context can be told from trouble, and
// what is known by then.
func TestContext(t *testing.T) {
	t.Parallel()
	// hang answers nothing, or the head alone, and says when it has got so far.
	hang := func(reached func()) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if r.URL.Path == "/begun" {
				w.Header().Set("Content-Length", "10")
				w.(http.Flusher).Flush()
			}
			reached()
			<-r.Context().Done()
		}
	}
	// limit leaves a loaded machine the time to send the request.
	const limit = 3 * time.Second
	for _, path := range []string{"/silent", "/begun"} {
		t.Run("deadline"+path, func(t *testing.T) {
			t.Parallel()
			url := server(t, hang(func() {}))
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			r := push(url)
			r.URL = strings.Replace(r.URL, "/push", path, 1)
			_, err := client(t, nil).Do(ctx, r)
			want := trouble{Kind: "unavailable", Unknown: true, Deadline: true}
			if diff := cmp.Diff(want, told(t, err)); diff != "" {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
		t.Run("cancelled"+path, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r := push(server(t, hang(func() { time.AfterFunc(50*time.Millisecond, cancel) })))
			r.URL = strings.Replace(r.URL, "/push", path, 1)
			_, err := client(t, nil).Do(ctx, r)
			want := trouble{Kind: "interrupted", Unknown: true, Canceled: true}
			if diff := cmp.Diff(want, told(t, err)); diff != "" {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
	t.Run("cancelled before", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := client(t, nil).Do(ctx, push(server(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })))
		want := trouble{Kind: "interrupted", Retryable: true, Canceled: true}
		if diff := cmp.Diff(want, told(t, err)); diff != "" {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
	})
	t.Run("the client's own time-out", func(t *testing.T) {
		t.Parallel()
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		c := New(Options{HTTP: &http.Client{Transport: transport, Timeout: limit}, Provider: payment.Daraja})
		_, err := c.Do(t.Context(), push(server(t, hang(func() {}))))
		want := trouble{Kind: "unavailable", Unknown: true, Deadline: true}
		if diff := cmp.Diff(want, told(t, err)); diff != "" {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
	})
}

// TestCannotBuild checks requests that never leave.
func TestCannotBuild(t *testing.T) {
	t.Parallel()
	c := client(t, nil)
	for name, change := range map[string]func(*Request){
		"url":    func(r *Request) { r.URL = "http://a b/?token=hush" },
		"method": func(r *Request) { r.Method = "POST hush" },
		"header": func(r *Request) { r.Header.Set("Authorization", "Bearer hush\r\n254711000222") },
		"scheme": func(r *Request) { r.URL = "gopher://example.invalid/hush" },
		"json":   func(r *Request) { r.JSON = func() {} },
	} {
		r := push("http://127.0.0.1:1")
		change(&r)
		_, err := c.Do(t.Context(), r)
		got := told(t, err)
		if got.Unknown {
			t.Errorf("%s: %v has an unknown outcome, but nothing left", name, err)
		}
	}
}

// TestHugeAnswer checks the cap of 4 MiB from both sides.
func TestHugeAnswer(t *testing.T) {
	t.Parallel()
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		chunk := make([]byte, 64<<10)
		for ; size > 0; size -= len(chunk) {
			if _, err := w.Write(chunk[:min(size, len(chunk))]); err != nil {
				return
			}
		}
	})
	for size, fits := range map[int]bool{maxResponse: true, maxResponse + 1: false, 64 << 20: false} {
		r := push(url)
		r.URL = url + "/?size=" + strconv.Itoa(size)
		response, err := client(t, nil).Do(t.Context(), r)
		switch {
		case fits && (err != nil || len(response.Body) != size):
			t.Errorf("%d bytes: %v", size, err)
		case !fits:
			if diff := cmp.Diff(trouble{Kind: "unavailable", Unknown: true}, told(t, err)); diff != "" {
				t.Errorf("%d bytes: %v (-want +got):\n%s", size, err, diff)
			}
		}
	}
}

// TestPushIsNotRepeated checks that the transport does not send a POST again by
// itself when a kept-alive connection breaks, not even with an idempotency key,
// which makes Go's transport think that it may.
func TestPushIsNotRepeated(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	url := rawServer(t, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for {
			request, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			if requests.Add(1) > 1 {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		}
	})
	c := client(t, nil)
	if _, err := c.Do(t.Context(), push(url)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Do(t.Context(), push(url))
	if diff := cmp.Diff(trouble{Kind: "unavailable", Unknown: true}, told(t, err)); diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if got := requests.Load(); got != 2 {
		t.Errorf("%d requests arrived for two calls", got)
	}
}

// TestClientIsNotChanged checks that the caller's client keeps its redirects.
func TestClientIsNotChanged(t *testing.T) {
	t.Parallel()
	own := &http.Client{}
	New(Options{HTTP: own})
	if own.CheckRedirect != nil {
		t.Error("New changed the client that it was given")
	}
}
