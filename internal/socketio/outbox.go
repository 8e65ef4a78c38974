package socketio

import (
	"context"
	"errors"
	"sync"
)

// Bounds of one connection's send queue. A packet larger than the byte bound
// is taken when it is alone.
const (
	outboxPackets = 4096
	outboxBytes   = 16 << 20
)

// outbox is the bounded queue between those who emit and the one who writes.
type outbox struct {
	mu    sync.Mutex
	texts [][]byte
	bytes int
	// pong is the heartbeat's answer that goes out next. One slot: a server
	// that pings in a flood must not fill the memory.
	pong   []byte
	closed bool
	// space is closed, and replaced, when packets are taken.
	space chan struct{}
	// wake holds one token when the writer should look again.
	wake chan struct{}
}

func newOutbox() *outbox {
	return &outbox{space: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// push queues packets in their text form, waiting for room. Without it the
// error is ctx's; after close it is [ErrNotConnected].
func (o *outbox) push(ctx context.Context, text []byte) error {
	for {
		space, err := o.offer(text)
		if err == nil {
			o.poke()
		}
		if !errors.Is(err, ErrQueueFull) {
			return err
		}
		select {
		case <-space:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// tryPush queues a packet or returns [ErrQueueFull] at once.
func (o *outbox) tryPush(text []byte) error {
	_, err := o.offer(text)
	if err == nil {
		o.poke()
	}
	return err
}

// offer queues a packet, and leaves it to poke that the writer hears of it.
func (o *outbox) offer(text []byte) (<-chan struct{}, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, ErrNotConnected
	}
	if n := len(o.texts); n >= outboxPackets || (n > 0 && o.bytes+len(text) > outboxBytes) {
		return o.space, ErrQueueFull
	}
	o.add(text)
	return nil, nil
}

// force queues a packet of the protocol's own, such as a ping, of which there
// are a few at a time at most: never refused for want of room.
func (o *outbox) force(text []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.add(text)
		o.poke()
	}
}

// answerPing puts the pong before everything else.
func (o *outbox) answerPing(text []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.pong = text
		o.poke()
	}
}

func (o *outbox) add(text []byte) {
	o.texts = append(o.texts, text)
	o.bytes += len(text)
}

// poke makes the writer look at the queue and at the connection's state again.
func (o *outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take removes packets whose joined size stays within limit, at least one if
// there is any.
func (o *outbox) take(limit int64) [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if pong := o.pong; pong != nil {
		o.pong = nil
		return [][]byte{pong}
	}
	n, size := 0, int64(0)
	for n < len(o.texts) {
		size += int64(len(o.texts[n]))
		if n > 0 && size+int64(n) > limit {
			break
		}
		n++
	}
	if n == 0 {
		return nil
	}
	batch := o.texts[:n:n]
	o.texts = o.texts[n:]
	if len(o.texts) == 0 {
		o.texts = nil
	}
	for _, text := range batch {
		o.bytes -= len(text)
	}
	close(o.space)
	o.space = make(chan struct{})
	return batch
}

// close refuses further packets; those queued can still be taken.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	close(o.space)
	o.space = make(chan struct{})
	o.poke()
}

// drained tells that nothing is left and nothing will come.
func (o *outbox) drained() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed && len(o.texts) == 0 && o.pong == nil
}
