package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// jsModes are the transports options of the JavaScript client.
func jsModes() map[string]map[string]any {
	return map[string]map[string]any{
		"websocket": {"transports": []string{"websocket"}},
		"polling":   {"transports": []string{"polling"}},
		"upgrade":   {"transports": []string{"polling", "websocket"}},
		"sample":    {"transports": []string{"websocket", "polling"}},
	}
}

// npmClient starts the real client against our server.
func npmClient(t *testing.T, url string, options map[string]any) *script {
	t.Helper()
	all := map[string]any{
		"url": url, "auth": map[string]string{"apiKey": testKey},
		"reconnectionDelay": 20, "reconnectionDelayMax": 50,
	}
	maps.Copy(all, options)
	return runScript(t, "client.js", all)
}

func (s *script) do(name string, args ...any) {
	s.t.Helper()
	line, err := json.Marshal(append([]any{name}, args...))
	if err != nil {
		s.t.Fatal(err)
	}
	s.say(string(line))
}

// jsServer is a server of ours that keeps its connections in a channel.
func jsServer(t *testing.T) (string, chan *Conn, chan Message, chan Reason) {
	t.Helper()
	conns, messages, gone := make(chan *Conn, 100), make(chan Message, 1000), make(chan Reason, 100)
	opts := fastServer(func(c *Conn) {
		echoServer(c)
		c.OnAny(func(m Message) { messages <- m })
		c.OnDisconnect(func(r Reason) { gone <- r })
		conns <- c
	})
	opts.Auth = func(_ *http.Request, auth json.RawMessage) (any, error) {
		if string(auth) != `{"apiKey":"`+testKey+`"}` {
			return nil, &RefusalError{Message: "Invalid API key", Data: map[string]string{"code": "UNAUTHORIZED"}}
		}
		return nil, nil
	}
	srv := NewServer(opts)
	url := loopback(t, mounted(srv)).URL
	t.Cleanup(func() {
		if err := srv.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return url, conns, messages, gone
}

func TestNPMClientTalk(t *testing.T) {
	t.Parallel()
	for mode, options := range jsModes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			url, conns, messages, gone := jsServer(t)
			js := npmClient(t, url, options)
			conn := receive(t, conns)
			first := options["transports"].([]string)[0]
			if got := js.hear("connect").Transport; got != first && mode != "upgrade" {
				t.Errorf("connected over %s, want %s", got, first)
			}
			countBothWays(t, js, conn, messages)
			if mode == "upgrade" {
				js.hear("upgrade")
				becomes(t, TransportWebSocket, conn.Transport)
			}
			talkToJS(t, js, conn, messages)
			time.Sleep(800 * time.Millisecond) // two heartbeats and more
			if len(gone) > 0 {
				t.Fatalf("heartbeats: client lost: %v", <-gone)
			}
			js.do("close")
			if got := js.hear("disconnect").Reason; got != "io client disconnect" {
				t.Errorf("client says %q", got)
			}
			if got := receive(t, gone); got != ReasonClientDisconnect {
				t.Errorf("server says %v, want %v", got, ReasonClientDisconnect)
			}
		})
	}
}

// countBothWays sends 25 events each way while a polling client upgrades
// (reference/socketio.md, server 3).
func countBothWays(t *testing.T, js *script, conn *Conn, messages chan Message) {
	t.Helper()
	js.do("count", 25)
	for i := range 25 {
		if err := conn.Emit("down", i); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
	for i := range 25 {
		if got := js.hear("event"); got.Name != "down" || string(got.Args[0]) != fmt.Sprint(i) {
			t.Fatalf("client got %s %s, want down %d", got.Name, got.Args, i)
		}
		if m := receive(t, messages); m.Name != "n" || string(m.Args[0]) != fmt.Sprint(i) {
			t.Fatalf("server got %s %s, want n %d", m.Name, m.Args, i)
		}
	}
}

func talkToJS(t *testing.T, js *script, conn *Conn, messages chan Message) {
	t.Helper()
	for _, say := range []string{"", "ñandú 你好 🙂 \u2028", "\x1e\x00\"\\"} {
		js.do("emit", "echo", say, nil, 1.5)
		if got := js.hear("event"); got.Name != "echoed" || text(t, got.Args[0]) != say {
			t.Fatalf("echo of %q came back as %s", say, got.Args)
		}
	}
	js.do("big", 1_000_000)
	if got := js.hear("event"); got.Name != "echoed" || string(got.Args[0]) != "1000000" {
		t.Fatalf("big echo came back as %s", got.Args)
	}
	js.do("ask", "ask", "why")
	if got := js.hear("ack"); got.Err != "" || string(got.Got) != `["answer",42]` {
		t.Fatalf("ack of ours: %s %s", got.Got, got.Err)
	}
	got, err := conn.EmitAck(t.Context(), "question", "who")
	if err != nil || string(got[0]) != `"yes"` {
		t.Fatalf("ack of theirs: %s %v", got, err)
	}
	js.hear("event")
	js.do("binary")
	m := receive(t, messages)
	if diff := cmp.Diff([][]byte{{0, 1, 30, 255}}, m.Attachments); diff != "" || m.Name != "bytes" || len(m.Args) != 2 {
		t.Fatalf("binary %s %s (-want +got):\n%s", m.Name, m.Args, diff)
	}
}

func TestNPMClientFaults(t *testing.T) {
	t.Parallel()
	faults := []struct {
		name   string
		do     func(js *script, c *Conn)
		server Reason
		client string
	}{
		{"dropped", func(_ *script, c *Conn) { c.Drop() }, ReasonTransportError, "transport"},
		{"malformed packet", func(js *script, _ *Conn) { js.do("raw", "9nonsense") }, ReasonParseError, "transport"},
		{"event for another namespace", func(js *script, _ *Conn) { js.do("raw", `2/admin,["x"]`) }, ReasonParseError, "transport"},
		{"connect twice", func(js *script, _ *Conn) { js.do("raw", `0{}`) }, ReasonParseError, "transport"},
		// The last, for the official client does not come back from it.
		{"thrown out", func(_ *script, c *Conn) { c.Disconnect() }, ReasonServerDisconnect, "io server disconnect"},
	}
	for mode, options := range jsModes() {
		if mode == "sample" {
			continue // websocket again, as far as the server can see
		}
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			url, conns, _, gone := jsServer(t)
			js := npmClient(t, url, options)
			for _, fault := range faults {
				t.Run(fault.name, func(t *testing.T) {
					js.t = t
					conn := receive(t, conns)
					js.hear("connect")
					if mode == "upgrade" {
						js.hear("upgrade")
						becomes(t, TransportWebSocket, conn.Transport)
					}
					fault.do(js, conn)
					if got := receive(t, gone); got != fault.server {
						t.Errorf("server says %v, want %v", got, fault.server)
					}
					if got := js.hear("disconnect").Reason; !strings.HasPrefix(got, fault.client) {
						t.Errorf("client says %q, want %q", got, fault.client)
					}
					if err := conn.Emit("late"); err == nil {
						t.Error("emit to a client that has gone gave no error")
					}
				})
			}
			js.t = t
		})
	}
}

func TestNPMClientRefused(t *testing.T) {
	t.Parallel()
	for mode, options := range jsModes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			url, conns, _, _ := jsServer(t)
			all := map[string]any{"auth": map[string]string{"apiKey": "wrong"}}
			maps.Copy(all, options)
			got := npmClient(t, url, all).hear("connect_error")
			if got.Message != "Invalid API key" || string(got.Data) != `{"code":"UNAUTHORIZED"}` {
				t.Errorf("client saw %q %s", got.Message, got.Data)
			}
			if len(conns) > 0 {
				t.Error("the server took the client in")
			}
		})
	}
}

func TestNPMClientSurvivesRestart(t *testing.T) {
	t.Parallel()
	url, conns, _, gone := jsServer(t)
	js := npmClient(t, url, jsModes()["upgrade"])
	conn := receive(t, conns)
	js.hear("upgrade")
	becomes(t, TransportWebSocket, conn.Transport)
	conn.s.shutdown(ReasonShutdown)
	if got := receive(t, gone); got != ReasonShutdown {
		t.Errorf("server says %v, want %v", got, ReasonShutdown)
	}
	if got := js.hear("disconnect").Reason; got != "transport close" {
		t.Errorf("client says %q, want transport close", got)
	}
	receive(t, conns)
	js.hear("connect")
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	select {
	case v := <-from:
		return v
	case <-timer.C:
		t.Fatal("nothing came within a minute")
		panic("unreachable")
	}
}
