package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

const socketURL = "http://emulator.test/partner/socket/"

// answer is what a test compares of an HTTP answer.
type answer struct {
	Status int
	Body   string
}

// ask makes one request and reads it whole.
func (s *site) ask(ctx context.Context, t *testing.T, method, query, body string) answer {
	t.Helper()
	a, err := s.try(ctx, method, query, strings.NewReader(body))
	if err != nil {
		t.Errorf("%s %s: %v", method, query, err)
	}
	return a
}

func (s *site) try(ctx context.Context, method, query string, body io.Reader) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, socketURL+query, body)
	if err != nil {
		return answer{}, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(text)}, err
}

// openPoll starts a polling session and returns the query of its requests.
func (s *site) openPoll(t *testing.T) string {
	t.Helper()
	a := s.ask(t.Context(), t, http.MethodGet, "?EIO=4&transport=polling", "")
	h, err := parseHandshake([]byte(strings.TrimPrefix(a.Body, "0")))
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("handshake: %+v %v", a, err)
	}
	return "?EIO=4&transport=polling&sid=" + h.sid
}

// join opens a polling session and joins the namespace.
func (s *site) join(t *testing.T) string {
	t.Helper()
	query := s.openPoll(t)
	if a := s.ask(t.Context(), t, http.MethodPost, query, "40{}"); a != (answer{200, "ok"}) {
		t.Fatalf("post: %+v", a)
	}
	if a := s.ask(t.Context(), t, http.MethodGet, query, ""); !strings.HasPrefix(a.Body, `40{"sid":"`) {
		t.Fatalf("poll: %+v, want a welcome", a)
	}
	return query
}

// serverSite runs a test against a server of ours in virtual time.
func serverSite(t *testing.T, opts ServerOptions, test func(t *testing.T, s *site, srv *Server)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := NewServer(opts)
		s := newSite(mounted(srv))
		defer s.stop()
		test(t, s, srv)
		if err := srv.Close(t.Context()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func TestServerRefusals(t *testing.T) {
	// reference/socketio.md, server 1
	serverSite(t, ServerOptions{}, func(t *testing.T, s *site, _ *Server) {
		query := s.openPoll(t)
		sid := strings.TrimPrefix(query, "?EIO=4&transport=polling&sid=")
		code := func(n int, message string) answer {
			return answer{400, fmt.Sprintf(`{"code":%d,"message":%q}`, n, message)}
		}
		tests := []struct {
			method, query string
			want          answer
		}{
			{"GET", "", code(0, "Transport unknown")},
			{"GET", "?EIO=4&transport=flashsocket", code(0, "Transport unknown")},
			{"GET", "?EIO=4&transport=polling&sid=nobody", code(1, "Session ID unknown")},
			{"POST", "?EIO=4&transport=polling&sid=nobody", code(1, "Session ID unknown")},
			{"POST", "?EIO=4&transport=polling", code(2, "Bad handshake method")},
			{"PUT", query, code(2, "Bad handshake method")},
			{"GET", "?EIO=4&transport=websocket", code(3, "Bad request")},
			{"GET", "?EIO=4&transport=websocket&sid=" + sid, code(3, "Bad request")},
			{"GET", "?EIO=3&transport=polling&sid=" + sid, code(3, "Bad request")},
			{"GET", "?EIO=3&transport=polling", code(5, "Unsupported protocol version")},
			{"GET", "?transport=polling", code(5, "Unsupported protocol version")},
		}
		for _, tt := range tests {
			if diff := cmp.Diff(tt.want, s.ask(t.Context(), t, tt.method, tt.query, "")); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", tt.method, tt.query, diff)
			}
		}
	})
}

func TestServerHandshakes(t *testing.T) {
	opts := ServerOptions{NewID: func() string { return "id" }, PingInterval: 1500 * time.Millisecond, PingTimeout: time.Second, MaxPayload: 99}
	for name, tt := range map[string]struct {
		transports []string
		upgrades   string
	}{
		"both":    {nil, `["websocket"]`},
		"polling": {[]string{"polling"}, `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			opts := opts
			opts.Transports = tt.transports
			serverSite(t, opts, func(t *testing.T, s *site, _ *Server) {
				want := answer{200, `0{"sid":"id","upgrades":` + tt.upgrades + `,"pingInterval":1500,"pingTimeout":1000,"maxPayload":99}`}
				if diff := cmp.Diff(want, s.ask(t.Context(), t, "GET", "?EIO=4&transport=polling", "")); diff != "" {
					t.Errorf("polling (-want +got):\n%s", diff)
				}
			})
		})
	}
	t.Run("websocket", func(t *testing.T) {
		serverSite(t, opts, func(t *testing.T, s *site, _ *Server) {
			ws := s.dial(t, "?EIO=4&transport=websocket")
			defer discard(ws)
			want := `0{"sid":"id","upgrades":[],"pingInterval":1500,"pingTimeout":1000,"maxPayload":99}`
			if got := frame(t, ws); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	})
}

func (s *site) dial(t *testing.T, query string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), socketURL+query, &websocket.DialOptions{HTTPClient: s.client})
	if err != nil {
		t.Fatalf("dial %s: %v", query, err)
	}
	return ws
}

func frame(t *testing.T, ws *websocket.Conn) string {
	t.Helper()
	_, data, err := ws.Read(t.Context())
	if err != nil {
		return "error"
	}
	return string(data)
}

func write(t *testing.T, ws *websocket.Conn, text string) {
	t.Helper()
	if err := ws.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Errorf("write %s: %v", text, err)
	}
}

func TestServerSecondPollEndsTheSession(t *testing.T) {
	// reference/socketio.md, server 2
	serverSite(t, ServerOptions{}, func(t *testing.T, s *site, _ *Server) {
		query := s.join(t)
		other := s.join(t)
		first := make(chan answer, 1)
		go func() { first <- s.ask(t.Context(), t, "GET", query, "") }()
		synctest.Wait()
		if a := s.ask(t.Context(), t, "GET", query, ""); a.Status != 400 {
			t.Errorf("second poll: %+v, want 400", a)
		}
		if a := <-first; a != (answer{200, "6"}) {
			t.Errorf("first poll: %+v, want to be let go", a)
		}
		if a := s.ask(t.Context(), t, "GET", query, ""); a.Status != 400 || !strings.Contains(a.Body, `"code":1`) {
			t.Errorf("after: %+v, want an unknown session", a)
		}
		if a := s.ask(t.Context(), t, "POST", other, `42["x"]`); a != (answer{200, "ok"}) {
			t.Errorf("the other session: %+v", a)
		}
	})
}

func TestServerPosts(t *testing.T) {
	serverSite(t, ServerOptions{MaxPayload: 1000, OnConnect: echoServer}, func(t *testing.T, s *site, _ *Server) {
		big := strings.Repeat("x", 2000)
		tests := map[string]struct {
			body  io.Reader
			want  int
			lives bool
		}{
			"announced too large":  {strings.NewReader(big), 413, true},
			"streamed too large":   {io.MultiReader(strings.NewReader(big)), 413, true},
			"nothing":              {strings.NewReader(""), 400, false},
			"garbage":              {strings.NewReader("garbage"), 400, false},
			"malformed":            {strings.NewReader(`42{"a":1}`), 400, false},
			"ping the wrong way":   {strings.NewReader(`2`), 400, false},
			"connect twice":        {strings.NewReader(`40{}`), 400, false},
			"another's event":      {strings.NewReader(`42/other,["x"]`), 400, false},
			"attachment for none":  {strings.NewReader(`bAQID`), 400, false},
			"pong":                 {strings.NewReader(`3`), 200, true},
			"event and attachment": {strings.NewReader("451-[\"x\",{\"_placeholder\":true,\"num\":0}]\x1ebAQID"), 200, true},
			"close":                {strings.NewReader(`1`), 200, false},
		}
		other := s.join(t)
		for name, tt := range tests {
			query := s.join(t)
			a, err := s.try(t.Context(), "POST", query, tt.body)
			if err != nil || a.Status != tt.want {
				t.Errorf("%s: %+v %v, want %d", name, a, err, tt.want)
			}
			a = s.ask(t.Context(), t, "POST", query, `42["echo",1]`)
			if lives := a.Status == 200; lives != tt.lives {
				t.Errorf("%s: session answers %+v, want alive %v", name, a, tt.lives)
			}
		}
		if a := s.ask(t.Context(), t, "POST", other, `42["echo",1]`); a.Status != 200 {
			t.Errorf("the bystander: %+v", a)
		}
	})
}

func TestServerSecondPostEndsTheSession(t *testing.T) {
	serverSite(t, ServerOptions{}, func(t *testing.T, s *site, _ *Server) {
		query := s.join(t)
		slow, sender := io.Pipe()
		first := make(chan answer, 1)
		go func() {
			a, _ := s.try(t.Context(), "POST", query, slow)
			first <- a
		}()
		_, _ = sender.Write([]byte(`42["a`))
		synctest.Wait()
		if a := s.ask(t.Context(), t, "POST", query, `42["b"]`); a.Status != 400 {
			t.Errorf("second post: %+v, want 400", a)
		}
		_ = sender.Close()
		if a := <-first; a.Status == 200 {
			t.Errorf("first post: %+v", a)
		}
	})
}

func TestServerCutsSlowSender(t *testing.T) {
	serverSite(t, ServerOptions{}, func(t *testing.T, s *site, _ *Server) {
		query := s.join(t)
		slow, sender := io.Pipe()
		go func() {
			_, _ = sender.Write([]byte(`42["a`))
			time.Sleep(time.Hour)
			_ = sender.Close()
		}()
		began := time.Now()
		a, err := s.try(t.Context(), "POST", query, slow)
		if waited := time.Since(began); waited > 45*time.Second || (err == nil && a.Status == 200) {
			t.Errorf("cut off after %v: %+v %v, want within 45s", waited, a, err)
		}
		time.Sleep(time.Hour)
	})
}

func TestServerJoin(t *testing.T) {
	auth := func(_ *http.Request, auth json.RawMessage) (any, error) {
		switch string(auth) {
		case `{"apiKey":"good"}`:
			return "partner", nil
		case ``:
			return nil, fmt.Errorf("no key")
		default:
			return nil, &RefusalError{Message: "bad key", Data: map[string]string{"code": "E"}}
		}
	}
	var identity any
	opts := ServerOptions{Auth: auth, OnConnect: func(c *Conn) { identity = c.Identity() }, NewID: counter(), JoinTimeout: 10 * time.Second}
	serverSite(t, opts, func(t *testing.T, s *site, srv *Server) {
		ws := s.dial(t, "?EIO=4&transport=websocket")
		defer discard(ws)
		frame(t, ws)
		for _, tt := range []struct{ say, want string }{
			{`40`, `44{"message":"no key"}`},
			{`40{"apiKey":"bad"}`, `44{"message":"bad key","data":{"code":"E"}}`},
			{`40/admin,{"apiKey":"good"}`, `44/admin,{"message":"Invalid namespace"}`},
			{`40{"apiKey":"good"}`, `40{"sid":"id2"}`},
		} {
			write(t, ws, tt.say)
			if got := frame(t, ws); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.say, got, tt.want)
			}
		}
		if identity != "partner" || len(srv.Conns()) != 1 {
			t.Errorf("identity %v, %d connections", identity, len(srv.Conns()))
		}
		// An event before CONNECT, and never a CONNECT.
		early := s.dial(t, "?EIO=4&transport=websocket")
		defer discard(early)
		frame(t, early)
		write(t, early, `42["x"]`)
		late := s.dial(t, "?EIO=4&transport=websocket")
		defer discard(late)
		frame(t, late)
		began := time.Now()
		if got := frame(t, early); got != "error" || time.Since(began) > 0 {
			t.Errorf("event before connect: got %s after %v, want the end at once", got, time.Since(began))
		}
		if got := frame(t, late); got != "error" || time.Since(began) > 11*time.Second {
			t.Errorf("no connect: got %s after %v, want the end after 10s", got, time.Since(began))
		}
	})
}

func counter() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("id%d", n) }
}
