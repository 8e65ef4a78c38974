package deliver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// steady speaks HTTP/1.1 to targets on this machine where one request follows the other:
// who sends reads the answer, too. In net/http's client each connection has a goroutine
// for either, and handing over between them costs more than the exchange.
type steady struct {
	mu sync.Mutex
	// idle has the connections to each address, the one used last at the end.
	idle map[string][]*line
}

// line is one connection; it is one goroutine's at a time.
type line struct {
	conn net.Conn
	// head bounds what is read until the answer's body begins.
	head io.LimitedReader
	in   *bufio.Reader
	out  *bufio.Writer
	// wrote is how much of the request has left; used says that there was one before.
	wrote  int
	used   bool
	rested time.Time
}

const (
	// mostSteady bounds a body, in bytes: what a socket does not take at once has to be
	// written while the answer may come already.
	mostSteady = 64 << 10
	// mostHead bounds the head of an answer, in bytes.
	mostHead = 64 << 10
	// mostRest is how long a connection that rests is taken to be open still.
	mostRest = 10 * time.Millisecond
)

var errLongHead = errors.New("malformed HTTP response: its head is too long")

// do makes one exchange, which ends at the deadline. A request of which nothing could be
// written goes out again: its connection had ended while it rested.
func (s *steady) do(ctx context.Context, to route, req *http.Request, deadline time.Time) (Answer, error) {
	for {
		l := s.take(to.steady)
		if l == nil {
			var err error
			if l, err = newLine(ctx, to.steady, deadline); err != nil {
				return Answer{}, err
			}
		}
		answer, open, err := l.exchange(ctx, to, req, deadline)
		if open {
			s.rest(to.steady, l)
			return answer, nil
		}
		_ = l.conn.Close()
		if err == nil || !l.used || l.wrote > 0 || ctx.Err() != nil || req.GetBody == nil {
			return answer, err
		}
		if req.Body, err = req.GetBody(); err != nil {
			return Answer{}, err
		}
	}
}

func newLine(ctx context.Context, addr string, deadline time.Time) (*line, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	conn, err := dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	l := &line{conn: conn, head: io.LimitedReader{R: conn}}
	l.in, l.out = bufio.NewReader(&l.head), bufio.NewWriter(l)
	return l, nil
}

// Write implements io.Writer.
func (l *line) Write(p []byte) (int, error) {
	n, err := l.conn.Write(p)
	l.wrote += n
	return n, err
}

// exchange sends a request and reads the answer; open says that the connection may be
// used again.
func (l *line) exchange(ctx context.Context, to route, req *http.Request, deadline time.Time) (answer Answer, open bool, err error) {
	_ = l.conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	l.wrote, l.head.N = 0, mostHead
	if err = req.Write(l.out); err == nil {
		err = l.out.Flush()
	}
	for err == nil {
		// Closing the body would read it to its end, which may not come.
		resp, err := http.ReadResponse(l.in, req) //nolint:bodyclose // see above
		switch {
		case err != nil && l.head.N <= 0:
			return Answer{}, false, errLongHead
		case err != nil:
			return Answer{}, false, err
		case resp.StatusCode < http.StatusOK && resp.StatusCode != http.StatusSwitchingProtocols:
			continue // the answer is still to come
		}
		l.head.N = math.MaxInt64
		answer, ended := to.read(resp)
		return answer, stop() && ended && !resp.Close && resp.StatusCode >= http.StatusOK && l.in.Buffered() == 0, nil
	}
	return Answer{}, false, err
}

// take returns a connection that is open, nil where none is.
func (s *steady) take(addr string) *line {
	for {
		s.mu.Lock()
		idle := s.idle[addr]
		if len(idle) == 0 {
			s.mu.Unlock()
			return nil
		}
		l := idle[len(idle)-1]
		s.idle[addr] = idle[:len(idle)-1]
		s.mu.Unlock()
		if l.isOpen() {
			return l
		}
		_ = l.conn.Close()
	}
}

// isOpen reports whether nothing has come since the last answer, not even the end.
func (l *line) isOpen() bool {
	if time.Since(l.rested) < mostRest {
		return true
	}
	_ = l.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	l.head.N = 1
	_, err := l.in.Peek(1)
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func (s *steady) rest(addr string, l *line) {
	l.used, l.rested = true, time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle[addr] = append(s.idle[addr], l)
}

// close closes the connections that are idle.
func (s *steady) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, idle := range s.idle {
		for _, l := range idle {
			_ = l.conn.Close()
		}
	}
	clear(s.idle)
}
