package replay

import (
	"context"
	"hash/fnv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/payctl/payctl/internal/store"
)

// laneRoom is how many deliveries may wait in one lane, so that a slow payment
// does not hold up the reading for the others at once.
const laneRoom = 64

// parcel is a delivery and the targets that are still to answer; failed says
// that one of the others was given up.
type parcel struct {
	delivery store.StoredDelivery
	open     []string
	failed   bool
}

// all hands deliveries to lanes: deliveries of one payment go to one lane, so
// their order is kept while payments run side by side.
func (r *run) all(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	lanes := make([]chan parcel, r.o.Concurrency)
	for i := range lanes {
		lane := make(chan parcel, laneRoom)
		lanes[i] = lane
		group.Go(func() error {
			by := newSender(r.client, r.o.Timeout)
			defer by.close()
			for p := range lane {
				if err := r.deliver(ctx, by, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer func() {
			for _, lane := range lanes {
				close(lane)
			}
		}()
		return r.o.Ledger.EachDelivery(ctx, r.o.Filter, func(d store.StoredDelivery) error {
			return r.dispatch(ctx, lanes, d)
		})
	})
	return group.Wait()
}

func (r *run) dispatch(ctx context.Context, lanes []chan parcel, d store.StoredDelivery) error {
	if r.o.Keep != nil {
		keep, err := r.o.Keep(d)
		if err != nil || !keep {
			return err
		}
	}
	p := r.parcel(d)
	if len(p.open) == 0 {
		r.skipped.Add(1)
		if p.failed {
			r.failed.Add(1)
		}
		return nil
	}
	if err := r.pace(ctx, d); err != nil {
		return err
	}
	select {
	case lanes[lane(d, len(lanes))] <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *run) parcel(d store.StoredDelivery) parcel {
	targets := r.o.Targets
	if r.o.TargetsOf != nil {
		targets = r.o.TargetsOf(d)
	}
	p := parcel{delivery: d}
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

// lane is chosen by the payment that a delivery is about.
func lane(d store.StoredDelivery, n int) int {
	key := d.DepositID
	if key == "" && d.Event != nil {
		key = d.Event.ProviderID + d.Event.Receipt
	}
	if key == "" {
		key = d.ID
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return int(h.Sum32() % uint32(n))
}

// pace waits until the delivery's turn: its original distance from the first
// one, divided by Speed, and the distance that Rate asks for.
func (r *run) pace(ctx context.Context, d store.StoredDelivery) error {
	if r.o.Speed <= 0 && r.o.Rate <= 0 {
		return ctx.Err()
	}
	now := r.o.Now()
	if r.startedAt.IsZero() {
		r.firstAt, r.startedAt, r.nextStart = d.ReceivedAt, now, now
	}
	due := now
	if r.o.Speed > 0 {
		due = r.startedAt.Add(time.Duration(float64(d.ReceivedAt.Sub(r.firstAt)) / r.o.Speed))
	}
	if r.o.Rate > 0 {
		if due.Before(r.nextStart) {
			due = r.nextStart
		}
		r.nextStart = due.Add(time.Duration(float64(time.Second) / r.o.Rate))
	}
	return wait(ctx, due.Sub(now))
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
