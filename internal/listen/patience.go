package listen

import (
	"errors"
	"net"
	"os"
	"time"
)

// patience is how long a connection's client is waited for. A request that has reached
// this machine is never hung up on: what lies in the socket is read even when the time
// for it went by while this process had to wait for a processor, and a client that has
// said nothing yet has the idle limit, from its first byte on the time for a head.
type patience struct {
	header, idle time.Duration
	opened       time.Time
	// heard says that the client's first byte came; late is how long after the opening,
	// for as long as its first request goes on.
	heard bool
	late  time.Duration
	// begun says that a request's first byte came, and that it is not over.
	begun    bool
	deadline time.Time
}

// until is when to stop waiting, where net/http wants to stop at t. It counts the time
// for a first request from the opening.
func (p *patience) until(t, now time.Time) time.Time {
	switch {
	case t.IsZero() || t.Before(now): // no limit, or an abort
		return t
	case !p.heard:
		if idle := p.opened.Add(p.idle); idle.After(t) {
			return idle
		}
	}
	return t.Add(p.late)
}

// SetReadDeadline implements net.Conn.
func (c *cappedConn) SetReadDeadline(t time.Time) error {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.patience.deadline = c.patience.until(t, time.Now())
	return c.Conn.SetReadDeadline(c.patience.deadline)
}

// Read implements net.Conn.
func (c *cappedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) && n == 0 && len(p) > 0 {
		n, err = c.readPending(p, err)
	}
	if n > 0 {
		c.hear()
	}
	return n, err
}

// hurry ends the wait for a next request: the read that waits takes what lies in the
// socket, and where there is nothing, it is over.
func (c *cappedConn) hurry() {
	c.reading.Lock()
	defer c.reading.Unlock()
	if !c.patience.begun {
		c.patience.deadline = time.Now()
		_ = c.Conn.SetReadDeadline(c.patience.deadline)
	}
}

// hear notes the client's bytes.
func (c *cappedConn) hear() {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.patience.begun = true
	if c.patience.heard {
		return
	}
	now := time.Now()
	c.patience.heard, c.patience.late = true, now.Sub(c.patience.opened)
	if !c.patience.deadline.IsZero() && c.patience.deadline.After(now) {
		c.patience.deadline = now.Add(c.patience.header)
		_ = c.Conn.SetReadDeadline(c.patience.deadline)
	}
}

// settled notes that a request is over.
func (c *cappedConn) settled() {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.patience.heard, c.patience.late, c.patience.begun = true, 0, false
}

// readPending reads what has come before the deadline and was not read in time; an abort
// stays one.
func (c *cappedConn) readPending(p []byte, late error) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if time.Since(c.patience.deadline) > time.Hour || !pending(c.Conn) {
		return 0, late
	}
	if err := c.Conn.SetReadDeadline(time.Time{}); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p) // it is there
	if !c.patience.begun {
		c.patience.deadline = time.Now().Add(c.patience.header)
	}
	if restored := c.Conn.SetReadDeadline(c.patience.deadline); err == nil {
		err = restored
	}
	return n, err
}

// pending reports whether bytes of the client's lie in the socket.
func pending(conn net.Conn) bool {
	tcp, isTCP := conn.(*net.TCPConn)
	if !isTCP {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	found := false
	err = raw.Control(func(fd uintptr) { found = peek(fd) })
	return err == nil && found
}
