package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/emulator/emulatortest"
	"github.com/payctl/payctl/internal/socketio"
)

// openDesk is a desk whose emulator also listens on a socket.
func openDesk(t *testing.T, behaviours ...string) (*desk, string) {
	t.Helper()
	d := &desk{t: t, app: &app{}}
	opts := emulator.Options{Seed: 1, Clock: "virtual", Behaviours: behaviours}
	opts.HTTPClient = &http.Client{Transport: emulatortest.Transport(d.app)}
	var e *emulator.Emulator
	d.client, e = emulatortest.Client(t, opts)
	d.token = d.mint()
	server := httptest.NewServer(e.Handler())
	t.Cleanup(server.Close)
	return d, server.URL
}

// ear is a socket client and what it hears.
type ear struct {
	t      *testing.T
	client *socketio.Client
	heard  chan socketio.Event
	result chan error
}

func listen(t *testing.T, opts socketio.ClientOptions) *ear {
	t.Helper()
	opts.Path = "/partner/socket"
	opts.Backoff = socketio.Backoff{Min: time.Millisecond, Max: 5 * time.Millisecond}
	if opts.Auth == nil && opts.Header == nil {
		opts.Auth = func() any { return map[string]string{"apiKey": emulator.Credentials().WasaaPayAPIKey} }
	}
	client, err := socketio.NewClient(opts)
	if err != nil {
		t.Fatal(err)
	}
	l := &ear{t: t, client: client, heard: make(chan socketio.Event, 100), result: make(chan error, 1)}
	go func() {
		l.result <- client.Run(t.Context(), func(_ context.Context, e socketio.Event) error {
			l.heard <- e
			return nil
		})
	}()
	t.Cleanup(l.close)
	return l
}

func (l *ear) close() {
	l.client.Close()
	for {
		select {
		case err := <-l.result:
			l.result <- err
			return
		case <-l.heard:
		}
	}
}

// next is the next event, as its kind or as name and arguments.
func (l *ear) next() string {
	l.t.Helper()
	select {
	case e := <-l.heard:
		if e.Kind == socketio.EventMessage {
			text := e.Name
			for _, arg := range e.Args {
				text += " " + string(arg)
			}
			return text
		}
		return e.Kind.String()
	case <-time.After(time.Minute):
		l.t.Fatal("nothing is heard within a minute")
		return ""
	}
}

func (l *ear) emit(name string, args ...any) {
	l.t.Helper()
	if err := l.client.Emit(l.t.Context(), name, args...); err != nil {
		l.t.Fatalf("emit: %v", err)
	}
}

// want fails the test unless these are heard next.
func (l *ear) want(list ...string) {
	l.t.Helper()
	for _, want := range list {
		if diff := cmp.Diff(want, l.next()); diff != "" {
			l.t.Errorf("heard (-want +got):\n%s", diff)
		}
	}
}

// quiet fails the test when anything but the answer to an unknown event's acknowledgement is heard.
func (l *ear) quiet() {
	l.t.Helper()
	select {
	case e := <-l.heard:
		l.t.Errorf("heard %v %s", e.Kind, e.Name)
	case <-time.After(50 * time.Millisecond):
	}
}

const (
	connected     = "connected"
	authenticated = `authenticated {"partnerName":"Local Partner","environment":"SANDBOX"}`
)

func subject(id string) map[string]string { return map[string]string{"type": "deposit", "id": id} }

func subscribed(id string) string { return `subscribed {"type":"deposit","id":"` + id + `"}` }

func deal() (map[string][]string, []string) {
	return map[string][]string{
		"websocket": {"websocket"}, "polling": {"polling"}, "upgrade": {"polling", "websocket"},
	}, []string{"websocket", "polling", "upgrade"}
}

// reference/wasaapay.md §12.1, §12.3: the whole conversation, to the byte, by every transport.
func TestSocketTalk(t *testing.T) {
	t.Parallel()
	modes, names := deal()
	for _, mode := range names {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			d, url := openDesk(t)
			l := listen(t, socketio.ClientOptions{URL: url, Transports: modes[mode]})
			l.want(connected, authenticated)
			p := d.deposit()
			l.emit("subscribe", subject(p.ID))
			l.want(subscribed(p.ID))
			d.advance(time.Second)
			event := func(name, at, status, rest string) string {
				return `deposit:` + name + ` {"event":"deposit:` + name + `","timestamp":"2026-01-02T00:04:05.` + at + `Z","data":{"id":"` + p.ID +
					`","reference":"` + p.Reference + `","externalReference":"INV-77","walletId":"wallet_local","amount":"250.00","fee":"0.00",` +
					`"currency":"KES","status":"` + status + `","provider":"MPESA","method":"MOBILE_MONEY","phoneNumber":"+254712345678",` +
					`"providerReference":"` + p.ProviderReference + `",` + rest + `}}`
			}
			l.want(
				event("initiated", "010", "PENDING", `"initiatedAt":"2026-01-02T00:04:05.000Z"`),
				event("completed", "100", "COMPLETED", `"receiptNumber":"`+d.depositState(p.ID).ReceiptNumber+
					`","initiatedAt":"2026-01-02T00:04:05.000Z","completedAt":"2026-01-02T00:04:05.100Z"`),
			)
			other := d.deposit("phoneNumber", `"0712340001"`)
			d.advance(time.Second)
			l.quiet() // not subscribed
			failed := d.deposit("phoneNumber", `"0712340101"`)
			l.emit("subscribe", subject(failed.ID))
			l.want(subscribed(failed.ID))
			d.advance(time.Second)
			l.next()
			if got := l.next(); !strings.Contains(got, `"status":"FAILED"`) || !strings.Contains(got, `"failureReason":"Request cancelled by user"`) ||
				strings.Contains(got, other.ID) || strings.Contains(got, "completedAt") {
				t.Errorf("failed: %s", got)
			}
		})
	}
}

// reference/wasaapay.md §12.1: the key in the auth object or in the header, and refusals.
func TestSocketKey(t *testing.T) {
	t.Parallel()
	key := emulator.Credentials().WasaaPayAPIKey
	header := func(value string) http.Header { return http.Header{"X-Api-Key": {value}} }
	for _, tt := range []struct {
		name      string
		behaviour string
		auth      any
		header    http.Header
		want      string
	}{
		{"auth", "manual=off", map[string]string{"apiKey": key}, nil, ""},
		{"header", "manual=off", nil, header(key), ""},
		{"auth wins", "manual=off", map[string]string{"apiKey": "x"}, header(key), "Invalid API key"},
		{"none", "manual=off", map[string]string{}, nil, "Invalid API key"},
		{"wrong", "manual=off", map[string]string{"apiKey": "sk_sandbox_other"}, nil, "Invalid API key"},
		{"number", "manual=off", map[string]int{"apiKey": 7}, nil, "Invalid API key"},
		{"wrong header", "manual=off", nil, header("x"), "Invalid API key"},
		{"any", "any-credentials", map[string]string{"apiKey": "ppk_sandbox_mine"}, nil, ""},
		{"refused", "socket-refused", map[string]string{"apiKey": key}, nil, "Connection refused"},
	} {
		d, url := openDesk(t, tt.behaviour)
		opts := socketio.ClientOptions{URL: url, Header: tt.header}
		if tt.auth != nil {
			opts.Auth = func() any { return tt.auth }
		}
		l := listen(t, opts)
		if tt.want == "" {
			l.want(connected, authenticated)
			continue
		}
		l.want("refused")
		var refused *socketio.ConnectError
		if err := <-l.result; !errors.As(err, &refused) || refused.Message != tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
		l.result <- nil
		if log := d.control(http.MethodGet, "requests?api=socket&refused=true", ""); !strings.Contains(log, `"CONNECT"`) || strings.Contains(log, "sk_sandbox") {
			t.Errorf("%s: log %s", tt.name, log)
		}
	}
}

// Every switch of the socket does what it says.
func TestSocketBehaviours(t *testing.T) {
	t.Parallel()
	// heard is what follows a subscription and one paid deposit, with data left out.
	for _, tt := range []struct {
		behaviour string
		greeting  []string
		wait      time.Duration
		heard     []string
	}{
		{"socket-silent", nil, time.Second, nil},
		{"socket-no-authenticated", nil, time.Second, []string{"subscribed", "deposit:initiated PENDING", "deposit:completed COMPLETED"}},
		{"socket-no-subscribed", []string{authenticated}, time.Second, []string{"deposit:initiated PENDING", "deposit:completed COMPLETED"}},
		{"socket-event-lost", []string{authenticated}, time.Second, []string{"subscribed"}},
		{"socket-event-lost=1/2", []string{authenticated}, time.Second, []string{"subscribed", "deposit:initiated PENDING"}},
		{"socket-event-late=20s", []string{authenticated}, 19 * time.Second, []string{"subscribed"}},
		{"socket-event-late=10s", []string{authenticated}, 19 * time.Second, []string{"subscribed", "deposit:initiated PENDING", "deposit:completed COMPLETED"}},
		{
			"socket-event-duplicate=2",
			[]string{authenticated},
			time.Second,
			[]string{"subscribed", "deposit:initiated PENDING", "deposit:initiated PENDING", "deposit:completed COMPLETED", "deposit:completed COMPLETED"},
		},
		{
			"socket-extra-argument",
			[]string{authenticated},
			time.Second,
			[]string{"subscribed", "deposit:initiated PENDING +1", "deposit:completed COMPLETED +1"},
		},
		{"socket-status=REVERSED", []string{authenticated}, time.Second, []string{"subscribed", "deposit:initiated REVERSED", "deposit:completed REVERSED"}},
		{"socket-kick=x1", []string{authenticated}, 0, []string{"subscribed", "disconnected", "connected", "authenticated"}},
	} {
		t.Run(tt.behaviour, func(t *testing.T) {
			t.Parallel()
			d, url := openDesk(t, tt.behaviour)
			l := listen(t, socketio.ClientOptions{URL: url, Transports: []string{"websocket"}})
			l.want(append([]string{connected}, tt.greeting...)...)
			p := d.deposit()
			l.emit("subscribe", subject(p.ID))
			waitLog(d, `"SUBSCRIBE"`)
			if tt.wait > 0 {
				d.advance(tt.wait)
			}
			for _, want := range tt.heard {
				got := l.next()
				name, rest, _ := strings.Cut(got, " ")
				if status := regexp.MustCompile(`"status":"(\w+)"`).FindStringSubmatch(rest); status != nil {
					name += " " + status[1]
				}
				if strings.HasSuffix(got, ` "offset-1"`) {
					name += " +1"
				}
				if name != want {
					t.Errorf("heard %q, want %q", got, want)
				}
			}
			l.quiet()
		})
	}
	t.Run("socket-drop", func(t *testing.T) {
		t.Parallel()
		d, url := openDesk(t, "socket-drop=10s,x1")
		l := listen(t, socketio.ClientOptions{URL: url})
		l.want(connected, authenticated)
		d.advance(10*time.Second - time.Millisecond)
		l.quiet()
		d.advance(time.Millisecond)
		l.want("disconnected", connected, authenticated)
		d.advance(time.Minute)
		l.quiet()
	})
	t.Run("socket-down", func(t *testing.T) {
		t.Parallel()
		d, _ := openDesk(t, "socket-down")
		if status, _ := d.do(d.request(http.MethodGet, "/partner/socket/?EIO=4&transport=polling", "")); status != http.StatusServiceUnavailable {
			t.Errorf("status %d", status)
		}
	})
}

// waitLog waits until the log names what happened on another goroutine.
func waitLog(d *desk, text string) {
	d.t.Helper()
	for range 10000 {
		if strings.Contains(d.control(http.MethodGet, "requests?api=socket", ""), text) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	d.t.Fatalf("%s never came into the log", text)
}

// What a client should not send is refused in the log and harms nobody.
func TestSocketHostile(t *testing.T) {
	t.Parallel()
	d, url := openDesk(t)
	l := listen(t, socketio.ClientOptions{URL: url})
	l.want(connected, authenticated)
	bad := []any{
		nil, 7, "dep_1",
		[]string{"deposit"},
		map[string]any{},
		map[string]any{"type": 5, "id": "x"},
		map[string]string{"type": "deposit"},
		map[string]string{"type": "deposit", "id": strings.Repeat("x", 129)},
	}
	for _, args := range bad {
		l.emit("subscribe", args)
	}
	l.emit("subscribe")
	l.emit("unheard-of", json.RawMessage(`{"a":1}`))
	p := d.deposit()
	got, err := l.client.EmitAck(t.Context(), "subscribe", subject(p.ID))
	if err != nil || len(got) != 1 || string(got[0]) != `{"type":"deposit","id":"`+p.ID+`"}` {
		t.Errorf("acknowledgement %s, %v", got, err)
	}
	l.want(subscribed(p.ID))
	var log []struct{ Method string }
	decode(t, d.control(http.MethodGet, "requests?api=socket&refused=true", ""), &log)
	if len(log) != len(bad)+1 {
		t.Errorf("%d refusals, want %d", len(log), len(bad)+1)
	}
	if got := d.control(http.MethodGet, "state", ""); !strings.Contains(got, `"sockets":1`) {
		t.Errorf("state %s", got)
	}
	l.close()
	waitLog(d, `"DISCONNECT"`)
	if got := d.control(http.MethodGet, "state", ""); !strings.Contains(got, `"sockets":0`) {
		t.Errorf("state after the goodbye %s", got)
	}
}
