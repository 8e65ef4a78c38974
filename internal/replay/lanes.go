package replay

import (
	"context"
	"hash/fnv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/payctl/payctl/internal/store"
)

// laneRoom is how many deliveries may wait in one lane, so that a slow payment
// does not hold up the reading for the others at once.
const laneRoom = 64

// all hands deliveries to lanes: deliveries of one payment go to one lane, so
// their order is kept while payments run side by side.
func (r *run) all(ctx context.Context) error {
	rec := newRecorder(r.o.ledger, r.o.concurrency)
	var recording sync.WaitGroup
	always := context.WithoutCancel(ctx)
	recording.Go(func() { rec.work(always) })
	defer recording.Wait()
	defer close(rec.in)
	group, ctx := errgroup.WithContext(ctx)
	lanes := make([]*lane, r.o.concurrency)
	for i := range lanes {
		lanes[i] = newLane(r, rec)
		group.Go(func() error { return lanes[i].work(ctx) })
	}
	group.Go(func() error {
		defer func() {
			for _, l := range lanes {
				close(l.in)
			}
		}()
		return r.o.ledger.Each(ctx, r.o.filter, func(d store.StoredDelivery) error {
			return r.dispatch(ctx, lanes, d)
		})
	})
	return group.Wait()
}

func (r *run) dispatch(ctx context.Context, lanes []*lane, d store.StoredDelivery) error {
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
	select {
	case lanes[laneOf(p.about, len(lanes))].in <- p:
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

// laneOf is chosen by the payment that a delivery is about.
func laneOf(about string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(about))
	return int(h.Sum32() % uint32(n))
}
