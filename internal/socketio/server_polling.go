package socketio

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// noopSpacing is how long a poll during an upgrade is held before it is let go
// with a noop; without it a client that polls on would spin (reference/socketio.md,
// server 3).
const noopSpacing = 100 * time.Millisecond

// pollBatch is the size up to which packets are put into one poll's answer.
const pollBatch = 1 << 20

// writePayload answers a poll; a client that does not take the answer within
// limit is cut off.
func writePayload(w http.ResponseWriter, body []byte, limit time.Duration) {
	control := http.NewResponseController(w)
	late := time.AfterFunc(limit, func() {
		// A writer without deadlines leaves the limit to its http.Server.
		_ = control.SetWriteDeadline(time.Unix(1, 0))
	})
	defer late.Stop()
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	// A client that has gone is noticed by its heartbeat.
	_, _ = w.Write(body)
}

// servePoll holds a GET until there is something to send. A second one ends
// the session.
func (s *session) servePoll(w http.ResponseWriter, r *http.Request) {
	if !s.claim(&s.polling) {
		s.terminate(ReasonTransportError)
		refuse(w, codeBadRequest)
		return
	}
	control := http.NewResponseController(w)
	// A poll is held for longer than an http.Server's usual limits, which a
	// writer without deadlines cannot have.
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
	body, last := s.hold(r)
	// Free before the answer is on its way: the next poll may overtake the end
	// of this function.
	s.free(&s.polling)
	if body == nil {
		s.cut(w)
		return
	}
	writePayload(w, body, s.srv.opts.PingTimeout)
	if last {
		s.terminate(ReasonTransportClose)
	}
}

// hold waits for packets and returns the answer's body, nil when there is
// nobody to answer or the session was dropped. last says that it is the close
// packet.
func (s *session) hold(r *http.Request) (body []byte, last bool) {
	noop := enginePacket{kind: engineNoop}.text()
	var spaced <-chan time.Time
	for {
		upgraded, release := s.pollState()
		switch {
		case upgraded:
			// The websocket's writer waits for the same token.
			s.out.poke()
			return noop, false
		case release == releaseNow:
			return noop, false
		case release == releaseLater && spaced == nil:
			timer := time.NewTimer(noopSpacing)
			defer timer.Stop()
			spaced = timer.C
		case release == releaseNever:
			spaced = nil
			if batch := s.out.take(pollBatch); batch != nil {
				return joinPayload(batch), false
			}
			if s.finishing() {
				return enginePacket{kind: engineClose}.text(), true
			}
		}
		select {
		case <-s.out.wake:
		case <-spaced:
			return noop, false
		case <-s.done:
			return s.lastWords(), false
		case <-r.Context().Done():
			// As with the npm server, a poll given up ends the session.
			s.terminate(ReasonTransportError)
			return nil, false
		}
	}
}

// lastWords answers the poll that was held when the session ended.
func (s *session) lastWords() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped {
		return nil
	}
	return enginePacket{kind: engineNoop}.text()
}

type releaseKind int

const (
	releaseNever releaseKind = iota
	releaseNow
	releaseLater
)

// pollState tells a held poll whether the session has moved to a websocket,
// or is about to, in which case the first poll is let go at once and the
// following ones spaced out; packets wait for the websocket meanwhile.
func (s *session) pollState() (upgraded bool, release releaseKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.name == TransportWebSocket:
		return true, releaseNever
	case s.upgrading && !s.released:
		s.released = true
		return false, releaseNow
	case s.upgrading:
		return false, releaseLater
	default:
		return false, releaseNever
	}
}

// cut breaks the connection of a request without an answer.
func (s *session) cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// HTTP/2 has no connection to give away.
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	_ = conn.Close()
}

// servePost takes packets. A second POST, or garbage, ends the session; one
// beyond the payload limit is refused with a 413.
func (s *session) servePost(w http.ResponseWriter, r *http.Request) {
	if !s.claim(&s.posting) {
		s.terminate(ReasonTransportError)
		refuse(w, codeBadRequest)
		return
	}
	err := s.takePost(w, r)
	// Free before the answer is on its way, for the same reason as a poll.
	s.free(&s.posting)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	case err != nil && ended(ReasonTransportError, err).reason != ReasonTransportClose:
		refuse(w, codeBadRequest)
		return
	}
	h := w.Header()
	// The npm server's type, which old browsers need so as not to download.
	h.Set("Content-Type", "text/html")
	h.Set("Content-Length", "2")
	_, _ = io.WriteString(w, "ok")
}

// takePost reads and handles a POST's packets. Its errors end the session,
// but for that of a body over the limit.
func (s *session) takePost(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength > s.srv.opts.MaxPayload {
		return &http.MaxBytesError{Limit: s.srv.opts.MaxPayload}
	}
	body, err := s.readBody(w, r)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	if err == nil {
		err = s.receiveAll(body)
	}
	if err != nil {
		s.fail(err)
	}
	return err
}

// readBody reads a POST within the payload limit; a sender slower than the
// heartbeat allows, or one whose session ends, is cut off.
func (s *session) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	interrupt := func() {
		// A writer without deadlines leaves the limit to its http.Server.
		_ = control.SetReadDeadline(time.Unix(1, 0))
	}
	defer s.onEnd(interrupt)()
	limit := time.AfterFunc(s.srv.opts.PingInterval+s.srv.opts.PingTimeout, interrupt)
	defer limit.Stop()
	return io.ReadAll(http.MaxBytesReader(w, r.Body, s.srv.opts.MaxPayload))
}

func (s *session) receiveAll(body []byte) error {
	packets, err := splitPayload(body)
	if err != nil {
		return err
	}
	for _, p := range packets {
		if err := s.receive(p); err != nil {
			return err
		}
	}
	return nil
}

// claim takes one of the two places of a polling session, one GET and one
// POST; false means that it is taken.
func (s *session) claim(place *bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *place {
		return false
	}
	*place = true
	return true
}

func (s *session) free(place *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*place = false
}
