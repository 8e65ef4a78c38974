package socketio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/coder/websocket"
)

// dial opens a websocket. Its read limit is the client's own: the library's
// 32 KiB kills larger events (reference/socketio.md, client 5).
func (c *Client) dial(ctx context.Context, address string) (*websocket.Conn, error) {
	ws, resp, err := websocket.Dial(ctx, address, &websocket.DialOptions{ //nolint:bodyclose // the library closes it
		HTTPClient: c.http,
		HTTPHeader: c.opts.Header.Clone(),
	})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			// On errors the library leaves the start of the body for reading.
			return nil, statusError(resp.StatusCode, resp.Body)
		}
		return nil, withoutURL(err)
	}
	ws.SetReadLimit(c.opts.MaxPayload)
	return ws, nil
}

// discard drops a websocket. CloseNow, never Close, which would wait five
// seconds for a peer that may be dead.
func discard(ws *websocket.Conn) {
	if ws != nil {
		_ = ws.CloseNow()
	}
}

// readFrame reads one packet: a text frame is one packet, a binary frame an
// attachment.
func readFrame(ctx context.Context, ws *websocket.Conn) (enginePacket, error) {
	kind, data, err := ws.Read(ctx)
	if err != nil {
		reason := ReasonTransportError
		if websocket.CloseStatus(err) != -1 || errors.Is(err, io.EOF) {
			reason = ReasonTransportClose
		}
		return enginePacket{}, ended(reason, err)
	}
	if kind == websocket.MessageBinary {
		return enginePacket{kind: engineMessage, data: data, binary: true}, nil
	}
	return parseEnginePacket(data)
}

// readFrames is the reading goroutine on a websocket.
func (s *clientSession) readFrames(life context.Context, ws *websocket.Conn) {
	defer discard(ws)
	for {
		p, err := readFrame(life, ws)
		if err == nil {
			err = s.receive(life, p)
		}
		if err != nil {
			s.end(ended(ReasonTransportError, err))
			return
		}
	}
}

// mayUpgrade reports whether both sides want a polling session on a websocket.
func (s *clientSession) mayUpgrade() bool {
	return slices.Contains(s.c.opts.Transports, TransportWebSocket) &&
		slices.Contains(s.hs.upgrades, TransportWebSocket)
}

// probe opens a websocket for the session while polling goes on, and offers it
// to the reading goroutine, which takes it between two polls. Whatever fails
// here leaves the session polling (reference/socketio.md, client 4).
func (s *clientSession) probe(life context.Context) {
	ctx, cancel := context.WithTimeout(life, s.c.opts.ConnectTimeout)
	defer cancel()
	ws, err := s.c.dial(ctx, s.c.at.address(TransportWebSocket, s.hs.sid, ""))
	if err != nil {
		return
	}
	if err := s.askProbe(ctx, ws); err != nil {
		discard(ws)
		return
	}
	select {
	case s.probed <- ws:
	case <-ctx.Done():
		discard(ws)
	}
}

func (s *clientSession) askProbe(ctx context.Context, ws *websocket.Conn) error {
	ping := enginePacket{kind: enginePing, data: []byte(probeText)}
	if err := ws.Write(ctx, websocket.MessageText, ping.text()); err != nil {
		return err
	}
	answer, err := readFrame(ctx, ws)
	if err != nil {
		return err
	}
	if !answer.isProbe(enginePong) {
		return fmt.Errorf("%w: the probe was not answered with a pong", ErrMalformed)
	}
	return nil
}

// upgrade moves the session to a probed websocket, if there is one: no poll is
// held now, and the lock keeps POSTs out. It reports whether it did.
func (s *clientSession) upgrade(life context.Context) bool {
	var ws *websocket.Conn
	select {
	case ws = <-s.probed:
	default:
		return false
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	ctx, cancel := context.WithTimeout(life, s.c.opts.ConnectTimeout)
	defer cancel()
	if err := ws.Write(ctx, websocket.MessageText, enginePacket{kind: engineUpgrade}.text()); err != nil {
		discard(ws)
		return false
	}
	s.ws = ws
	s.name.Store(TransportWebSocket)
	return true
}
