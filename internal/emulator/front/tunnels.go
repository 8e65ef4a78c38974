package front

import (
	"bufio"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

const (
	tunnelPatience = 10 * time.Second // for the first byte of a connection, and for headers
	tlsHandshake   = 0x16             // first byte of a TLS record that shakes hands
)

// tunnels is a listener for connections that come from elsewhere than a socket, or that may be TLS or not. It knows each
// from its opening to its end, websockets too, which a server forgets.
type tunnels struct {
	addr    net.Addr
	config  *tls.Config
	queue   chan net.Conn
	done    chan struct{}
	opening sync.WaitGroup // connections whose first byte is awaited

	mu     sync.Mutex
	closed bool
	open   map[*tunnel]struct{}
}

func newTunnels(addr net.Addr, config *tls.Config) *tunnels {
	return &tunnels{addr: addr, config: config, queue: make(chan net.Conn), done: make(chan struct{}), open: map[*tunnel]struct{}{}}
}

// acceptFrom takes what ln accepts until that is closed.
func (t *tunnels) acceptFrom(ln net.Listener) error {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err //nolint:wrapcheck // the listener's own error
		}
		t.opening.Go(func() { t.take(conn, bufio.NewReader(conn)) })
	}
}

// take waits for the first byte of a connection, which tells TLS from plain HTTP whatever the port says, and hands it to
// the server.
func (t *tunnels) take(raw net.Conn, r *bufio.Reader) {
	conn := t.hold(raw, r)
	if conn.SetDeadline(time.Now().Add(tunnelPatience)) != nil {
		_ = conn.Close()
		return
	}
	first, err := r.Peek(1)
	if err != nil || conn.SetDeadline(time.Time{}) != nil {
		_ = conn.Close()
		return
	}
	if first[0] == tlsHandshake {
		t.put(tls.Server(conn, t.config))
		return
	}
	t.put(conn)
}

// tunnel is one connection; it reads what was read ahead first.
type tunnel struct {
	net.Conn
	r    *bufio.Reader
	from *tunnels
}

// Read is net.Conn's.
func (c *tunnel) Read(b []byte) (int, error) { return c.r.Read(b) } //nolint:wrapcheck // io.Reader's own errors

// Close is net.Conn's.
func (c *tunnel) Close() error {
	c.from.mu.Lock()
	delete(c.from.open, c)
	c.from.mu.Unlock()
	return c.Conn.Close() //nolint:wrapcheck // the connection's own error
}

// hold takes a connection into the tunnels; when they have ended already it is closed.
func (t *tunnels) hold(conn net.Conn, r *bufio.Reader) *tunnel {
	c := &tunnel{Conn: conn, r: r, from: t}
	t.mu.Lock()
	over := t.closed
	if !over {
		t.open[c] = struct{}{}
	}
	t.mu.Unlock()
	if over {
		_ = conn.Close()
	}
	return c
}

// put hands a connection to the server, or closes it when that has ended.
func (t *tunnels) put(conn net.Conn) {
	select {
	case t.queue <- conn:
	case <-t.done:
		_ = conn.Close()
	}
}

// end closes the listener and every tunnel.
func (t *tunnels) end() {
	_ = t.Close()
	t.mu.Lock()
	var rest []*tunnel
	for c := range t.open {
		rest = append(rest, c)
	}
	t.mu.Unlock()
	for _, c := range rest {
		_ = c.Close()
	}
}

// Accept is net.Listener's.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case conn := <-t.queue:
		return conn, nil
	case <-t.done:
		return nil, net.ErrClosed
	}
}

// Close is net.Listener's: nothing more is accepted.
func (t *tunnels) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		close(t.done)
	}
	return nil
}

// Addr is net.Listener's.
func (t *tunnels) Addr() net.Addr { return t.addr }
