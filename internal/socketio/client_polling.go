package socketio

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/timing"
)

// maxErrorBody bounds what is read of an answer that is not the protocol's.
const maxErrorBody = 4096

// idlePoll is the pause after a poll that brought no message: a server that
// answers at once with nothing would be asked as fast as it answers.
const idlePoll = 50 * time.Millisecond

// idle tells a poll's answer without a message; the handshake's rest is no answer.
func idle(packets []enginePacket) bool {
	return len(packets) > 0 && !slices.ContainsFunc(packets, func(p enginePacket) bool { return p.kind == engineMessage })
}

// stamp differs for every request, so that no cache answers one.
func (c *Client) stamp() string {
	return strconv.FormatInt(c.opts.Now().UnixMilli(), 36) + "." + strconv.FormatUint(c.requests.Add(1), 36)
}

// poll makes one GET, held by the server until it has packets, and returns
// them, at least one.
func (c *Client) poll(ctx context.Context, address string) ([]enginePacket, error) {
	body, err := c.request(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if looksLikeHTML(body) {
		return nil, errNotEngine()
	}
	return splitPayload(body)
}

// post sends packets; the session sees to it that no two run at once.
func (s *clientSession) post(ctx context.Context, body []byte) error {
	answer, err := s.c.request(ctx, http.MethodPost, s.pollAddress(), body)
	if err == nil && looksLikeHTML(answer) {
		err = errNotEngine()
	}
	return err
}

func (s *clientSession) pollAddress() string {
	return s.c.at.address(TransportPolling, s.hs.sid, s.c.stamp())
}

func (c *Client) request(ctx context.Context, method, address string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	if c.opts.Header != nil {
		req.Header = c.opts.Header.Clone()
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(resp.StatusCode, resp.Body)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, c.opts.MaxPayload+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if int64(len(answer)) > c.opts.MaxPayload {
		return nil, fmt.Errorf("answer larger than %d bytes", c.opts.MaxPayload)
	}
	return answer, nil
}

// readPolls is the reading goroutine while the session polls: one held GET at
// a time, whatever the POSTs do. It goes on with frames after an upgrade.
func (s *clientSession) readPolls(life context.Context, packets []enginePacket) {
	for {
		for _, p := range packets {
			if err := s.receive(life, p); err != nil {
				s.end(ended(ReasonTransportError, err))
				return
			}
		}
		if idle(packets) && timing.Wait(life, idlePoll) != nil {
			return
		}
		if s.upgrade(life) {
			s.readFrames(life, s.ws)
			return
		}
		var err error
		if packets, err = s.c.poll(life, s.pollAddress()); err != nil {
			s.end(ended(ReasonTransportError, err))
			return
		}
	}
}

// statusError reads the Engine.IO code, if there is one, from an answer.
func statusError(status int, body io.Reader) error {
	e := &StatusError{Status: status, Code: -1}
	if body == nil {
		return e
	}
	text, err := io.ReadAll(io.LimitReader(body, maxErrorBody))
	var answer struct {
		Code *int `json:"code"`
	}
	if err == nil && json.Unmarshal(text, &answer) == nil && answer.Code != nil {
		e.Code = *answer.Code
	}
	return e
}

// looksLikeHTML tells a captive portal's page: no packet begins so.
func looksLikeHTML(body []byte) bool { return firstByte(body) == '<' }

func errNotEngine() error {
	return fmt.Errorf("%w: a web page came instead of engine.io; look for a captive portal, a proxy or a wrong path", ErrMalformed)
}
