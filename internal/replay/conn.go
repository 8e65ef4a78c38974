package replay

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// direct posts to one target on this machine over a connection of its own,
// writing each request in one piece: net/http's client, made for everything,
// costs more than the rest of a replay. It serves one goroutine.
type direct struct {
	addr  string
	start string // the request's first lines, up to the first header that varies
	until time.Duration

	conn   net.Conn
	r      *bufio.Reader
	forget func() bool
	// ended tells, without waiting, whether the connection is over.
	ended func() bool
	// used says that the connection has brought an answer before.
	used bool
	out  []byte
}

// newDirect returns nil for a target that is for net/http's client: one with
// TLS, or on another machine, which a proxy may stand before.
func newDirect(target string, timeout time.Duration) *direct {
	if CheckTarget(target, false) != nil {
		return nil
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" {
		return nil
	}
	addr := u.Host
	if u.Port() == "" {
		addr = net.JoinHostPort(u.Hostname(), "80")
	}
	return &direct{
		addr: addr, start: "POST " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\n", until: timeout,
	}
}

// errTooMuch says that a target sent more provisional answers than make sense.
var errTooMuch = errors.New("the answer did not come to its end")

// post sends once. A connection that the target has closed meanwhile, as idle
// ones are, is replaced before anything is written to it. Once a byte has been
// written the target may have acted on it, so it is never written again here.
func (d *direct) post(ctx context.Context, header http.Header, body []byte) (status int, answer []byte, err error) {
	d.out = append(d.out[:0], d.start...)
	for name, values := range header {
		for _, value := range values {
			if strings.ContainsAny(value, "\r\n") {
				continue
			}
			d.out = append(append(append(append(d.out, name...), ": "...), value...), "\r\n"...)
		}
	}
	d.out = strconv.AppendInt(append(d.out, "Content-Length: "...), int64(len(body)), 10)
	d.out = append(append(d.out, "\r\n\r\n"...), body...)
	if d.used && (d.r.Buffered() > 0 || d.ended()) {
		d.close()
	}
	reused := d.used
	status, answer, err = d.once(ctx)
	if reused && errors.Is(err, errNothingSent) && ctx.Err() == nil {
		status, answer, err = d.once(ctx)
	}
	if errors.Is(err, errNothingSent) {
		err = errNoAnswer
	}
	return status, answer, err
}

// errNothingSent marks a connection that took no byte of the request.
var errNothingSent = errors.New("the target took nothing of the request")

// errNoAnswer marks a connection that ended before the first byte of an answer.
var errNoAnswer = errors.New("the target closed the connection without an answer")

// once makes one exchange, on a new connection where there is none.
func (d *direct) once(ctx context.Context) (status int, answer []byte, err error) {
	if d.conn == nil {
		if err := d.dial(ctx); err != nil {
			return 0, nil, err
		}
	}
	if err := d.conn.SetDeadline(time.Now().Add(d.until)); err != nil {
		d.close()
		return 0, nil, errNothingSent
	}
	if ctx.Err() != nil { // the deadline above may have replaced that of the end
		d.close()
		return 0, nil, ctx.Err()
	}
	sent, err := d.conn.Write(d.out)
	if err == nil {
		_, err = d.r.Peek(1)
	}
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		d.close()
		return 0, nil, context.DeadlineExceeded
	case err != nil && sent == 0:
		d.close()
		return 0, nil, errNothingSent
	case err != nil:
		d.close()
		return 0, nil, errNoAnswer
	}
	status, answer, err = d.read()
	if err != nil {
		d.close()
	}
	return status, answer, err
}

// mostProvisional bounds the 1xx answers before the real one.
const mostProvisional = 5

func (d *direct) read() (int, []byte, error) {
	for range mostProvisional {
		resp, err := http.ReadResponse(d.r, &http.Request{Method: http.MethodPost}) //nolint:bodyclose // closing would read an endless body to its end; the connection is closed instead
		if err != nil {
			return 0, nil, errors.New("the target did not speak HTTP")
		}
		if resp.StatusCode >= 100 && resp.StatusCode < 200 {
			continue
		}
		answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err == nil {
			// At its end? Only then can the connection be used again.
			var more [1]byte
			if n, end := resp.Body.Read(more[:]); n > 0 || !errors.Is(end, io.EOF) {
				err = errTooMuch
			}
		}
		d.used = true
		if err != nil || resp.Close {
			d.close()
		}
		if err != nil && !errors.Is(err, errTooMuch) {
			answer = nil // the status is an answer all the same
		}
		return resp.StatusCode, answer, nil
	}
	return 0, nil, errTooMuch
}

func (d *direct) dial(ctx context.Context) error {
	dialer := net.Dialer{Timeout: d.until}
	conn, err := dialer.DialContext(ctx, "tcp", d.addr)
	if err != nil {
		return err
	}
	d.conn, d.ended, d.used = conn, watchEnd(conn), false
	if d.r == nil {
		d.r = bufio.NewReader(conn)
	} else {
		d.r.Reset(conn)
	}
	d.forget = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return nil
}

func (d *direct) close() {
	if d.conn == nil {
		return
	}
	d.forget()
	_ = d.conn.Close()
	d.conn, d.used = nil, false
}
