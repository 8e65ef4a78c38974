package socketio

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// conversations seed the fuzzing of both ends with polling bodies.
func conversations() []string {
	return []string{
		"40{}\x1e42[\"echo\",1]", "40\x1e421[\"ask\"]\x1e41", "40{}\x1e451-[\"x\",{\"_placeholder\":true,\"num\":0}]\x1ebAQID",
		`40{"sid":"x"}` + "\x1e" + `42["a",{"b":[1,2,"]"]}]` + "\x1e430[1]", `44{"message":"no","data":{"code":1}}`,
		"2\x1e3\x1e5\x1e6\x1e1", "42[\"before\"]", "40{}\x1e40{}", "40{}\x1e41\x1e40{}", "4", "bAQID",
	}
}

// FuzzServerReceive feeds a session whatever a client could post.
func FuzzServerReceive(f *testing.F) {
	for _, body := range conversations() {
		f.Add([]byte(body))
	}
	f.Fuzz(func(_ *testing.T, body []byte) {
		srv := NewServer(ServerOptions{OnConnect: echoServer})
		s := newSession(srv, httptest.NewRequest(http.MethodGet, "/", nil), TransportPolling)
		if !srv.add(s) {
			panic("no room")
		}
		s.begin()
		if err := s.receiveAll(body); err != nil {
			s.fail(err)
		}
		s.terminate(ReasonTransportClose)
	})
}

// FuzzClientReceive feeds a session whatever a server could answer a poll with.
func FuzzClientReceive(f *testing.F) {
	for _, body := range conversations() {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		packets, err := splitPayload(body)
		if err != nil {
			return
		}
		c, err := NewClient(ClientOptions{URL: "https://h.test", QueueLength: len(packets) + 1, MaxPayload: int64(len(body) + 1)})
		if err != nil {
			t.Fatal(err)
		}
		life, end := context.WithCancelCause(t.Context())
		defer end(nil)
		s := &clientSession{
			c: c, out: newOutbox(), asm: assembler{limit: c.opts.MaxPayload}, end: end,
			hs:       handshake{sid: "x", pingInterval: time.Hour, pingTimeout: time.Hour, maxPayload: 1000},
			watchdog: time.NewTimer(time.Hour),
			joined:   make(chan error, 1),
		}
		defer s.watchdog.Stop()
		for _, p := range packets {
			if err := s.receive(life, p); err != nil {
				_ = ended(ReasonTransportError, err).Error()
				return
			}
		}
	})
}
