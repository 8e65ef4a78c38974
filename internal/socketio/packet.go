package socketio

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// packetType is the first character of a Socket.IO packet.
type packetType byte

const (
	packetConnect      packetType = '0'
	packetDisconnect   packetType = '1'
	packetEvent        packetType = '2'
	packetAck          packetType = '3'
	packetConnectError packetType = '4'
	packetBinaryEvent  packetType = '5'
	packetBinaryAck    packetType = '6'
)

// maxIDDigits keeps acknowledgement ids within what JavaScript counts exactly.
const maxIDDigits = 15

// packet is one Socket.IO packet, still without its attachments.
type packet struct {
	kind        packetType
	attachments int
	namespace   string
	// id is the acknowledgement id, -1 without one.
	id int64
	// data is the JSON after the head, nil without one. It aliases the input.
	data json.RawMessage
}

// parsePacket reads the text of an Engine.IO message, known to be UTF-8:
//
//	<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]
func parsePacket(text []byte) (packet, error) {
	if len(text) == 0 {
		return packet{}, fmt.Errorf("%w: empty socket.io packet", ErrMalformed)
	}
	p := packet{kind: packetType(text[0]), namespace: mainNamespace, id: -1}
	rest := text[1:]
	var err error
	if p.kind == packetBinaryEvent || p.kind == packetBinaryAck {
		if p.attachments, rest, err = cutAttachments(rest); err != nil {
			return packet{}, err
		}
	}
	if len(rest) > 0 && rest[0] == '/' {
		end := 0
		for end < len(rest) && rest[end] != ',' {
			end++
		}
		p.namespace = string(rest[:end])
		rest = rest[min(end+1, len(rest)):]
	}
	if p.id, rest, err = cutID(rest); err != nil {
		return packet{}, err
	}
	if len(rest) > 0 {
		p.data = rest
	}
	return p, p.check()
}

func cutAttachments(text []byte) (int, []byte, error) {
	n := digits(text)
	if n == 0 || n > 3 || n == len(text) || text[n] != '-' {
		return 0, nil, fmt.Errorf("%w: attachment count missing", ErrMalformed)
	}
	count, err := strconv.Atoi(string(text[:n]))
	if err != nil || count < 1 || count > maxAttachments {
		return 0, nil, fmt.Errorf("%w: %d attachments, at most %d are taken", ErrMalformed, count, maxAttachments)
	}
	return count, text[n+1:], nil
}

func cutID(text []byte) (int64, []byte, error) {
	n := digits(text)
	if n == 0 {
		return -1, text, nil
	}
	if n > maxIDDigits {
		return 0, nil, fmt.Errorf("%w: acknowledgement id of %d digits", ErrMalformed, n)
	}
	id, err := strconv.ParseInt(string(text[:n]), 10, 64)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: acknowledgement id", ErrMalformed)
	}
	return id, text[n:], nil
}

func digits(text []byte) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// check holds each kind to the payload it may carry, as the npm parser does.
func (p packet) check() error {
	if p.data != nil && !json.Valid(p.data) {
		return fmt.Errorf("%w: payload is not json", ErrMalformed)
	}
	first := byte(0)
	if p.data != nil {
		first = firstByte(p.data)
	}
	var ok bool
	switch p.kind {
	case packetConnect:
		ok = first == 0 || first == '{'
	case packetDisconnect:
		ok = first == 0
	case packetConnectError:
		ok = first == '{' || first == '"'
	case packetEvent, packetBinaryEvent, packetAck, packetBinaryAck:
		ok = first == '['
	default:
		return fmt.Errorf("%w: unknown socket.io type %q", ErrMalformed, byte(p.kind))
	}
	if !ok {
		return fmt.Errorf("%w: wrong payload for socket.io type %q", ErrMalformed, byte(p.kind))
	}
	return nil
}

// text gives the Engine.IO message that carries the packet.
func (p packet) text() []byte {
	b := make([]byte, 0, len(p.data)+len(p.namespace)+24)
	b = append(b, byte(engineMessage), byte(p.kind))
	if p.attachments > 0 {
		b = strconv.AppendInt(b, int64(p.attachments), 10)
		b = append(b, '-')
	}
	if p.namespace != "" && p.namespace != mainNamespace {
		b = append(b, p.namespace...)
		b = append(b, ',')
	}
	if p.id >= 0 {
		b = strconv.AppendInt(b, p.id, 10)
	}
	return append(b, p.data...)
}

// reservedEvent tells the names that a peer may not emit.
func reservedEvent(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	default:
		return false
	}
}
