package store

import (
	"context"
	"errors"
	"sync/atomic"

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
	state   atomic.Int32
	err     error
	done    chan struct{}
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
	if err := db.submit(ctx, j); err != nil {
		return db.kinded(what, err)
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(jobQueued, jobDropped) {
			return ctx.Err()
		}
		<-j.done
	}
	return db.kinded(what, j.err)
}

func (db *database) submit(ctx context.Context, j *job) error {
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
	}
}
