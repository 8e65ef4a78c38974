package listen

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
)

// errLedger is what the fake ledger fails with.
var errLedger = errors.New("ledger is down")

// fakeLedger keeps arrivals in memory and fails on demand.
type fakeLedger struct {
	mu       sync.Mutex
	arrivals []store.Arrival
	first    map[string]string
	fail     error
	// hangs is nil, or closed when the ledger goes on.
	hangs chan struct{}
}

func (l *fakeLedger) set(fail error, hang bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = fail
	switch {
	case hang && l.hangs == nil:
		l.hangs = make(chan struct{})
	case !hang && l.hangs != nil:
		close(l.hangs)
		l.hangs = nil
	}
}

// state waits while the ledger hangs, and returns what it fails with then.
func (l *fakeLedger) state(ctx context.Context) error {
	for {
		l.mu.Lock()
		fail, hangs := l.fail, l.hangs
		l.mu.Unlock()
		if hangs == nil {
			return fail
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-hangs:
		}
	}
}

func (l *fakeLedger) Record(ctx context.Context, a store.Arrival) (store.Recorded, error) {
	waiting, cancel := context.WithTimeout(ctx, a.Within)
	defer cancel()
	if fail := l.state(waiting); fail != nil {
		return store.Recorded{}, fail
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrivals = append(l.arrivals, a)
	out := store.Recorded{DeliveryID: fmt.Sprintf("del_%d", len(l.arrivals)), Verdict: a.Inspection.Verdict, Reason: a.Inspection.Reason}
	if a.Distrust != "" {
		out.Verdict, out.Reason = payment.VerdictUntrusted, a.Distrust
	}
	if e := a.Inspection.Event; e != nil {
		if l.first == nil {
			l.first = map[string]string{}
		}
		if id, ok := l.first[e.Key]; ok {
			out.Duplicate, out.DuplicateOf = true, id
		} else {
			l.first[e.Key] = out.DeliveryID
		}
	}
	return out, nil
}

func (l *fakeLedger) Ping(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fail
}

func (l *fakeLedger) ledger() Ledger { return Ledger{Deliveries: l, Forwards: l, Ping: l.Ping} }

// The fake has no forward queue: forwarding is tested on the real store.

func (l *fakeLedger) Due(context.Context) ([]store.TargetDue, error) { return nil, nil }

func (l *fakeLedger) Lease(context.Context, string, int, time.Duration) ([]store.Forward, error) {
	return nil, nil
}

func (l *fakeLedger) MarkAttempt(context.Context, store.Forward, store.Attempt, store.Outcome) error {
	return errLedger
}

func (l *fakeLedger) Release(context.Context, ...store.Forward) error { return nil }

func (l *fakeLedger) Get(context.Context, string) (store.StoredDelivery, error) {
	return store.StoredDelivery{}, errLedger
}

func (l *fakeLedger) stored() []store.Arrival {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]store.Arrival(nil), l.arrivals...)
}

// fakeReceiver reads {"id":…,"name":…} as an event. With a token it wants it in
// the Authorization header, and answers 401 without; else it signs nothing, and
// answers 200 to everything that is stored.
type fakeReceiver struct {
	provider payment.ProviderID
	token    string
	panics   bool
}

func (r fakeReceiver) Inspect(d payment.Delivery) payment.Inspection {
	if r.panics {
		panic("a bug\nwith a line break")
	}
	out := payment.Inspection{Verdict: payment.VerdictUnsigned}
	if r.token != "" {
		if d.Header.Get("Authorization") != r.token {
			return payment.Inspection{Verdict: payment.VerdictMismatch, Reason: "no proof"}
		}
		out.Verdict = payment.VerdictValid
	}
	var body struct{ ID, Name string }
	if json.Unmarshal(d.Body, &body) != nil || body.ID == "" {
		return payment.Inspection{Verdict: payment.VerdictMalformed, Reason: "not an event"}
	}
	if body.Name == "" {
		body.Name = "stk.completed"
	}
	out.Event = &payment.Event{Provider: r.provider, Name: body.Name, Key: body.ID, ProviderID: body.ID}
	return out
}

func (r fakeReceiver) Acknowledge(_ payment.Delivery, i payment.Inspection, what payment.Disposition) payment.Reply {
	out := payment.Reply{Status: http.StatusOK, ContentType: "application/json", Body: []byte(`{"ResultCode":0}`)}
	switch {
	case what == payment.TooLarge:
		out.Status = http.StatusRequestEntityTooLarge
	case what == payment.NotStored:
		out.Status = http.StatusServiceUnavailable
	case i.Verdict == payment.VerdictMismatch:
		out.Status = http.StatusUnauthorized
	}
	return out
}

func fakeReceivers() map[payment.ProviderID]payment.Receiver {
	return map[payment.ProviderID]payment.Receiver{
		payment.Daraja:   fakeReceiver{provider: payment.Daraja},
		payment.WasaaPay: fakeReceiver{provider: payment.WasaaPay, token: "sig"},
		payment.Sevi:     fakeReceiver{provider: payment.Sevi, token: "tok"},
	}
}

// running is a server that serves on a free port.
type running struct {
	*Server
	t      *testing.T
	addr   string
	ledger *fakeLedger
	stop   func() error
}

// start serves with the options until the test ends; what they lack is faked.
func start(t *testing.T, o Options) *running {
	t.Helper()
	r := &running{t: t}
	if o.Ledger.Deliveries == nil {
		r.ledger = &fakeLedger{}
		o.Ledger = r.ledger.ledger()
	}
	o.Routes = provider.Builtin().Routes()
	if o.Receivers == nil {
		o.Receivers = fakeReceivers()
	}
	if o.Logger == nil {
		log := &syncBuffer{}
		o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(log.String())
			}
		})
	}
	if o.Limits.SpillReserve == 0 {
		o.Limits.SpillReserve = 4096 // many servers, one disk
	}
	// A loaded machine may be slow to send and to store; who tests these sets them.
	o.Limits.HeaderTime = or(o.Limits.HeaderTime, time.Minute)
	o.Limits.RequestTime = or(o.Limits.RequestTime, time.Minute)
	o.Limits.RecordTime = or(o.Limits.RecordTime, time.Minute)
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = s
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return r
}

func (r *running) dial() net.Conn {
	r.t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(r.t.Context(), "tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// raw sends bytes as they are, ends its side, and returns the status of every
// answer until the server hangs up.
func (r *running) raw(request string) []int {
	r.t.Helper()
	conn := r.dial()
	defer func() { _ = conn.Close() }()
	written := make(chan struct{})
	go func() {
		defer close(written)
		if _, err := io.WriteString(conn, request); err != nil {
			return // refused early, which the answer shows
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	defer func() { _ = conn.Close(); <-written }()
	return answers(conn)
}

func answers(conn net.Conn) []int {
	var out []int
	in := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return out
		}
		out = append(out, res.StatusCode)
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return out
		}
	}
}

// post is an ordinary request.
func post(path, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n", path, len(body))
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	return b.String() + "\r\n" + body
}

// eventually waits for a state that another goroutine brings about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
