package store

import (
	"context"
	"sync"
)

// changes tells watchers that something has been committed: by this process at
// once, by others when the engine notices. Nobody looks while nobody watches.
type changes struct {
	db *database

	mu       sync.Mutex
	watchers map[chan struct{}]struct{}
	stop     context.CancelFunc
	wg       sync.WaitGroup
	closed   bool
}

func newChanges(db *database) *changes {
	return &changes{db: db, watchers: map[chan struct{}]struct{}{}}
}

// Changes returns a channel that receives after every commit to the ledger, by
// whatever process; commits that come close together may be one. A first value
// is waiting, so that a caller who reads upon each value misses nothing. The
// channel is closed when ctx ends or the ledger is closed.
func (s *Store) Changes(ctx context.Context) <-chan struct{} { return s.changes.join(ctx) }

// Changes is that of the whole ledger.
func (h *Deposits) Changes(ctx context.Context) <-chan struct{} { return h.changes.join(ctx) }

// Changes is that of the whole ledger.
func (h *Queries) Changes(ctx context.Context) <-chan struct{} { return h.changes.join(ctx) }

func (c *changes) join(ctx context.Context) <-chan struct{} {
	ch := make(chan struct{}, 1)
	ch <- struct{}{}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || ctx.Err() != nil {
		close(ch)
		return ch
	}
	c.watchers[ch] = struct{}{}
	if c.stop == nil {
		look, stop := context.WithCancel(context.WithoutCancel(ctx))
		c.stop = stop
		c.wg.Go(func() { c.db.engine.Watch(look, c.announce) })
	}
	context.AfterFunc(ctx, func() { c.leave(ch) })
	return ch
}

func (c *changes) leave(ch chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.watchers[ch]; !ok {
		return
	}
	delete(c.watchers, ch)
	close(ch)
	if len(c.watchers) == 0 {
		c.stop()
		c.stop = nil
	}
}

func (c *changes) announce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ch := range c.watchers {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

func (c *changes) close() {
	c.mu.Lock()
	c.closed = true
	for ch := range c.watchers {
		delete(c.watchers, ch)
		close(ch)
	}
	if c.stop != nil {
		c.stop()
		c.stop = nil
	}
	c.mu.Unlock()
	c.wg.Wait()
}
