package replay

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/payctl/payctl/internal/store"
)

// all hands deliveries to lanes, one of each payment at a time, so that their order is
// kept while payments run side by side.
func (r *run) all(ctx context.Context) error {
	rec := newRecorder(r.o.ledger, r.o.concurrency)
	var recording sync.WaitGroup
	always := context.WithoutCancel(ctx)
	recording.Go(func() { rec.work(always) })
	defer recording.Wait()
	defer close(rec.in)
	group, ctx := errgroup.WithContext(ctx)
	in := make(chan *parcel, r.o.concurrency)
	for range r.o.concurrency {
		l := newLane(r, in, rec)
		group.Go(func() error { return l.work(ctx) })
	}
	group.Go(func() error {
		defer close(in)
		return r.o.ledger.Each(ctx, r.o.filter, func(d store.StoredDelivery) error {
			return r.dispatch(ctx, in, d)
		})
	})
	return group.Wait()
}

func (r *run) dispatch(ctx context.Context, in chan<- *parcel, d store.StoredDelivery) error {
	if r.o.keep != nil {
		keep, err := r.o.keep(d)
		if err != nil || !keep {
			return err
		}
	}
	p := r.parcel(d)
	if len(p.open) == 0 {
		r.skip(p)
		return nil
	}
	if err := r.pace(ctx, d); err != nil {
		return err
	}
	if err := r.read.wait(ctx); err != nil {
		return err
	}
	r.read.add(p)
	if r.behind.wait(p) {
		return nil
	}
	select {
	case in <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *run) parcel(d store.StoredDelivery) *parcel {
	targets := r.o.targets
	if r.o.targetsOf != nil {
		targets = r.o.targetsOf(d)
	}
	p := &parcel{delivery: d, about: d.Subject}
	if len(r.before) == 0 {
		p.open = targets
		return p
	}
	for _, target := range targets {
		before := r.before[d.ID+" "+target]
		if !before.done(r.retry(d.Provider)) {
			p.open = append(p.open, target)
		} else if !before.ok {
			p.failed = true
		}
	}
	return p
}

// skip counts a delivery of which nothing is left to send.
func (r *run) skip(p *parcel) {
	r.skipped.Add(1)
	if p.failed {
		r.failed.Add(1)
	}
}

// behind holds, of each payment that a lane is at, what waits for its turn.
type behind struct {
	mu   sync.Mutex
	line map[string][]*parcel
}

// wait reports whether a parcel is to wait behind another of its payment.
func (b *behind) wait(p *parcel) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	waiting, is := b.line[p.about]
	if is {
		waiting = append(waiting, p)
	}
	b.line[p.about] = waiting
	return is
}

// pass returns the next one of a payment, nil if none waits.
func (b *behind) pass(about string) *parcel {
	b.mu.Lock()
	defer b.mu.Unlock()
	waiting := b.line[about]
	if len(waiting) == 0 {
		delete(b.line, about)
		return nil
	}
	next := waiting[0]
	waiting[0] = nil // its body is not kept by what remains
	b.line[about] = waiting[1:]
	return next
}
