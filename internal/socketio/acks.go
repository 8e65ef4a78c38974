package socketio

import (
	"context"
	"encoding/json"
	"sync"
)

// ackTable matches the answers that come in to those who wait for them.
type ackTable struct {
	mu      sync.Mutex
	next    int64
	waiting map[int64]chan []json.RawMessage
}

// reserve gives an id and the channel on which its answer will come.
func (t *ackTable) reserve() (int64, <-chan []json.RawMessage, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) >= maxPendingAcks {
		return 0, nil, errTooManyAcks
	}
	if t.waiting == nil {
		t.waiting = make(map[int64]chan []json.RawMessage)
	}
	id, answer := t.next, make(chan []json.RawMessage, 1)
	t.next++
	t.waiting[id] = answer
	return id, answer, nil
}

// resolve hands an answer over. Answers nobody waits for are dropped.
func (t *ackTable) resolve(id int64, args []json.RawMessage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if answer, ok := t.waiting[id]; ok {
		delete(t.waiting, id)
		answer <- args
	}
}

func (t *ackTable) forget(id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, id)
}

// ackCall is an event on its way that wants an answer.
type ackCall struct {
	table *ackTable
	push  func(ctx context.Context, text []byte) error
	// gone is closed when the connection ends.
	gone <-chan struct{}
}

// do sends the event and waits for its answer, ctx or the connection's end.
func (c ackCall) do(ctx context.Context, name string, args []any) ([]json.RawMessage, error) {
	id, answer, err := c.table.reserve()
	if err != nil {
		return nil, err
	}
	defer c.table.forget(id)
	text, err := eventText(id, name, args)
	if err != nil {
		return nil, err
	}
	if err := c.push(ctx, text); err != nil {
		return nil, err
	}
	select {
	case got := <-answer:
		return got, nil
	case <-c.gone:
		return nil, ErrDisconnected
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
