package socketio

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// session is one Engine.IO session as the server sees it. It has no goroutine
// of its own: the request that serves it reads, a websocket adds a writer, and
// timers beat the heart.
type session struct {
	srv *Server
	sid string
	// handshake is the first request, without body and cancellation.
	handshake *http.Request

	out *outbox
	// done is closed when the session has ended.
	done chan struct{}

	// handling is held while a packet is acted on, so that packets are handled
	// one by one and in order also across an upgrade.
	handling sync.Mutex
	asm      assembler

	mu   sync.Mutex
	name string
	// probing says that a websocket is being tried; upgrading that its probe
	// was answered, so that packets wait for it.
	probing   bool
	upgrading bool
	// released says that the held poll was let go since the probe began.
	released bool
	polling  bool
	posting  bool
	closing  bool
	dropped  bool
	ended    bool
	why      Reason
	conn     *Conn
	// interrupts end what a request in progress waits for: a websocket's read
	// or a body's.
	interrupts map[int]func()
	nextID     int

	awaitingPong bool
	extended     bool
	heart        *time.Timer
	joinLimit    *time.Timer
	lingering    *time.Timer
}

func newSession(srv *Server, r *http.Request, transport string) *session {
	first := r.Clone(context.WithoutCancel(r.Context()))
	first.Body = http.NoBody
	return &session{
		srv: srv, sid: srv.opts.NewID(), handshake: first, name: transport,
		out:        newOutbox(),
		done:       make(chan struct{}),
		asm:        assembler{limit: srv.opts.MaxPayload},
		interrupts: make(map[int]func()),
	}
}

// begin starts the clocks of a registered session.
func (s *session) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heart = time.AfterFunc(s.srv.opts.PingInterval, s.beat)
	s.joinLimit = time.AfterFunc(s.srv.opts.JoinTimeout, func() {
		if s.joinedConn() == nil {
			s.shutdown(ReasonTransportClose)
		}
	})
}

// left notes that the client has left the namespace but kept the session: it
// may join again within the limit.
func (s *session) left() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.conn = nil
	s.joinLimit.Reset(s.srv.opts.JoinTimeout)
}

// openText is the open packet. Upgrades are offered to a polling session only.
func (s *session) openText() ([]byte, error) {
	h := handshake{
		sid:          s.sid,
		pingInterval: s.srv.opts.PingInterval,
		pingTimeout:  s.srv.opts.PingTimeout,
		maxPayload:   s.srv.opts.MaxPayload,
	}
	if s.transport() == TransportPolling && s.srv.serves(TransportWebSocket) {
		h.upgrades = []string{TransportWebSocket}
	}
	return h.text()
}

func (s *session) transport() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.name
}

func (s *session) joinedConn() *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}

func (s *session) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// beat sends a ping, or ends a session whose client did not answer the last.
func (s *session) beat() {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	if s.awaitingPong {
		s.mu.Unlock()
		s.terminate(ReasonPingTimeout)
		return
	}
	s.awaitingPong, s.extended = true, false
	s.heart.Reset(s.srv.opts.PingTimeout)
	s.mu.Unlock()
	s.out.force(enginePacket{kind: enginePing}.text())
}

// heard notes a packet: a pong starts the next interval, anything else extends
// the wait for one, once.
func (s *session) heard(pong bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
	case pong:
		s.awaitingPong = false
		s.heart.Reset(s.srv.opts.PingInterval)
	case s.awaitingPong && !s.extended:
		s.extended = true
		s.heart.Reset(s.srv.opts.PingTimeout)
	}
}

// receive acts on one Engine.IO packet; an error ends the session.
func (s *session) receive(p enginePacket) error {
	s.handling.Lock()
	defer s.handling.Unlock()
	if s.over() {
		return nil
	}
	s.heard(p.kind == enginePong)
	switch p.kind {
	case engineMessage:
		whole, ok, err := s.asm.add(p)
		if err != nil || !ok {
			return err
		}
		return s.receivePacket(whole)
	case engineClose:
		return &endError{reason: ReasonTransportClose}
	case enginePing, engineOpen, engineUpgrade:
		// Heartbeats go the other way, and upgrades have a reader of their own.
		return &endError{reason: ReasonTransportError, err: ErrMalformed}
	case enginePong, engineNoop:
	}
	return nil
}

// receivePacket acts on one Socket.IO packet. What comes before CONNECT, or a
// second CONNECT, ends the session, as with the npm server.
func (s *session) receivePacket(p received) error {
	conn := s.joinedConn()
	if p.namespace != mainNamespace {
		if p.kind != packetConnect {
			return &endError{reason: ReasonParseError, err: ErrMalformed}
		}
		return s.sendRefusal(p.namespace, &RefusalError{Message: "Invalid namespace"})
	}
	switch {
	case conn == nil && p.kind == packetConnect:
		return s.join(p.data)
	case conn == nil, p.kind == packetConnect, p.kind == packetConnectError:
		return &endError{reason: ReasonParseError, err: ErrMalformed}
	}
	return conn.receive(p)
}

// join asks Auth and answers CONNECT.
func (s *session) join(auth json.RawMessage) error {
	var identity any
	if s.srv.opts.Auth != nil {
		var err error
		if identity, err = s.srv.opts.Auth(s.handshake, auth); err != nil {
			return s.sendRefusal(mainNamespace, err)
		}
	}
	conn := newConn(s, s.srv.opts.NewID(), identity)
	answer, err := encodeJSON(struct {
		SID string `json:"sid"`
	}{conn.id}, "socket id")
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.ended || s.closing {
		s.mu.Unlock()
		return nil
	}
	s.conn = conn
	s.joinLimit.Stop()
	s.mu.Unlock()
	s.out.force(packet{kind: packetConnect, id: -1, data: answer}.text())
	if s.srv.opts.OnConnect != nil {
		s.srv.opts.OnConnect(conn)
	}
	return nil
}
