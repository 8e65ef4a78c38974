package listen

import (
	"context"
	"log/slog"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/store"
)

// lease is a forward that is this listener's until its end.
type lease struct {
	store.Forward
	until time.Time
}

// target is what is known of a URL. A target that fails as a whole is left
// alone for a while, and then tried with one delivery.
type target struct {
	// ready are leased and wait for a worker.
	ready    []lease
	running  int
	failures int
	until    time.Time
}

// result is what a worker brings back.
type result struct {
	lease
	// sent says that the target was asked; answer is then what it said.
	sent   bool
	answer deliver.Answer
}

func (f *forwarder) target(url string) *target {
	t := f.targets[url]
	if t == nil {
		t = &target{}
		f.targets[url] = t
	}
	return t
}

// room is how many deliveries a target may be given now; if none, nap is when to look
// again, unless that is when a worker comes back.
func (f *forwarder) room(t *target, now time.Time) (n int, nap time.Duration) {
	switch {
	case t.failures > 0 && t.running > 0:
		return 0, longestNap
	case t.failures > 0 && now.Before(t.until):
		return 0, t.until.Sub(now)
	case t.failures > 0:
		return min(1, f.o.Workers-f.running), longestNap
	}
	return min(f.share()-t.running, f.o.Workers-f.running), longestNap
}

// share is how many workers one target may have.
func (f *forwarder) share() int { return max(1, f.o.Workers/2) }

// dispatch hands what is due to workers; it returns when to look again.
func (f *forwarder) dispatch(ctx, attempts context.Context) time.Duration {
	nap := longestNap
	for _, t := range f.targets {
		if n, _ := f.room(t, time.Now()); n > 0 {
			f.start(attempts, t, n)
		}
	}
	if f.running >= f.o.Workers {
		return nap
	}
	due, err := f.s.o.Ledger.Forwards.Due(ctx)
	if err != nil {
		return f.unread(ctx, err)
	}
	for _, d := range due {
		t, now := f.target(d.Target), time.Now()
		n, again := f.room(t, now)
		if n <= 0 {
			nap = min(nap, again)
			continue
		}
		if wait := d.At.Sub(f.s.now()); wait > 0 {
			nap = min(nap, wait)
			continue
		}
		leased, err := f.leaseFor(ctx, d.Target, t, n)
		if err != nil {
			return f.unread(ctx, err)
		}
		f.start(attempts, t, n)
		if leased < n { // what is due next is known only now
			nap = time.Millisecond
		}
	}
	f.read()
	return max(nap, time.Millisecond)
}

// unread says once that the queue cannot be read; read, that it can be again.
func (f *forwarder) unread(ctx context.Context, err error) time.Duration {
	if ctx.Err() == nil && f.unreadSince.IsZero() {
		f.unreadSince = time.Now()
		f.s.log.Warn("the forward queue could not be read", slog.Any("error", err))
	}
	return f.o.FirstRetry
}

func (f *forwarder) read() {
	if !f.unreadSince.IsZero() {
		f.s.log.Info("the forward queue can be read again", "after", time.Since(f.unreadSince).Round(time.Millisecond))
		f.unreadSince = time.Time{}
	}
}

// leaseFor leases what n workers can send to a target, and, if it is well, some more:
// a write for each delivery would halve the pace.
func (f *forwarder) leaseFor(ctx context.Context, url string, t *target, n int) (int, error) {
	if t.failures == 0 {
		n += 3 * f.share()
	}
	until := time.Now().Add(f.lease())
	got, err := f.s.o.Ledger.Forwards.Lease(ctx, url, n, f.lease())
	for _, w := range got {
		t.ready = append(t.ready, lease{w, until})
	}
	f.held.Add(int64(len(got)))
	return len(got), err
}

// start gives a target's ready forwards to at most n workers.
func (f *forwarder) start(attempts context.Context, t *target, n int) {
	for ; n > 0 && len(t.ready) > 0; n-- {
		l := t.ready[0]
		t.ready = t.ready[1:]
		t.running++
		f.running++
		go f.attempt(attempts, l)
	}
}

// settle takes a worker's result: whether its target is well. What is ready for one
// that is not goes back, since it may be long until its turn.
func (f *forwarder) settle(ctx context.Context, r result) {
	f.running--
	t := f.target(r.Target)
	t.running--
	now := time.Now()
	switch {
	case !r.sent:
	case !isTargetDown(r.answer):
		t.failures, t.until = 0, time.Time{}
	case !now.Before(t.until):
		t.failures++
		t.until = now.Add(f.o.pause(t.failures))
		f.release(ctx, t.ready...)
		t.ready = nil
	}
}
