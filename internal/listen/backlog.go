package listen

import (
	"context"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/store"
)

// Backlog is what waits in the ledger.
type Backlog struct {
	// Writes is how many writes wait for a commit.
	Writes int
	// ForwardsWaiting and ForwardsDead count the forward queue.
	ForwardsWaiting int
	ForwardsDead    int
	// OldestPending is when the oldest undecided deposit was made, zero if there is none.
	OldestPending time.Time
}

// How long a reading of the backlog holds, and how long it may take.
const (
	backlogFor  = 5 * time.Second
	backlogTime = 2 * time.Second
)

// backlogCache reads the backlog once for all gauges of a scrape.
type backlogCache struct {
	mu   sync.Mutex
	at   time.Time
	last Backlog
}

// refresh reads the backlog again when the last reading is old. One that fails
// leaves the last one.
func (c *backlogCache) refresh(ctx context.Context, read func(context.Context) (Backlog, error)) {
	if read == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < backlogFor {
		return
	}
	c.at = time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backlogTime)
	defer cancel()
	if b, err := read(ctx); err == nil {
		c.last = b
	}
}

func (c *backlogCache) get() Backlog {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// BacklogOf reads for the metrics what waits in the ledger.
func BacklogOf(ledger *store.Store) func(context.Context) (Backlog, error) {
	return func(ctx context.Context) (Backlog, error) {
		// Only the counts of today are read; the queue's lengths and the oldest
		// open deposit do not depend on the day.
		s, err := ledger.Stats(ctx, time.Now())
		return Backlog{
			Writes: ledger.Waiting(), ForwardsWaiting: int(s.Waiting), ForwardsDead: int(s.Dead), OldestPending: s.OldestOpen,
		}, err
	}
}
