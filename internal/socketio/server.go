package socketio

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Defaults of the server, those of the npm server.
const (
	defaultPingInterval   = 25 * time.Second
	defaultPingTimeout    = 20 * time.Second
	defaultJoinTimeout    = 45 * time.Second
	defaultUpgradeTimeout = 10 * time.Second
	defaultMaxSessions    = 10_000
)

// ServerOptions tune a [Server]. The zero value serves everybody with the
// npm server's defaults.
type ServerOptions struct {
	// PingInterval and PingTimeout are the heartbeat, 25 s and 20 s by
	// default; tests use short ones.
	PingInterval, PingTimeout time.Duration
	// JoinTimeout is how long a client may stay without joining the main
	// namespace, 45 s by default.
	JoinTimeout time.Duration
	// UpgradeTimeout is how long a probed websocket may take to replace
	// polling, 10 s by default.
	UpgradeTimeout time.Duration
	// MaxPayload is the largest message and POST taken, in bytes; 1,000,000 by
	// default.
	MaxPayload int64
	// MaxSessions bounds the clients at a time; the rest get a 503. 10,000 by
	// default.
	MaxSessions int
	// Transports are those served, both by default. With both, polling
	// sessions are offered the upgrade to websocket.
	Transports []string
	// Origins are the values of the Origin header that browsers may come with;
	// none means any.
	Origins []string
	// Auth judges a client that wants to join. handshake is its first request
	// without a body, auth the CONNECT payload, nil without one. The value
	// returned becomes [Conn.Identity]. An error refuses: a *[RefusalError] is sent
	// as it is, of any other the text becomes the message.
	Auth func(handshake *http.Request, auth json.RawMessage) (any, error)
	// OnConnect is told of each client that has joined, before any event of it
	// is handled: the place for [Conn.On].
	OnConnect func(*Conn)
	// NewID makes session and socket ids; random ones by default. They are
	// secrets: who knows one can read the session.
	NewID func() string
}

// RefusalError is what [ServerOptions.Auth] returns to have connect_error sent.
type RefusalError struct {
	// Message becomes error.message in the client.
	Message string
	// Data becomes error.data; nothing is sent for nil.
	Data any
}

// Error gives the message.
func (r *RefusalError) Error() string { return r.Message }

// Server is a Socket.IO server for the main namespace: an http.Handler to be
// mounted on "<path>/". Each client costs two goroutines on a websocket and
// one held request while it polls.
type Server struct {
	opts ServerOptions

	mu       sync.Mutex
	sessions map[string]*session
	closed   bool
	// active counts the requests being served; idle is closed when a closing
	// server has neither requests nor sessions left.
	active int
	idle   chan struct{}
}

// NewServer makes a server. It starts nothing by itself.
func NewServer(opts ServerOptions) *Server {
	setDefault(&opts.PingInterval, defaultPingInterval)
	setDefault(&opts.PingTimeout, defaultPingTimeout)
	setDefault(&opts.JoinTimeout, defaultJoinTimeout)
	setDefault(&opts.UpgradeTimeout, defaultUpgradeTimeout)
	setDefault(&opts.MaxPayload, defaultServerPayload)
	setDefault(&opts.MaxSessions, defaultMaxSessions)
	if len(opts.Transports) == 0 {
		opts.Transports = []string{TransportPolling, TransportWebSocket}
	}
	if opts.NewID == nil {
		opts.NewID = newID
	}
	return &Server{opts: opts, sessions: make(map[string]*session), idle: make(chan struct{})}
}

func setDefault[T time.Duration | int64 | int](option *T, value T) {
	if *option <= 0 {
		*option = value
	}
}

// newID gives 120 random bits in 20 characters fit for a URL, as npm does.
func newID() string {
	var b [15]byte
	// crypto/rand.Read never fails.
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Conns are the clients that have joined at the moment.
func (s *Server) Conns() []*Conn {
	s.mu.Lock()
	all := make([]*session, 0, len(s.sessions))
	for _, one := range s.sessions {
		all = append(all, one)
	}
	s.mu.Unlock()
	conns := make([]*Conn, 0, len(all))
	for _, one := range all {
		if c := one.joinedConn(); c != nil {
			conns = append(conns, c)
		}
	}
	return conns
}

// Close refuses new requests, ends all sessions with a close packet, and waits
// until they are gone. When ctx ends first they are cut off, and its error is
// returned.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	all := make([]*session, 0, len(s.sessions))
	for _, one := range s.sessions {
		all = append(all, one)
	}
	s.checkIdle()
	s.mu.Unlock()
	for _, one := range all {
		one.shutdown(ReasonShutdown)
	}
	select {
	case <-s.idle:
		return nil
	case <-ctx.Done():
		for _, one := range all {
			one.drop(ReasonShutdown)
		}
		return context.Cause(ctx)
	}
}

// enter counts a request in; false means that the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed && len(s.sessions) == 0 {
		return false
	}
	s.active++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.checkIdle()
}

// checkIdle is called with the lock held.
func (s *Server) checkIdle() {
	if !s.closed || s.active > 0 || len(s.sessions) > 0 {
		return
	}
	select {
	case <-s.idle:
	default:
		close(s.idle)
	}
}

// add registers a session; false means that there is no room.
func (s *Server) add(one *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.sessions) >= s.opts.MaxSessions || s.sessions[one.sid] != nil {
		return false
	}
	s.sessions[one.sid] = one
	return true
}

func (s *Server) remove(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[one.sid] == one {
		delete(s.sessions, one.sid)
	}
	s.checkIdle()
}

func (s *Server) find(sid string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[sid]
}

func (s *Server) serves(transport string) bool {
	return slices.Contains(s.opts.Transports, transport)
}
