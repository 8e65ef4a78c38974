package socketio

import (
	"context"
	"net/http"
	"sync"

	"github.com/coder/websocket"
)

// serveWebSocket reads until the session ends; its writer is the second and
// last goroutine of this client.
func (s *session) serveWebSocket(r *http.Request, ws *websocket.Conn) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	defer s.onEnd(cancel)()
	s.pump(ctx, ws)
}

func (s *session) pump(ctx context.Context, ws *websocket.Conn) {
	var writer sync.WaitGroup
	defer writer.Wait()
	defer discard(ws)
	writer.Go(func() { s.writeFrames(ctx, ws) })
	for {
		p, err := readFrame(ctx, ws)
		if err == nil {
			err = s.receive(p)
		}
		if err != nil {
			s.fail(err)
			return
		}
	}
}

// writeFrames sends what is queued until the session ends. A client that does
// not read for a ping timeout is given up.
func (s *session) writeFrames(ctx context.Context, ws *websocket.Conn) {
	for {
		for batch := s.out.take(pollBatch); batch != nil; batch = s.out.take(pollBatch) {
			if err := s.writeBatch(ctx, ws, batch); err != nil {
				s.fail(err)
				return
			}
		}
		if s.finishing() {
			// The close frame lets the client read all that came before it;
			// the linger limit ends the wait for its answer.
			_ = ws.Close(websocket.StatusNormalClosure, "")
			s.terminate(ReasonTransportClose)
			return
		}
		select {
		case <-s.out.wake:
		case <-s.done:
			return
		}
	}
}

func (s *session) writeBatch(ctx context.Context, ws *websocket.Conn, batch [][]byte) error {
	limited, cancel := context.WithTimeout(ctx, s.srv.opts.PingTimeout)
	defer cancel()
	for _, text := range batch {
		if err := ws.Write(limited, websocket.MessageText, text); err != nil {
			return err
		}
	}
	return nil
}

// serveUpgrade takes the websocket of a polling session: a probe, then the
// upgrade packet, within the upgrade timeout. Until then polling goes on, and
// what fails here leaves it as it was.
func (s *session) serveUpgrade(w http.ResponseWriter, r *http.Request) {
	if !s.startUpgrade() {
		refuse(w, codeBadRequest)
		return
	}
	ws, err := accept(w, r, s.srv.opts.MaxPayload)
	if err != nil {
		s.endUpgrade(false)
		return
	}
	defer discard(ws)
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	defer s.onEnd(cancel)()
	if !s.probed(ctx, ws) {
		s.endUpgrade(false)
		return
	}
	s.endUpgrade(true)
	s.pump(ctx, ws)
}

// probed answers the probe and waits for the upgrade packet.
func (s *session) probed(ctx context.Context, ws *websocket.Conn) bool {
	limited, cancel := context.WithTimeout(ctx, s.srv.opts.UpgradeTimeout)
	defer cancel()
	p, err := readFrame(limited, ws)
	if err != nil || !p.isProbe(enginePing) {
		return false
	}
	pong := enginePacket{kind: enginePong, data: []byte(probeText)}
	if ws.Write(limited, websocket.MessageText, pong.text()) != nil {
		return false
	}
	s.releasePoll()
	p, err = readFrame(limited, ws)
	return err == nil && p.kind == engineUpgrade && !p.binary
}

// startUpgrade claims the one upgrade a session may have under way.
func (s *session) startUpgrade() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.probing || s.name != TransportPolling {
		return false
	}
	s.probing = true
	return true
}

// releasePoll lets the held poll go and keeps packets back for the websocket.
func (s *session) releasePoll() {
	s.mu.Lock()
	s.upgrading, s.released = true, false
	s.mu.Unlock()
	s.out.poke()
}

// endUpgrade moves the session to the websocket, or back to polling.
func (s *session) endUpgrade(done bool) {
	s.mu.Lock()
	s.probing, s.upgrading = false, false
	if done {
		s.name = TransportWebSocket
	}
	s.mu.Unlock()
	s.out.poke()
}
