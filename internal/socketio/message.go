package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
)

// Message is one named event from the other side.
type Message struct {
	// Name is the event's name, such as "deposit:completed".
	Name string
	// Args are the arguments as they came. There may be more than documented:
	// connection state recovery appends an offset (reference/socketio.md,
	// client 11). In a binary event {"_placeholder":true,"num":N} stands for
	// Attachments[N].
	Args []json.RawMessage
	// Attachments are the binary parts, none for an ordinary event.
	Attachments [][]byte

	reply *reply
}

// reply sends the answer to one message, once.
type reply struct {
	id   int64
	done atomic.Bool
	send func(ctx context.Context, text []byte) error
}

// WantsAck reports whether the sender waits for an answer that is still due.
func (m Message) WantsAck() bool { return m.reply != nil && !m.reply.done.Load() }

// Ack answers the message with args. It returns [ErrNoAck] when nobody waits
// or an answer went out before, and otherwise what sending returns.
func (m Message) Ack(ctx context.Context, args ...any) error {
	if m.reply == nil {
		return ErrNoAck
	}
	data, err := encodeArgs(args)
	if err != nil {
		return err
	}
	if !m.reply.done.CompareAndSwap(false, true) {
		return ErrNoAck
	}
	return m.reply.send(ctx, packet{kind: packetAck, id: m.reply.id, data: data}.text())
}

// eventText is the wire form of an event; id is -1 when no answer is wanted.
func eventText(id int64, name string, args []any) ([]byte, error) {
	if reservedEvent(name) {
		return nil, fmt.Errorf("%w: %q", errReservedName, name)
	}
	data, err := encodeArgs(append([]any{name}, args...))
	if err != nil {
		return nil, err
	}
	return packet{kind: packetEvent, id: id, data: data}.text(), nil
}

// assembler puts binary packets together from their head and the attachments
// that follow it. Its memory is bounded by limit bytes.
type assembler struct {
	limit   int64
	head    *packet
	parts   [][]byte
	size    int64
	waiting int
}

// received is a whole packet: its head, its attachments and its weight in
// bytes.
type received struct {
	packet
	parts [][]byte
	size  int64
}

// add takes the next Engine.IO message and returns a packet when it is whole.
func (a *assembler) add(p enginePacket) (received, bool, error) {
	if p.binary {
		return a.addPart(p.data)
	}
	if a.head != nil {
		return received{}, false, fmt.Errorf("%w: text where an attachment was due", ErrMalformed)
	}
	head, err := parsePacket(p.data)
	if err != nil {
		return received{}, false, err
	}
	size := int64(len(p.data))
	if head.attachments == 0 {
		return received{packet: head, size: size}, true, nil
	}
	a.head, a.waiting, a.size, a.parts = &head, head.attachments, size, nil
	return received{}, false, nil
}

func (a *assembler) addPart(data []byte) (received, bool, error) {
	if a.head == nil {
		return received{}, false, fmt.Errorf("%w: attachment without an event", ErrMalformed)
	}
	a.size += int64(len(data))
	if a.size > a.limit {
		return received{}, false, fmt.Errorf("%w: attachments over %d bytes", ErrMalformed, a.limit)
	}
	a.parts = append(a.parts, data)
	a.waiting--
	if a.waiting > 0 {
		return received{}, false, nil
	}
	whole := received{packet: *a.head, parts: a.parts, size: a.size}
	a.head, a.parts = nil, nil
	return whole, true, nil
}
