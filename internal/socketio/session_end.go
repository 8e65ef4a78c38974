package socketio

import (
	"errors"
	"time"
)

// sendRefusal answers a CONNECT with connect_error; the session stays open for
// another try until its join limit.
func (s *session) sendRefusal(namespace string, err error) error {
	body := struct {
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}{Message: err.Error()}
	if refusal, ok := errors.AsType[*RefusalError](err); ok {
		body.Message, body.Data = refusal.Message, refusal.Data
	}
	data, err := encodeJSON(body, "refusal")
	if err != nil {
		return err
	}
	return s.out.tryPush(packet{kind: packetConnectError, namespace: namespace, id: -1, data: data}.text())
}

// onEnd registers what ends a request in progress when the session ends. The
// function returned takes it back. If the session is over it runs at once.
func (s *session) onEnd(interrupt func()) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		interrupt()
		return func() {}
	}
	id := s.nextID
	s.nextID++
	s.interrupts[id] = interrupt
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.interrupts, id)
	}
}

// shutdown lets what is queued go out, then closes, for a limited time. The
// transport's close comes on its own, not in one body with packets: the npm
// client would act on it first.
func (s *session) shutdown(why Reason) {
	s.mu.Lock()
	if s.ended || s.closing {
		s.mu.Unlock()
		return
	}
	s.closing, s.why = true, why
	s.lingering = time.AfterFunc(goodbyeTime, func() { s.terminate(why) })
	s.mu.Unlock()
	s.out.close()
}

// drop cuts the transport without a goodbye.
func (s *session) drop(why Reason) {
	s.mu.Lock()
	s.dropped = true
	s.mu.Unlock()
	s.terminate(why)
}

// terminate ends the session for good, once: a held poll is let go, a
// websocket closed.
func (s *session) terminate(why Reason) {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	if s.closing {
		why = s.why
	}
	s.ended, s.why = true, why
	for _, timer := range []*time.Timer{s.heart, s.joinLimit, s.lingering} {
		if timer != nil {
			timer.Stop()
		}
	}
	conn := s.conn
	s.conn = nil
	close(s.done)
	for _, interrupt := range s.interrupts {
		interrupt()
	}
	s.mu.Unlock()
	s.out.close()
	s.srv.remove(s)
	if conn != nil {
		conn.disconnected(why)
	}
}

// fail ends the session for an error of its peer or transport.
func (s *session) fail(err error) {
	s.terminate(ended(ReasonTransportError, err).reason)
}

// finishing tells that a closing session has sent all it had.
func (s *session) finishing() bool {
	s.mu.Lock()
	closing := s.closing
	s.mu.Unlock()
	return closing && s.out.drained()
}
