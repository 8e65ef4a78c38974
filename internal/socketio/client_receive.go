package socketio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

var errServerClosed = errors.New("the server closed the session")

// receive acts on one Engine.IO packet. An error ends the session.
func (s *clientSession) receive(life context.Context, p enginePacket) error {
	s.watchdog.Reset(s.hs.silence())
	if s.c.opts.Trace != nil {
		s.c.trace(false, p.text())
	}
	switch p.kind {
	case enginePing:
		s.out.answerPing(enginePacket{kind: enginePong, data: p.data}.text())
	case engineClose:
		return &endError{reason: ReasonTransportClose, err: errServerClosed}
	case engineMessage:
		whole, ok, err := s.asm.add(p)
		if err != nil || !ok {
			return err
		}
		return s.receivePacket(life, whole)
	case engineOpen, enginePong, engineUpgrade, engineNoop:
	}
	return nil
}

// receivePacket acts on one Socket.IO packet. Other namespaces are ignored.
func (s *clientSession) receivePacket(life context.Context, p received) error {
	if p.namespace != mainNamespace {
		return nil
	}
	if p.kind == packetConnect {
		return s.welcome(life)
	}
	if p.kind == packetConnectError {
		refusal := parseRefusal(p.data, s.c.knownSecrets())
		select {
		case s.joined <- refusal:
		default:
		}
		return &endError{reason: ReasonServerDisconnect, err: refusal}
	}
	if s.namespace.Load() != namespaceJoined {
		return nil
	}
	switch p.kind {
	case packetDisconnect:
		return &endError{reason: ReasonServerDisconnect}
	case packetEvent, packetBinaryEvent:
		return s.event(life, p)
	case packetAck, packetBinaryAck:
		args, err := splitArray(p.data)
		if err != nil {
			return err
		}
		s.acks.resolve(p.id, args)
	case packetConnect, packetConnectError:
	}
	return nil
}

// welcome makes the session the client's own, before anyone hears of it.
func (s *clientSession) welcome(life context.Context) error {
	if !s.namespace.CompareAndSwap(namespaceJoining, namespaceJoined) {
		return nil
	}
	s.c.current.Store(s)
	s.joined <- nil
	return s.c.deliver(life, Event{Kind: EventConnected, Transport: s.transport()})
}

func (s *clientSession) event(life context.Context, p received) error {
	name, args, err := splitEvent(p.data)
	if err != nil {
		return err
	}
	m := Message{Name: name, Args: args, Attachments: p.parts}
	if p.id >= 0 {
		m.reply = &reply{id: p.id, send: s.push}
	}
	return s.c.deliver(life, Event{Kind: EventMessage, Message: m, size: p.size})
}

// parseRefusal reads a connect_error: an object with message and data, or just
// a string. Whatever of the auth payload the server repeats is taken out.
func parseRefusal(data []byte, secrets []string) *ConnectError {
	var body struct {
		Message json.RawMessage `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if firstByte(data) == '"' {
		body.Message = data
	} else if err := json.Unmarshal(data, &body); err != nil {
		body.Message = nil
	}
	var detail struct {
		Code json.RawMessage `json:"code"`
	}
	if firstByte(body.Data) == '{' && json.Unmarshal(body.Data, &detail) != nil {
		detail.Code = nil
	}
	refusal := &ConnectError{
		Message: withhold(scalar(body.Message), secrets),
		Code:    withhold(scalar(detail.Code), secrets),
	}
	if refusal.Message == "" {
		refusal.Message = "no reason given"
	}
	return refusal
}

// scalar is the text of a JSON string, number or boolean, else empty.
func scalar(data json.RawMessage) string {
	switch firstByte(data) {
	case '"':
		var text string
		if json.Unmarshal(data, &text) != nil {
			return ""
		}
		return text
	case 0, '{', '[', 'n':
		return ""
	default:
		return string(bytes.TrimSpace(data))
	}
}

// maxRefusal bounds the server's words in an error, in bytes.
const maxRefusal = 300

// withhold returns a server's words bounded and without the secrets; to make
// them fit for a line is left to who shows them.
func withhold(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	if len(text) > maxRefusal {
		text = strings.ToValidUTF8(text[:maxRefusal], "") + "…"
	}
	return strings.TrimSpace(text)
}

func (c *Client) knownSecrets() []string {
	if found := c.secrets.Load(); found != nil {
		return *found
	}
	return nil
}

// worded is err in words that hold nothing of the auth payload: libraries quote
// what the server wrote, a close frame's reason say.
func (c *Client) worded(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, secret := range c.knownSecrets() {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	if text == err.Error() {
		return err
	}
	return &wordedError{text: text, err: err}
}

// secretsOf collects the strings of an auth payload that are long enough to
// tell anything.
func secretsOf(payload json.RawMessage) []string {
	var tree any
	if json.Unmarshal(payload, &tree) != nil {
		return nil
	}
	var found []string
	collectStrings(tree, &found)
	// The longest first: one that is part of another would leave the rest.
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return found
}

func collectStrings(tree any, found *[]string) {
	switch v := tree.(type) {
	case string:
		if len(v) >= 4 {
			*found = append(*found, v)
		}
	case []any:
		for _, item := range v {
			collectStrings(item, found)
		}
	case map[string]any:
		for _, item := range v {
			collectStrings(item, found)
		}
	}
}
