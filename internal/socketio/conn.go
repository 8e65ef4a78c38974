package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
)

// Conn is a client that has joined the server's main namespace.
type Conn struct {
	s        *session
	id       string
	identity any
	acks     ackTable
	gone     chan struct{}

	mu           sync.Mutex
	handlers     map[string]func(Message)
	other        func(Message)
	onDisconnect func(Reason)
	ended        bool
	why          Reason
}

func newConn(s *session, id string, identity any) *Conn {
	return &Conn{
		s: s, id: id, identity: identity,
		gone:     make(chan struct{}),
		handlers: make(map[string]func(Message)),
	}
}

// ID is the socket's id, which the client sees as socket.id.
func (c *Conn) ID() string { return c.id }

// Identity is what [ServerOptions.Auth] returned.
func (c *Conn) Identity() any { return c.identity }

// Header is that of the client's first request.
func (c *Conn) Header() http.Header { return c.s.handshake.Header }

// RemoteAddr is the address of the client's first request.
func (c *Conn) RemoteAddr() string { return c.s.handshake.RemoteAddr }

// Transport is the transport in use, "websocket" or "polling".
func (c *Conn) Transport() string { return c.s.transport() }

// On sets the handler of a named event. Handlers of one client run one at a
// time and in order; one that waits holds the client's other packets up, so
// [Conn.EmitAck] must not be called from within. Events without a handler go
// to that of [Conn.OnAny], or nowhere.
func (c *Conn) On(name string, handle func(Message)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handlers[name] = handle
}

// OnAny sets the handler of all events that have none of their own.
func (c *Conn) OnAny(handle func(Message)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.other = handle
}

// OnDisconnect sets what is told, once and from any goroutine, that the client
// has gone. If it has, it is told at once.
func (c *Conn) OnDisconnect(handle func(Reason)) {
	c.mu.Lock()
	if !c.ended {
		c.onDisconnect = handle
		c.mu.Unlock()
		return
	}
	why := c.why
	c.mu.Unlock()
	handle(why)
}

// Emit queues an event for the client and does not wait. It returns
// [ErrNotConnected] when the client has gone. A client that lets more pile up
// than the send queue holds is thrown out, with [ErrQueueFull].
func (c *Conn) Emit(name string, args ...any) error {
	e, err := Prepare(name, args...)
	if err == nil {
		err = c.Queue(e)
	}
	if err == nil {
		c.Flush()
	}
	return err
}

// Prepared is an event in the form in which all its receivers get it.
type Prepared struct{ text []byte }

// Prepare makes an event once for all its receivers.
func Prepare(name string, args ...any) (Prepared, error) {
	text, err := eventText(-1, name, args)
	return Prepared{text}, err
}

// Queue is Emit of a prepared event, but for waking the goroutine that sends it: that is
// left to [Conn.Flush].
func (c *Conn) Queue(e Prepared) error {
	return c.queue(e.text, func(text []byte) error { _, err := c.s.out.offer(text); return err })
}

// Flush has what was queued sent.
func (c *Conn) Flush() { c.s.out.poke() }

// EmitAck sends an event and waits for the client's answer, ctx or the
// client's end ([ErrDisconnected]).
func (c *Conn) EmitAck(ctx context.Context, name string, args ...any) ([]json.RawMessage, error) {
	call := ackCall{table: &c.acks, push: c.push, gone: c.gone}
	return call.do(ctx, name, args)
}

// Disconnect throws the client out: it gets a disconnect packet, which its
// library reports as "io server disconnect", and then the session closes.
func (c *Conn) Disconnect() {
	c.s.out.force(packet{kind: packetDisconnect, id: -1}.text())
	c.s.shutdown(ReasonServerDisconnect)
}

// Drop kills the client's connection without a goodbye, as a broken network
// does.
func (c *Conn) Drop() { c.s.drop(ReasonTransportError) }

// push is send for those who could wait; the server never does.
func (c *Conn) push(_ context.Context, text []byte) error { return c.send(text) }

func (c *Conn) send(text []byte) error { return c.queue(text, c.s.out.tryPush) }

func (c *Conn) queue(text []byte, push func([]byte) error) error {
	c.mu.Lock()
	ended := c.ended
	c.mu.Unlock()
	if ended {
		return ErrNotConnected
	}
	err := push(text)
	if errors.Is(err, ErrQueueFull) {
		c.s.terminate(ReasonTransportError)
	}
	return err
}

// receive acts on a packet of a joined client.
func (c *Conn) receive(p received) error {
	switch p.kind {
	case packetEvent, packetBinaryEvent:
		name, args, err := splitEvent(p.data)
		if err != nil {
			return err
		}
		m := Message{Name: name, Args: args, Attachments: p.parts}
		if p.id >= 0 {
			m.reply = &reply{id: p.id, send: c.push}
		}
		if handle := c.handler(name); handle != nil {
			handle(m)
		}
	case packetAck, packetBinaryAck:
		args, err := splitArray(p.data)
		if err != nil {
			return err
		}
		c.acks.resolve(p.id, args)
	case packetDisconnect:
		c.s.left()
		c.disconnected(ReasonClientDisconnect)
	case packetConnect, packetConnectError:
	}
	return nil
}

func (c *Conn) handler(name string) func(Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if handle, ok := c.handlers[name]; ok {
		return handle
	}
	return c.other
}

// disconnected tells those who wait, once.
func (c *Conn) disconnected(why Reason) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.ended, c.why = true, why
	handle := c.onDisconnect
	c.mu.Unlock()
	close(c.gone)
	if handle != nil {
		handle(why)
	}
}
