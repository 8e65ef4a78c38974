package wasaapay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/socketio"
)

// memoryNet is a listener and a dialler in memory, so that a stream's minutes
// pass in a synctest bubble.
type memoryNet struct {
	waiting chan net.Conn
	closed  chan struct{}
	once    sync.Once
	// away refuses connections.
	away atomic.Bool
	mu   sync.Mutex
	ends []net.Conn
}

func (m *memoryNet) Accept() (net.Conn, error) {
	select {
	case c := <-m.waiting:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memoryNet) Close() error   { m.once.Do(func() { close(m.closed) }); return nil }
func (m *memoryNet) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (m *memoryNet) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if m.away.Load() {
		return nil, errors.New("connection refused")
	}
	here, there := net.Pipe()
	select {
	case m.waiting <- there:
		m.mu.Lock()
		m.ends = append(m.ends, here)
		m.mu.Unlock()
		return here, nil
	case <-m.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *memoryNet) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.ends {
		_ = c.Close()
	}
	m.ends = nil
}

// vendor is a server that behaves like WasaaPay's stream as far as it is
// documented, with its doubtful parts as switches.
type vendor struct {
	greet, confirm bool
	// environment is what the greeting says; header is where the key also comes.
	environment, header string
	refuse              error
	// subscribed receives "type id" of each subscription.
	subscribed chan string
	conns      chan *socketio.Conn
	auths      chan string
}

func newVendor() *vendor {
	return &vendor{
		greet: true, confirm: true, environment: "sandbox",
		subscribed: make(chan string, 5000), conns: make(chan *socketio.Conn, 100), auths: make(chan string, 100),
	}
}

func (v *vendor) server() *socketio.Server {
	return socketio.NewServer(socketio.ServerOptions{
		Auth: func(r *http.Request, auth json.RawMessage) (any, error) {
			v.auths <- string(auth)
			if v.header != "" && r.Header.Get(v.header) != liveLookingKey {
				return nil, errors.New("the header has no key")
			}
			r.Header.Del(v.header)
			if strings.Contains(r.URL.String()+fmt.Sprint(r.Header), liveLookingKey) {
				return nil, errors.New("the key came outside the payload")
			}
			return nil, v.refuse
		},
		OnConnect: func(c *socketio.Conn) {
			c.On("subscribe", func(m socketio.Message) {
				var s subscription
				_ = json.Unmarshal(m.Args[0], &s)
				v.subscribed <- s.Type + " " + s.ID
				if v.confirm {
					_ = c.Emit("subscribed", s)
				}
			})
			if v.greet {
				_ = c.Emit("authenticated", map[string]string{"partnerName": "Test", "environment": v.environment})
			}
			v.conns <- c
		},
	})
}

// streaming is one Stream in a bubble.
type streaming struct {
	*vendor
	t       *testing.T
	net     *memoryNet
	updates chan payment.StreamUpdate
	result  chan error
	cancel  context.CancelFunc
}

// stream runs a Stream against a vendor, changed if wished, until test returns.
func stream(t *testing.T, ids []string, change func(*vendor), test func(*streaming)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := newVendor()
		if change != nil {
			change(v)
		}
		m := &memoryNet{waiting: make(chan net.Conn), closed: make(chan struct{})}
		mux := http.NewServeMux()
		mux.Handle("/partner/socket/", v.server())
		web := &http.Server{Handler: mux}
		served := make(chan struct{})
		go func() { defer close(served); _ = web.Serve(m) }()
		transport := &http.Transport{DialContext: m.dial}
		c, err := New(Config{
			Environment: payment.Local, SocketHeader: v.header, BaseURL: "http://emulator.test", APIKey: secret.New(liveLookingKey),
			HTTP: &http.Client{Transport: transport, Timeout: time.Second},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		s := &streaming{vendor: v, t: t, net: m, updates: make(chan payment.StreamUpdate, 1000), result: make(chan error, 1), cancel: cancel}
		go func() { s.result <- c.Stream(ctx, ids, func(u payment.StreamUpdate) { s.updates <- u }) }()
		test(s)
		cancel()
		transport.CloseIdleConnections()
		m.cut()
		_ = web.Close()
		<-served
	})
}

// next returns the next update, which must come within a minute.
func (s *streaming) next(signal payment.StreamSignal) payment.StreamUpdate {
	s.t.Helper()
	select {
	case u := <-s.updates:
		if u.Signal != signal {
			s.t.Fatalf("got %+v, want signal %d", u, signal)
		}
		return u
	case err := <-s.result:
		s.t.Fatalf("the stream ended with %v, want signal %d", err, signal)
	case <-time.After(time.Minute):
		s.t.Fatalf("no update within a minute, want signal %d", signal)
	}
	return payment.StreamUpdate{}
}

func (s *streaming) ended() error {
	s.t.Helper()
	select {
	case err := <-s.result:
		return err
	case <-time.After(time.Minute):
		s.t.Fatal("the stream did not end within a minute")
	}
	return nil
}

// payload is the sample of reference/wasaapay.md §12.3 with other values.
func payload(name, id, status string) json.RawMessage {
	return json.RawMessage(`{"event":"` + name + `","timestamp":"2026-03-02T08:15:42.118Z","data":{"id":"` + id + `","reference":"DEP-20260302-T00001",` +
		`"externalReference":"INV-77","walletId":"wallet_t9","amount":"250.00","fee":"0.00","currency":"KES","status":"` + status + `","provider":"MPESA",` +
		`"method":"MOBILE_MONEY","phoneNumber":"+254700000077","receiptNumber":"TST0000001"}}`)
}

func TestStreamFollowsManyIDs(t *testing.T) {
	t.Parallel()
	stream(t, []string{"dep_2", "dep_1", "dep_2"}, nil, func(s *streaming) {
		if u := s.next(payment.StreamUp); u.Note != "by websocket, as Test sandbox" {
			t.Errorf("got note %q", u.Note)
		}
		if got := []string{<-s.subscribed, <-s.subscribed}; !cmp.Equal(got, []string{"deposit dep_1", "deposit dep_2"}) || len(s.subscribed) > 0 {
			t.Errorf("got subscriptions %v", got)
		}
		if got := <-s.auths; got != `{"apiKey":"`+liveLookingKey+`"}` {
			t.Errorf("got auth %s", got)
		}
		c := <-s.conns
		for _, message := range [][]any{
			{"deposit:completed", payload("deposit:completed", "dep_9", "COMPLETED")},
			{"deposit:completed", "not an object"},
			{"deposit:completed"},
			{"something:else", payload("something:else", "dep_1", "COMPLETED")},
			{"deposit:initiated", payload("deposit:initiated", "dep_1", "PENDING"), "an offset"},
			{"deposit:completed", payload("deposit:completed", "dep_1", "COMPLETED")},
			{"deposit:completed", payload("deposit:completed", "dep_1", "COMPLETED")},
			{"deposit:failed", json.RawMessage(`{"data":{"id":"dep_2","status":"FAILED","failureReason":null,"amount":250}}`)},
		} {
			if err := c.Emit(message[0].(string), message[1:]...); err != nil {
				t.Fatal(err)
			}
		}
		want := payment.Event{
			Environment: payment.Local,
			Provider:    payment.WasaaPay, Name: "deposit.initiated", Key: "LOCAL/deposit.initiated/dep_1/PENDING", ProviderID: "dep_1",
			Reference: "INV-77", Receipt: "TST0000001", Status: payment.StatusPending, Amount: payment.AmountOf(25000, payment.KES),
			Phone: "+254700000077", OccurredAt: time.Date(2026, 3, 2, 8, 15, 42, 118e6, time.UTC),
		}
		if diff := cmp.Diff(want, s.next(payment.StreamEvent).Event, amountComparer()); diff != "" {
			t.Error(diff)
		}
		if e := s.next(payment.StreamEvent).Event; e.Status != payment.StatusCompleted || e.ProviderID != "dep_1" {
			t.Errorf("got %+v", e)
		}
		if e := s.next(payment.StreamEvent).Event; e.Status != payment.StatusFailed || e.Failure == nil || e.Name != "deposit.failed" {
			t.Errorf("got %+v", e)
		}
		s.cancel()
		if err := s.ended(); err != nil {
			t.Errorf("got %v at the end of ctx, want nil", err)
		}
	})
}

// TestStreamComesBack: after each reconnect it subscribes again and says so.
func TestStreamComesBack(t *testing.T) {
	t.Parallel()
	stream(t, []string{"dep_1"}, nil, func(s *streaming) {
		s.next(payment.StreamUp)
		s.net.cut()
		if u := s.next(payment.StreamDown); !strings.Contains(u.Note, "next attempt in") {
			t.Errorf("got note %q", u.Note)
		}
		s.next(payment.StreamUp)
		<-s.conns
		(<-s.conns).Disconnect()
		if u := s.next(payment.StreamDown); !strings.HasPrefix(u.Note, "io server disconnect") {
			t.Errorf("got note %q", u.Note)
		}
		s.next(payment.StreamUp)
		if len(s.subscribed) != 3 {
			t.Errorf("got %d subscriptions, want 3", len(s.subscribed))
		}
	})
}

// TestStreamDoesWithoutGreetings: neither "authenticated" nor "subscribed" is waited for for long.
func TestStreamDoesWithoutGreetings(t *testing.T) {
	t.Parallel()
	stream(t, []string{"dep_1", "dep_2"}, func(v *vendor) { v.greet, v.confirm = false, false }, func(s *streaming) {
		start := time.Now()
		if u := s.next(payment.StreamUp); u.Note != "by websocket; 2 subscriptions were not confirmed by the server" {
			t.Errorf("got note %q", u.Note)
		}
		if took := time.Since(start); took != authenticatedWait+subscribedWait {
			t.Errorf("took %s, want %s", took, authenticatedWait+subscribedWait)
		}
		for _, id := range []string{"dep_1", "dep_2"} {
			if u := s.next(payment.StreamDown); u.Event.ProviderID != id {
				t.Errorf("got %+v, want that %s is not heard of", u, id)
			}
		}
		c := <-s.conns
		for range 2 {
			if err := c.Emit("subscribed", subscription{"deposit", "dep_2"}); err != nil {
				t.Fatal(err)
			}
		}
		if u := s.next(payment.StreamUp); u.Event.ProviderID != "dep_2" {
			t.Errorf("got %+v, want that dep_2 is heard of", u)
		}
		time.Sleep(10 * time.Second)
		if len(s.updates) > 0 {
			t.Errorf("got %+v, want nothing more", <-s.updates)
		}
	})
}

// TestStreamConfirmedWithoutGreeting: a confirmation proves that the key was
// accepted, so a later disconnection is no refusal.
func TestStreamConfirmedWithoutGreeting(t *testing.T) {
	t.Parallel()
	stream(t, []string{"dep_1"}, func(v *vendor) { v.greet = false }, func(s *streaming) {
		s.next(payment.StreamUp)
		(<-s.conns).Disconnect()
		s.next(payment.StreamDown)
		s.next(payment.StreamUp)
	})
}

func TestStreamRefusals(t *testing.T) {
	t.Parallel()
	t.Run("connect_error", func(t *testing.T) {
		t.Parallel()
		refuse := func(v *vendor) {
			v.refuse = &socketio.RefusalError{Message: "invalid key " + liveLookingKey, Data: map[string]string{"code": "E7"}}
		}
		stream(t, []string{"dep_1"}, refuse, func(s *streaming) {
			err := s.ended()
			var e *payment.Error
			if !errors.As(err, &e) || e.Kind != payment.KindUnauthorized || e.ProviderCode != "E7" || strings.Contains(err.Error(), liveLookingKey) {
				t.Errorf("got %v", err)
			}
			if len(s.auths) != 1 {
				t.Errorf("the key was tried %d times, want once", len(s.auths))
			}
		})
	})
	t.Run("thrown out before the greeting", func(t *testing.T) {
		t.Parallel()
		stream(t, []string{"dep_1"}, func(v *vendor) { v.greet = false }, func(s *streaming) {
			(<-s.conns).Disconnect()
			if err := s.ended(); payment.KindOf(err) != payment.KindUnauthorized {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("no key", func(t *testing.T) {
		t.Parallel()
		c, _ := newClient(t, nil, func(c *Config) { c.APIKey = nil })
		if err := c.Stream(t.Context(), []string{"dep_1"}, nil); payment.KindOf(err) != payment.KindUnauthorized {
			t.Errorf("got %v", err)
		}
	})
	t.Run("unknown transport", func(t *testing.T) {
		t.Parallel()
		c, _ := newClient(t, nil, func(c *Config) { c.Transports = []string{"pigeon"} })
		if err := c.Stream(t.Context(), []string{"dep_1"}, nil); payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), "pigeon") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("untrusted certificate", func(t *testing.T) {
		t.Parallel()
		srv := httptest.NewUnstartedServer(http.NotFoundHandler())
		srv.Config.ErrorLog = nil
		srv.StartTLS()
		defer srv.Close()
		c, _ := newClient(t, nil, func(c *Config) {
			c.SocketURL, c.HTTP = srv.URL, &http.Client{Transport: &http.Transport{}}
		})
		if err := c.Stream(t.Context(), []string{"dep_1"}, nil); payment.KindOf(err) != payment.KindUnavailable || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("got %v", err)
		}
	})
}

// TestStreamSurvivesAnOutage: an unreachable server is one StreamDown per
// reason, not one per attempt, and the stream comes up when it returns.
func TestStreamSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprintf("dep_%04d", i)
	}
	stream(t, ids, nil, func(s *streaming) {
		s.next(payment.StreamUp)
		if len(s.subscribed) != len(ids) {
			t.Errorf("got %d subscriptions, want %d", len(s.subscribed), len(ids))
		}
		s.net.away.Store(true)
		(<-s.conns).Drop()
		s.next(payment.StreamDown)
		if u := s.next(payment.StreamDown); !strings.Contains(u.Note, "connection refused") {
			t.Errorf("got note %q", u.Note)
		}
		time.Sleep(50 * time.Second)
		s.net.away.Store(false)
		s.next(payment.StreamUp)
		if len(s.updates) > 0 || len(s.subscribed) != 2*len(ids) {
			t.Errorf("got %d more updates and %d subscriptions", len(s.updates), len(s.subscribed))
		}
	})
}

// The key belongs to another environment than the profile: what is asked with it would be of the other too.
func TestStreamOfAnotherEnvironment(t *testing.T) {
	t.Parallel()
	for _, environment := range []string{"PRODUCTION", "production", " Live "} {
		stream(t, []string{"dep_1"}, func(v *vendor) { v.environment = environment }, func(s *streaming) {
			err := s.ended()
			if payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), "the key belongs to the production environment, and the profile to local") {
				t.Errorf("%q: %v", environment, err)
			}
		})
	}
	for _, environment := range []string{"SANDBOX", "test", "", "staging"} { // a spelling that nobody knows says nothing
		stream(t, []string{"dep_1"}, func(v *vendor) { v.environment = environment }, func(s *streaming) {
			if u := s.next(payment.StreamUp); !strings.HasPrefix(u.Note, "by websocket, as Test") {
				t.Errorf("%q: %+v", environment, u)
			}
		})
	}
}

// Who the partner is, is said once and not at each connection.
func TestStreamSaysThePartnerOnce(t *testing.T) {
	t.Parallel()
	stream(t, []string{"dep_1"}, nil, func(s *streaming) {
		first := s.next(payment.StreamUp)
		(<-s.conns).Drop()
		s.next(payment.StreamDown)
		if again := s.next(payment.StreamUp); first.Note != "by websocket, as Test sandbox" || again.Note != "by websocket" {
			t.Errorf("said %q, then %q", first.Note, again.Note)
		}
	})
}

// An event without an id is of the one deposit that is followed, decides nothing, and is a reason to ask. Of several it
// could be any.
func TestStreamEventWithoutID(t *testing.T) {
	t.Parallel()
	nameless := json.RawMessage(`{"event":"deposit:completed","data":{"status":"COMPLETED","amount":"250.00"}}`)
	stream(t, []string{"dep_1"}, nil, func(s *streaming) {
		s.next(payment.StreamUp)
		_ = (<-s.conns).Emit("deposit:completed", nameless)
		u := s.next(payment.StreamEvent)
		if u.Event.ProviderID != "dep_1" || u.Event.Status != "" || u.Event.Name != "deposit.completed" || !cmp.Equal(u.Event.Notes, []string{"the event has no id"}) {
			t.Errorf("got %+v", u.Event)
		}
	})
	stream(t, []string{"dep_1", "dep_2"}, nil, func(s *streaming) {
		s.next(payment.StreamUp)
		conn := <-s.conns
		_ = conn.Emit("deposit:completed", nameless)
		_ = conn.Emit("deposit:completed", payload("deposit:completed", "dep_2", "COMPLETED"))
		if u := s.next(payment.StreamEvent); u.Event.ProviderID != "dep_2" {
			t.Errorf("got %+v", u.Event)
		}
	})
}

// Where it is configured, the key comes in a header too.
func TestStreamKeyInAHeader(t *testing.T) {
	t.Parallel()
	stream(t, []string{"dep_1"}, func(v *vendor) { v.header = "X-API-Key" }, func(s *streaming) {
		s.next(payment.StreamUp)
		if got := <-s.auths; got != `{"apiKey":"`+liveLookingKey+`"}` {
			t.Errorf("got auth %s", got)
		}
	})
	if _, err := New(Config{SocketHeader: "X API Key: "}); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("got %v", err)
	}
}
