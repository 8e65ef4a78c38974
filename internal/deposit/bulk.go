package deposit

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// Row is what became of one line of a plan.
type Row struct {
	Line    int
	Deposit payment.Deposit
	// Err is what asking, or waiting, came to; nil where it went well.
	Err error
}

// Bulk asks for many deposits.
type Bulk struct {
	// Ask asks for one, and follows it to its end where that is wanted.
	Ask func(ctx context.Context, intent payment.Deposit) (payment.Deposit, error)
	// Concurrency is how many are asked at once, at least 1.
	Concurrency int
}

const (
	// mostTries is how often a line is tried whose request was certainly not taken.
	mostTries = 6
	// leastPause and mostPause bound the wait before the next try.
	leastPause = time.Second
	mostPause  = time.Minute
)

// Run asks for every line, once each, and calls each from one goroutine at a time as
// they come to their end. A request that was certainly not taken, because of a rate
// limit or the network, is sent again later under its key. When ctx ends, lines that
// are under way are finished and the rest is left: the same plan run again goes on.
func (b *Bulk) Run(ctx context.Context, plan []Planned, each func(Row)) {
	var mu sync.Mutex
	var workers sync.WaitGroup
	lines := make(chan Planned)
	for range max(b.Concurrency, 1) {
		workers.Go(func() {
			for l := range lines {
				d, err := b.patiently(ctx, l.Intent)
				if ctx.Err() != nil && d.ID == "" {
					continue // nothing was recorded of it
				}
				mu.Lock()
				each(Row{Line: l.Line, Deposit: d, Err: err})
				mu.Unlock()
			}
		})
	}
	for _, l := range plan {
		select {
		case lines <- l:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(lines)
	workers.Wait()
}

// patiently asks until a request is taken or refused for good.
func (b *Bulk) patiently(ctx context.Context, intent payment.Deposit) (payment.Deposit, error) {
	pause := leastPause
	for try := 1; ; try++ {
		d, err := b.Ask(ctx, intent)
		var e *payment.Error
		again := errors.As(err, &e) && e.Kind == payment.KindUnavailable && e.Retryable && !d.Status.Stands() && !d.Status.Final()
		if !again || try == mostTries || ctx.Err() != nil {
			return d, err
		}
		wait := pause
		var limited interface{ RetryAfter() time.Duration }
		if errors.As(err, &limited) && limited.RetryAfter() > 0 {
			wait = min(limited.RetryAfter(), mostPause)
		}
		pause = min(2*pause, mostPause)
		if timing.Wait(ctx, wait) != nil {
			return d, err
		}
	}
}
