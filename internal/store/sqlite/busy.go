package sqlite

import (
	"context"
	"errors"
	"time"
)

// waitBusy repeats what failed because another process held the ledger.
func (db *DB) waitBusy(ctx context.Context, do func(context.Context) error) error {
	wait := newBusyWait(db.busy)
	defer wait.stop()
	for {
		err := do(ctx)
		if err == nil || !isBusy(err) {
			return err
		}
		if !wait.next(ctx) {
			return errors.Join(ctx.Err(), err)
		}
	}
}

// busyWait paces tries at a ledger that others hold. SQLite's own handler
// sleeps up to 100 ms between tries, which starves a lone command beside two
// busy listeners; this one looks about every millisecond.
type busyWait struct {
	left  time.Duration
	pause time.Duration
	timer *time.Timer
}

const (
	busyFirstPause = 200 * time.Microsecond
	busyMostPause  = 1500 * time.Microsecond
)

func newBusyWait(most time.Duration) *busyWait {
	return &busyWait{left: most, pause: busyFirstPause}
}

// next waits before another try; false when time is up or ctx has ended.
func (b *busyWait) next(ctx context.Context) bool {
	if b.left <= 0 || ctx.Err() != nil {
		return false
	}
	if b.timer == nil {
		b.timer = time.NewTimer(b.pause)
	} else {
		b.timer.Reset(b.pause)
	}
	b.left -= b.pause
	b.pause = min(b.pause*5/4, busyMostPause)
	select {
	case <-b.timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (b *busyWait) stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
}
