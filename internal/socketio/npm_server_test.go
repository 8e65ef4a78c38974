package socketio

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// npmServer starts the real server with short ping times, and patience like fastServer's.
func npmServer(t *testing.T, options map[string]any) (*script, string) {
	t.Helper()
	all := map[string]any{"pingInterval": 300, "pingTimeout": 30_000, "maxHttpBufferSize": 8 << 20, "key": testKey}
	maps.Copy(all, options)
	s := runScript(t, "server.js", all)
	return s, fmt.Sprintf("http://127.0.0.1:%d", s.hear("ready").Port)
}

// restPort is a port that stays free while a server on it is started again: it
// is below those that systems give out by themselves.
func restPort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 16000 + rand.IntN(4000)
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no port is free")
	return 0
}

// authenticated follows a client to the point at which it can be used.
func authenticated(t *testing.T, f *follower) {
	t.Helper()
	f.next(EventConnected)
	if m := f.next(EventMessage); m.Name != "authenticated" {
		t.Fatalf("got %s, want authenticated", m.Name)
	}
}

func TestNPMServerTalk(t *testing.T) {
	t.Parallel()
	for name, transports := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, url := npmServer(t, nil)
			f := follow(t, fastClient(url, transports...))
			authenticated(t, f)
			if got := server.hear("connection"); got.Transport != transports[0] {
				t.Errorf("server saw %s first, want %s", got.Transport, transports[0])
			}
			talkToNPM(t, f)
			if name == "upgrade" {
				server.hear("upgrade")
				becomes(t, TransportWebSocket, f.Transport)
			}
			time.Sleep(800 * time.Millisecond) // two heartbeats and more
			if n := len(f.events); n > 0 {
				t.Errorf("heartbeats: got %+v", <-f.events)
			}
			if err := f.end(); err != nil {
				t.Errorf("run: %v", err)
			}
			if got := server.hear("disconnect").Reason; got != "client namespace disconnect" {
				t.Errorf("server saw %q at the goodbye", got)
			}
		})
	}
}

func talkToNPM(t *testing.T, f *follower) {
	t.Helper()
	emit := func(name string, args ...any) {
		t.Helper()
		if err := f.Emit(t.Context(), name, args...); err != nil {
			t.Fatalf("emit %s: %v", name, err)
		}
	}
	emit("count", 25)
	for i := range 25 {
		if m := f.next(EventMessage); m.Name != "n" || string(m.Args[0]) != fmt.Sprint(i) {
			t.Fatalf("got %s %s, want n %d", m.Name, m.Args, i)
		}
	}
	for _, say := range []string{"", "ñandú 你好 🙂 \u2028", "\x1e\x00\"\\", strings.Repeat("é", 300_000)} {
		emit("echo", say, nil, 1.5)
		m := f.next(EventMessage)
		if got := text(t, m.Args[0]); got != say || string(m.Args[1]) != "null" || string(m.Args[2]) != "1.5" {
			t.Fatalf("echo of %.20q came back as %.40q", say, got)
		}
	}
	emit("big", 1_500_000)
	if m := f.next(EventMessage); len(text(t, m.Args[0])) != 4_500_000 {
		t.Fatalf("big event of %d bytes, want 4500000", len(m.Args[0]))
	}
	got, err := f.EmitAck(t.Context(), "ask", "why")
	if err != nil || len(got) != 2 || string(got[0]) != `{"q":"why"}` || string(got[1]) != "42" {
		t.Fatalf("ack: %s, %v", got, err)
	}
	emit("askme")
	f.next(EventMessage)
	if m := f.next(EventMessage); m.Name != "heard" || string(m.Args[0]) != "[]" {
		t.Fatalf("got %s %s, want heard []", m.Name, m.Args)
	}
	emit("binary")
	m := f.next(EventMessage)
	want := [][]byte{{0, 1, 30, 255}, []byte("x")}
	if diff := cmp.Diff(want, m.Attachments); diff != "" || m.Name != "bytes" || len(m.Args) != 3 {
		t.Fatalf("binary %s %s (-want +got):\n%s", m.Name, m.Args, diff)
	}
}

func TestNPMServerFaults(t *testing.T) {
	t.Parallel()
	faults := []struct {
		name string
		do   func(s *script)
		want []Reason
	}{
		{"killed connections", func(s *script) { s.say("kill") }, []Reason{ReasonTransportClose, ReasonTransportError}},
		{"restart", func(s *script) { s.say("restart") }, []Reason{ReasonServerDisconnect, ReasonTransportClose, ReasonTransportError}},
		{"thrown out", func(s *script) { s.say("kick") }, []Reason{ReasonServerDisconnect}},
		{"thrown out and closed", func(s *script) { s.say("kickhard") }, []Reason{ReasonServerDisconnect}},
		{"unknown packet", func(s *script) { s.say("garbage") }, []Reason{ReasonParseError}},
		{"malformed event", func(s *script) { s.say("badevent") }, []Reason{ReasonParseError}},
		{"captive portal", func(s *script) {
			s.say("portal")
			time.Sleep(200 * time.Millisecond)
			s.say("noportal")
		}, []Reason{ReasonTransportClose, ReasonTransportError, ReasonParseError}},
	}
	for mode, transports := range modes() {
		if mode == "fallback" {
			continue // a websocket again, as far as faults go
		}
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			server, url := npmServer(t, map[string]any{"port": restPort(t)})
			f := follow(t, fastClient(url, transports...))
			authenticated(t, f)
			for _, fault := range faults {
				t.Run(fault.name, func(t *testing.T) {
					f.t, server.t = t, t
					if mode == "upgrade" {
						// Whose polling was refused comes back by websocket at once.
						becomes(t, TransportWebSocket, f.Transport)
					}
					fault.do(server)
					recovers(t, f, fault.want)
				})
			}
			f.t, server.t = t, t
			if err := f.end(); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
}

// recovers expects the connection to be lost for one of the reasons, and to
// come back.
func recovers(t *testing.T, f *follower, reasons []Reason) {
	t.Helper()
	comesBack(t, f, f.next(EventDisconnected), reasons)
}

// comesBack expects a connection that was lost for one of the reasons to come back.
func comesBack(t *testing.T, f *follower, e Event, reasons []Reason) {
	t.Helper()
	if !slices.Contains(reasons, e.Reason) {
		t.Errorf("reason %v (%v), want one of %v", e.Reason, e.Err, reasons)
	}
	if strings.Contains(fmt.Sprint(e.Err), testKey) {
		t.Error("the error holds the key")
	}
	authenticated(t, f)
	if err := f.Emit(t.Context(), "echo", "again"); err != nil {
		t.Errorf("emit after the reconnect: %v", err)
	}
	if m := f.next(EventMessage); m.Name != "echoed" {
		t.Errorf("got %s, want echoed", m.Name)
	}
}

func TestNPMServerRefusesKey(t *testing.T) {
	t.Parallel()
	for mode, transports := range modes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			_, url := npmServer(t, map[string]any{"key": "another"})
			f := follow(t, fastClient(url, transports...))
			err := f.over()
			var refused *ConnectError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if diff := cmp.Diff(&ConnectError{Message: "Invalid API key", Code: "UNAUTHORIZED"}, refused); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNPMServerWebSocketUnusable(t *testing.T) {
	t.Parallel()
	// reference/socketio.md, client 2: the official client hangs here.
	for _, fault := range []string{"hang", "mute"} {
		for _, mode := range []string{"fallback", "upgrade"} {
			t.Run(fault+"/"+mode, func(t *testing.T) {
				t.Parallel()
				server, url := npmServer(t, nil)
				server.say(fault)
				server.hear("did")
				opts := fastClient(url, modes()[mode]...)
				opts.ConnectTimeout = 2 * time.Second
				f := follow(t, opts)
				authenticated(t, f)
				if got := f.Transport(); got != TransportPolling {
					t.Errorf("transport %q, want polling", got)
				}
				time.Sleep(2500 * time.Millisecond) // beyond a failed probe
				server.say("event")
				if m := f.next(EventMessage); m.Name != "late" {
					t.Errorf("got %s, want late", m.Name)
				}
				if err := f.end(); err != nil {
					t.Errorf("run: %v", err)
				}
			})
		}
	}
	t.Run("polling only server", func(t *testing.T) {
		t.Parallel()
		_, url := npmServer(t, map[string]any{"transports": []string{"polling"}})
		opts := fastClient(url, TransportWebSocket, TransportPolling)
		opts.ConnectTimeout = 2 * time.Second // the websocket is not even refused
		f := follow(t, opts)
		authenticated(t, f)
		if err := f.end(); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Run("websocket only server", func(t *testing.T) {
		t.Parallel()
		_, url := npmServer(t, map[string]any{"transports": []string{"websocket"}})
		f := follow(t, fastClient(url, TransportPolling, TransportWebSocket))
		authenticated(t, f)
		if err := f.end(); err != nil {
			t.Errorf("run: %v", err)
		}
	})
}
