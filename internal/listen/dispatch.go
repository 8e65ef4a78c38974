package listen

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/store"
)

// mostReady is how many forwards to one target wait for a worker; more of them
// are put aside, so that a slow target does not hide what is due to others.
const mostReady = 64

// offer makes a forward ready, if it may be sent now.
func (f *forwarder) offer(w *waiting) {
	if w == nil || w.gone || w.busy || w.until.Before(f.s.now().Add(f.o.Timeout)) {
		return
	}
	t := f.target(w.forward.Target)
	if t.queued >= mostReady {
		t.aside = true
		return
	}
	t.queued++
	w.busy = true
	f.ready = append(f.ready, w)
}

func (f *forwarder) target(url string) *target {
	t := f.targets[url]
	if t == nil {
		t = &target{}
		f.targets[url] = t
	}
	return t
}

// The answers to whether a target may be given another delivery.
type grant uint8

const (
	granted grant = iota
	// laterOn is only a matter of a free worker.
	laterOn
	// refused is a target that is left alone for now.
	refused
)

func (f *forwarder) may(t *target, now time.Time) grant {
	switch {
	case t.failures > 0 && (t.running > 0 || now.Before(t.until)):
		return refused
	case t.failures > 0 || t.running < max(1, f.o.Workers/2):
		return granted
	}
	return laterOn
}

// dispatch hands ready forwards to workers. What its target cannot take now, or
// whose lease has become too short, comes back when the lease is over.
func (f *forwarder) dispatch(ctx context.Context) {
	kept := f.ready[:0]
	for i, w := range f.ready {
		if f.running >= f.o.Workers {
			kept = append(kept, f.ready[i:]...)
			break
		}
		now := f.s.now()
		t := f.target(w.forward.Target)
		may := f.may(t, now)
		switch {
		case w.until.Before(now.Add(f.o.Timeout)), may == refused:
			w.busy, t.aside = false, true
			t.queued--
		case may == laterOn:
			kept = append(kept, w)
		default:
			t.queued--
			t.running++
			f.running++
			go f.attempt(ctx, w)
		}
	}
	clear(f.ready[len(kept):])
	f.ready = kept
}

// settle takes a worker's result: what its target and its line do next.
func (f *forwarder) settle(r result) {
	f.running--
	now := f.s.now()
	t := f.target(r.item.forward.Target)
	t.running--
	r.item.busy = false
	if r.gone {
		f.finish(r.item)
		return
	}
	if r.behind {
		if again := r.item.renewed; again.ID != "" {
			r.item.forward, r.item.until, r.item.due = again, again.DueAt, again.DueAt
			r.item.renewed = store.Forward{}
		}
		r.item.askAgain = now.Add(f.o.FirstRetry)
		f.behind = append(f.behind, r.item)
		return
	}
	switch {
	case !isTargetDown(r.out):
		t.failures, t.until = 0, time.Time{}
	case !now.Before(t.until):
		t.failures++
		t.until = now.Add(f.o.pause(t.failures))
	}
	if r.next.Delivered || r.next.RetryAt.IsZero() {
		f.finish(r.item)
		return
	}
	if isRefusal(r.out) {
		r.item.refusals++
	}
	again := r.item.renewed
	r.item.renewed = store.Forward{}
	if again.Attempts > r.item.forward.Attempts {
		// The queue was faster than this result: the retry is ours already.
		r.item.forward, r.item.until, r.item.due = again, again.DueAt, again.DueAt
		f.offer(f.order.head(r.item.line))
		return
	}
	r.item.due, r.item.until = r.next.RetryAt, time.Time{}
}

// finish forgets a forward that waits for nothing more, and offers the next of
// its line.
func (f *forwarder) finish(w *waiting) {
	w.gone = true
	f.order.remove(w.forward)
	f.offer(f.order.head(w.line))
}

// catchUp offers again what was behind; it returns when to look at the next one.
func (f *forwarder) catchUp(nap time.Duration) time.Duration {
	now := f.s.now()
	kept := f.behind[:0]
	for _, w := range f.behind {
		switch {
		case w.gone: // it went out as the head of its line meanwhile
		case now.Before(w.askAgain):
			kept = append(kept, w)
			nap = min(nap, w.askAgain.Sub(now))
		case w.loose, f.order.head(w.line) == w:
			f.offer(w)
		}
	}
	clear(f.behind[len(kept):])
	f.behind = kept
	return nap
}

// revive makes ready what was put aside for a target that may be tried again
// and is still ours; it returns when to look at the next one.
func (f *forwarder) revive(nap time.Duration) time.Duration {
	now := f.s.now()
	for url, t := range f.targets {
		switch {
		case t.running > 0 && t.failures > 0:
		case now.Before(t.until):
			nap = min(nap, t.until.Sub(now))
		case t.aside && t.queued < mostReady/2:
			t.aside = false
			for _, w := range f.order.heads(url) {
				f.offer(w)
			}
		}
	}
	return nap
}
