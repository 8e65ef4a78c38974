package store

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

const (
	jobQueued int32 = iota
	jobTaken
	jobDropped
)

// job is one write.
type job struct {
	// run may be called more than once, each time on a clean slate.
	run func(context.Context, *tx) error
	// arrival is set for deliveries.
	arrival *arrival
	// foresee says what run will ask and add, nil for nothing.
	foresee func(*foresight)
	size    int
	// within bounds the wait, 0 for without bound.
	within time.Duration
	state  atomic.Int32
	err    error
	done   chan struct{}
}

var errClosed = errors.New("the ledger is closed")

// doForeseen is do for a write that knows what it will ask.
func (db *database) doForeseen(ctx context.Context, what string, foresee func(*foresight), run func(context.Context, *tx) error) error {
	return db.await(ctx, what, &job{run: run, foresee: foresee, done: make(chan struct{})})
}

// do runs a write in a transaction of its own making within a shared commit. It
// returns when the write has been committed, or has not happened: once a job
// has been taken up, its end is awaited even if ctx ends.
func (db *database) do(ctx context.Context, what string, run func(context.Context, *tx) error) error {
	return db.await(ctx, what, &job{run: run, done: make(chan struct{})})
}

func (db *database) await(ctx context.Context, what string, j *job) error {
	var over <-chan time.Time
	if j.within > 0 {
		timer := time.NewTimer(j.within)
		defer timer.Stop()
		over = timer.C
	}
	err := db.submit(ctx, j, over)
	if err == nil {
		if err = j.wait(ctx, over); errors.Is(err, errDropped) {
			return cmp.Or(ctx.Err(), context.DeadlineExceeded)
		}
	}
	return db.kinded(what, err)
}

// errDropped says that a job was not run: nobody waited for it any more when its turn came.
var errDropped = errors.New("the wait is over")

// wait waits for a job's end, until ctx ends or over fires; a job that has been taken up by
// then is awaited for half of within longer, and without end where that is 0.
func (j *job) wait(ctx context.Context, over <-chan time.Time) error {
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
	case <-over:
	}
	if j.state.CompareAndSwap(jobQueued, jobDropped) {
		return errDropped
	}
	var late <-chan time.Time
	if j.within > 0 {
		timer := time.NewTimer(j.within / 2)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-j.done:
		return j.err
	case <-late:
		return errDropped
	}
}

func (db *database) submit(ctx context.Context, j *job, over <-chan time.Time) error {
	if db.engine.ReadOnly() {
		return &payment.Error{
			Kind: payment.KindInternal, Message: "the ledger was opened read-only",
			Hint: "open it for writing",
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return errClosed
	}
	db.writer.start(ctx)
	select {
	case db.writer.queue <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-over:
		return context.DeadlineExceeded
	}
}
