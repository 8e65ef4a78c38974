package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestJobWithin holds how long a write is awaited: one whose turn has not come is dropped,
// so that it is not written after all; one that has begun gets half as long again, and what
// hangs even then is left.
func TestJobWithin(t *testing.T) {
	t.Parallel()
	const within = 2 * time.Second
	for name, c := range map[string]struct {
		// taken is when the job's turn comes, ends when it is done.
		taken, ends, returns time.Duration
		dropped              bool
	}{
		"in time":         {0, time.Second, time.Second, false},
		"never its turn":  {time.Hour, time.Hour, within, true},
		"late":            {time.Second, within + time.Second/2, within + time.Second/2, false},
		"begun and hangs": {time.Second, time.Hour, within + within/2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := &job{within: within, done: make(chan struct{})}
				var writer sync.WaitGroup
				defer writer.Wait()
				writer.Go(func() {
					time.Sleep(c.taken)
					if !j.state.CompareAndSwap(jobQueued, jobTaken) {
						return
					}
					time.Sleep(c.ends - c.taken)
					close(j.done)
				})
				start := time.Now()
				err := j.wait(t.Context(), time.After(within))
				if took := time.Since(start); took != c.returns || errors.Is(err, errDropped) != c.dropped {
					t.Errorf("returned %v after %v", err, took)
				}
			})
		})
	}
}

// TestJobWithoutBound holds that a write that has begun is awaited though its context ends.
func TestJobWithoutBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		j := &job{done: make(chan struct{})}
		j.state.Store(jobTaken)
		time.AfterFunc(time.Hour, func() { close(j.done) })
		if err := j.wait(ctx, nil); err != nil {
			t.Error(err)
		}
	})
}
