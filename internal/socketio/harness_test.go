package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// pipeNet is a network in memory, so that whole conversations run inside a
// testing/synctest bubble, where two minutes take no time and a goroutine left
// behind fails the test.
type pipeNet struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	mu   sync.Mutex
	live []net.Conn
}

func newPipeNet() *pipeNet {
	return &pipeNet{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Accept gives the far end of a dialled connection.
func (p *pipeNet) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close refuses further dials.
func (p *pipeNet) Close() error { p.once.Do(func() { close(p.done) }); return nil }

// Addr names no place.
func (p *pipeNet) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipeNet) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		p.mu.Lock()
		p.live = append(p.live, near)
		p.mu.Unlock()
		return near, nil
	case <-p.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// cut breaks all connections made so far.
func (p *pipeNet) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.live {
		_ = c.Close()
	}
	p.live = nil
}

// site is a handler on a pipeNet with the client that reaches it.
type site struct {
	net    *pipeNet
	client *http.Client
	stop   func()
}

func newSite(handler http.Handler, tune ...func(*http.Server)) *site {
	p := newPipeNet()
	srv := &http.Server{Handler: handler}
	for _, f := range tune {
		f(srv)
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(p) }()
	transport := &http.Transport{DialContext: p.dial}
	return &site{net: p, client: &http.Client{Transport: transport}, stop: func() {
		transport.CloseIdleConnections()
		p.cut()
		_ = srv.Close()
		<-served
		// Whoever sleeps may wake up and see that it is over; the clock is the
		// bubble's.
		time.Sleep(time.Second)
	}}
}

// follower runs a client and keeps what it reports.
type follower struct {
	*Client
	t      *testing.T
	events chan Event
	result chan error
	cancel context.CancelFunc
}

func follow(t *testing.T, opts ClientOptions, handle ...Handler) *follower {
	t.Helper()
	c, err := NewClient(opts)
	if err != nil {
		t.Fatalf("new client: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{Client: c, t: t, events: make(chan Event, 1000), result: make(chan error, 1), cancel: cancel}
	go func() {
		f.result <- c.Run(ctx, func(ctx context.Context, e Event) error {
			f.events <- e
			for _, h := range handle {
				if err := h(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	return f
}

// next waits for an event of the given kind, skipping failed attempts.
func (f *follower) next(kind EventKind) Event {
	f.t.Helper()
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	for {
		select {
		case e := <-f.events:
			if e.Kind == kind {
				return e
			}
			if e.Kind != EventConnectFailed {
				f.t.Fatalf("got %v (%s %v), want %v", e.Kind, e.Name, e.Err, kind)
			}
		case <-timer.C:
			f.t.Fatalf("no %v within a minute", kind)
		}
	}
}

// end closes the client and returns what Run did.
func (f *follower) end() error {
	f.t.Helper()
	f.Close()
	return f.over()
}

func (f *follower) over() error {
	f.t.Helper()
	defer f.cancel()
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	select {
	case err := <-f.result:
		return err
	case <-timer.C:
		f.t.Fatal("the client did not stop within a minute")
		return nil
	}
}

// fastServer has short ping times for tests on real sockets. Its patience is
// long: a loaded machine may be slow to answer a ping.
func fastServer(onConnect func(*Conn)) ServerOptions {
	return ServerOptions{
		PingInterval: 300 * time.Millisecond,
		PingTimeout:  30 * time.Second,
		MaxPayload:   8 << 20,
		OnConnect:    onConnect,
	}
}

// fastClient comes back soon, for tests on real sockets. Its patience is long: a
// loaded machine may be slow to connect.
func fastClient(url string, transports ...string) ClientOptions {
	return ClientOptions{
		URL: url, Path: "/partner/socket", Transports: transports,
		Auth:           func() any { return map[string]string{"apiKey": testKey} },
		ConnectTimeout: 20 * time.Second,
		MaxPayload:     8 << 20,
		Backoff:        Backoff{Min: 20 * time.Millisecond, Max: 100 * time.Millisecond},
	}
}

const testKey = "sk_test_do_not_print_me"

// mounted serves s where WasaaPay does.
func mounted(s http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/partner/socket/", s)
	return mux
}

func loopback(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv
}

func text(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatalf("%s is not a string", raw)
	}
	return s
}

// modes are the ways to be connected.
func modes() map[string][]string {
	return map[string][]string{
		"websocket": {TransportWebSocket},
		"polling":   {TransportPolling},
		"upgrade":   {TransportPolling, TransportWebSocket},
		"fallback":  {TransportWebSocket, TransportPolling},
	}
}

// becomes waits until a connection goes over a transport: that the other side
// says so does not mean that this one has come so far.
func becomes(t *testing.T, transport string, now func() string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); now() != transport; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("transport %q, want %s", now(), transport)
		}
	}
}
