package socketio

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

var (
	errNoOpen   = errors.New("no engine.io packet came in time")
	errNoAnswer = errors.New("the server did not answer the namespace connect in time")
)

// The states of a session's namespace.
const (
	namespaceJoining int32 = iota
	namespaceJoined
	namespaceAbandoned
)

// clientSession is one Engine.IO session as the client sees it. Two goroutines
// work for it, one reading and one writing, and a third while an upgrade is
// probed. Whatever ends it goes through end, once.
type clientSession struct {
	c  *Client
	hs handshake

	out  *outbox
	acks ackTable
	asm  assembler

	// done is closed when the session is over; cause then says why.
	done  <-chan struct{}
	cause func() error
	end   context.CancelCauseFunc

	watchdog *time.Timer
	workers  sync.WaitGroup

	// writing is held for each write, so that the upgrade happens between two.
	writing sync.Mutex
	// ws is nil while the session polls; guarded by writing, except that the
	// reading goroutine, which alone sets it, may look without.
	ws *websocket.Conn
	// name is the transport's, for those who ask from outside.
	name atomic.Value

	namespace atomic.Int32
	joined    chan error
	probed    chan *websocket.Conn
}

// open brings up one transport under its own limit, which also covers the
// first Engine.IO packet: a websocket that opens and stays mute is left too
// (reference/socketio.md, client 2).
func (c *Client) open(ctx context.Context, transport string) (*clientSession, error) {
	limited, cancel := context.WithTimeoutCause(ctx, c.opts.ConnectTimeout, errNoOpen)
	defer cancel()
	ws, packets, err := c.handshake(limited, transport, c.at)
	var status *StatusError
	if errors.As(err, &status) && status.Status == 404 && c.at.slash {
		bare := c.at
		bare.slash = false
		if ws, packets, err = c.handshake(limited, transport, bare); err == nil {
			c.at = bare
		}
	}
	if err != nil {
		if limited.Err() != nil {
			return nil, context.Cause(limited)
		}
		return nil, err
	}
	if packets[0].kind != engineOpen || packets[0].binary {
		discard(ws)
		return nil, fmt.Errorf("%w: the first packet is not an open packet", ErrMalformed)
	}
	hs, err := parseHandshake(packets[0].data)
	if err != nil {
		discard(ws)
		return nil, err
	}
	return c.newSession(ctx, hs, ws, packets[1:]), nil
}

// handshake asks for a new session and returns its first packets, at least
// one; ws is nil when polling.
func (c *Client) handshake(ctx context.Context, transport string, at endpoint) (*websocket.Conn, []enginePacket, error) {
	if transport == TransportPolling {
		packets, err := c.poll(ctx, at.address(transport, "", c.stamp()))
		return nil, packets, err
	}
	ws, err := c.dial(ctx, at.address(transport, "", ""))
	if err != nil {
		return nil, nil, err
	}
	first, err := readFrame(ctx, ws)
	if err != nil {
		discard(ws)
		return nil, nil, err
	}
	return ws, []enginePacket{first}, nil
}

func (c *Client) newSession(ctx context.Context, hs handshake, ws *websocket.Conn, rest []enginePacket) *clientSession {
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	s := &clientSession{
		c: c, hs: hs, ws: ws,
		out:    newOutbox(),
		asm:    assembler{limit: c.opts.MaxPayload},
		done:   life.Done(),
		cause:  func() error { return context.Cause(life) },
		end:    end,
		joined: make(chan error, 1),
		probed: make(chan *websocket.Conn),
	}
	s.watchdog = time.AfterFunc(hs.silence(), func() {
		end(&endError{reason: ReasonPingTimeout})
	})
	s.workers.Go(func() { s.write(life) })
	if ws != nil {
		s.name.Store(TransportWebSocket)
		s.workers.Go(func() { s.readFrames(life, ws) })
		return s
	}
	s.name.Store(TransportPolling)
	s.workers.Go(func() { s.readPolls(life, rest) })
	if s.mayUpgrade() {
		s.workers.Go(func() { s.probe(life) })
	}
	return s
}

// join sends CONNECT with the auth payload and waits for the server's answer.
// Events may only follow it: the official server drops a client that emits
// earlier (reference/socketio.md, server 5).
func (s *clientSession) join(ctx context.Context) error {
	err := s.askToJoin(ctx)
	if err == nil {
		return nil
	}
	if !s.namespace.CompareAndSwap(namespaceJoining, namespaceAbandoned) {
		return nil
	}
	s.end(&endError{reason: ReasonClientDisconnect, err: err})
	s.finish()
	return err
}

func (s *clientSession) askToJoin(ctx context.Context) error {
	connect := packet{kind: packetConnect, id: -1}
	if s.c.opts.Auth != nil {
		payload, err := encodeJSON(s.c.opts.Auth(), "auth payload")
		if err != nil {
			return err
		}
		if firstByte(payload) != '{' {
			return errors.New("socket.io: auth payload must be a json object")
		}
		connect.data = payload
		secrets := secretsOf(payload)
		s.c.secrets.Store(&secrets)
	}
	if err := s.push(ctx, connect.text()); err != nil {
		return err
	}
	timer := time.NewTimer(s.c.opts.ConnectTimeout)
	defer timer.Stop()
	select {
	case err := <-s.joined:
		return err
	case <-s.done:
		return s.cause()
	case <-timer.C:
		return errNoAnswer
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wait lets the session live until it ends by itself or ctx does, in which
// case it says goodbye. It returns why it ended, with all goroutines gone.
func (s *clientSession) wait(ctx context.Context) error {
	select {
	case <-s.done:
	case <-ctx.Done():
		s.leave()
	}
	s.finish()
	return s.cause()
}

// leave sends what is queued, then the goodbye, for a limited time.
func (s *clientSession) leave() {
	s.out.force(packet{kind: packetDisconnect, id: -1}.text())
	s.out.close()
	timer := time.NewTimer(goodbyeTime)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
	}
	s.end(&endError{reason: ReasonClientDisconnect, err: errClosedHere})
}

// finish waits for the goroutines of a session that has ended.
func (s *clientSession) finish() {
	s.c.current.CompareAndSwap(s, nil)
	s.workers.Wait()
	s.watchdog.Stop()
}

// push queues a packet that has to fit into what the server takes at once.
func (s *clientSession) push(ctx context.Context, text []byte) error {
	if int64(len(text)) > s.hs.maxPayload {
		return fmt.Errorf("%w of %d bytes", ErrTooLarge, s.hs.maxPayload)
	}
	return s.out.push(ctx, text)
}

func (s *clientSession) transport() string {
	name, _ := s.name.Load().(string)
	return name
}

// connectPacket is how a CONNECT begins: Engine.IO's message, Socket.IO's connect.
const connectPacket = "40"

// trace tells Options.Trace a packet, without what the auth payload held.
func (c *Client) trace(sent bool, text []byte) {
	if c.opts.Trace == nil {
		return
	}
	shown := string(text)
	if sent && strings.HasPrefix(shown, connectPacket) {
		shown = connectPacket + "{…}"
	}
	for _, secret := range c.knownSecrets() {
		if secret != "" {
			shown = strings.ReplaceAll(shown, secret, "***")
		}
	}
	c.opts.Trace(sent, shown)
}

// write sends what is queued until the session ends, or until a queue closed
// by leave is empty.
func (s *clientSession) write(life context.Context) {
	defer s.out.close()
	for {
		for batch := s.out.take(s.hs.maxPayload); batch != nil; batch = s.out.take(s.hs.maxPayload) {
			if err := s.send(life, batch); err != nil {
				s.end(ended(ReasonTransportError, err))
				return
			}
		}
		if s.out.drained() {
			// On its own: the npm server acts on a close before the packets
			// that came in the same body. It ends the session either way.
			_ = s.send(life, [][]byte{enginePacket{kind: engineClose}.text()})
			s.end(&endError{reason: ReasonClientDisconnect, err: errClosedHere})
			return
		}
		select {
		case <-s.out.wake:
		case <-life.Done():
			return
		}
	}
}

func (s *clientSession) send(life context.Context, batch [][]byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	for _, text := range batch {
		s.c.trace(true, text)
	}
	ctx, cancel := context.WithTimeout(life, s.c.opts.ConnectTimeout)
	defer cancel()
	if s.ws == nil {
		return s.post(ctx, joinPayload(batch))
	}
	for _, text := range batch {
		if err := s.ws.Write(ctx, websocket.MessageText, text); err != nil {
			return err
		}
	}
	return nil
}
