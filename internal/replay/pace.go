package replay

import (
	"context"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
)

// longestWait stands for every longer one, which a Duration may not hold.
const longestWait = 100 * 365 * 24 * time.Hour

// lasting is a wait of so many nanoseconds.
func lasting(ns float64) time.Duration {
	return time.Duration(max(0, min(ns, float64(longestWait))))
}

// pace waits until the delivery's turn: its original distance from the first
// one, divided by speed, and then the distance that rate asks for.
func (r *run) pace(ctx context.Context, d store.StoredDelivery) error {
	if r.o.speed > 0 {
		now := r.o.now()
		if r.startedAt.IsZero() {
			r.firstAt, r.startedAt = d.ReceivedAt, now
		}
		due := r.startedAt.Add(lasting(float64(d.ReceivedAt.Sub(r.firstAt)) / r.o.speed))
		if err := timing.Wait(ctx, due.Sub(now)); err != nil {
			return err
		}
	}
	if r.turns.gap <= 0 {
		return ctx.Err()
	}
	return timing.Wait(ctx, time.Until(r.turns.take(time.Now())))
}

// turns gives out the starts of deliveries, a gap apart; no gap is no limit.
type turns struct {
	gap  time.Duration
	mu   sync.Mutex
	next time.Time
}

func newTurns(rate float64) *turns {
	if rate <= 0 {
		return &turns{}
	}
	return &turns{gap: lasting(float64(time.Second) / rate)}
}

// take returns the first free start from now on, which is taken then.
func (t *turns) take(now time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.next) {
		now = t.next
	}
	t.next = now.Add(t.gap)
	return now
}
