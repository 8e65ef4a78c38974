package replay

import (
	"container/heap"
	"context"
	"time"
)

// lane sends the deliveries of some payments one at a time. One that waits for
// its retry is put aside, and the later ones of its payment behind it; the lane
// goes on with the other payments. It is one goroutine's.
type lane struct {
	r  *run
	in chan *parcel
	// aside holds, by payment, what waits for the first of it; next has these
	// first ones, the earliest on top.
	aside map[string][]*parcel
	next  byTime
}

func newLane(r *run) *lane {
	return &lane{r: r, in: make(chan *parcel, laneRoom), aside: map[string][]*parcel{}}
}

// work returns when nothing more comes in and nothing waits, or with ctx's error.
func (l *lane) work(ctx context.Context) error {
	timer := time.NewTimer(longestWait)
	defer timer.Stop()
	in := l.in
	for in != nil || len(l.next) > 0 {
		if len(l.next) > 0 {
			timer.Reset(time.Until(l.next[0].due))
		}
		var err error
		select {
		case p, more := <-in:
			if more {
				err = l.take(ctx, p)
			} else {
				in = nil
			}
		case <-timer.C:
			if len(l.next) > 0 {
				err = l.goOn(ctx)
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take sends a delivery that came in, unless an older one of its payment waits.
func (l *lane) take(ctx context.Context, p *parcel) error {
	if behind, waits := l.aside[p.about]; waits {
		l.aside[p.about] = append(behind, p)
		return nil
	}
	ended, err := l.r.advance(ctx, p)
	if err == nil && !ended {
		l.aside[p.about] = nil
		heap.Push(&l.next, p)
	}
	return err
}

// goOn tries again the one that is due first; at its end it is the turn of the
// next one of its payment.
func (l *lane) goOn(ctx context.Context) error {
	p := l.next[0]
	ended, err := l.r.advance(ctx, p)
	if err != nil {
		return err
	}
	if !ended {
		heap.Fix(&l.next, 0)
		return nil
	}
	behind := l.aside[p.about]
	if len(behind) == 0 {
		heap.Pop(&l.next)
		delete(l.aside, p.about)
		return nil
	}
	p = behind[0]
	behind[0] = nil // its body is not kept by what remains
	l.aside[p.about] = behind[1:]
	p.due = l.r.turns.take(time.Now())
	l.next[0] = p
	heap.Fix(&l.next, 0)
	return nil
}

// byTime is a heap of parcels, the one that is due first on top.
type byTime []*parcel

func (b byTime) Len() int           { return len(b) }
func (b byTime) Less(i, j int) bool { return b[i].due.Before(b[j].due) }
func (b byTime) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }

// Push implements heap.Interface.
func (b *byTime) Push(x any) {
	if p, ok := x.(*parcel); ok {
		*b = append(*b, p)
	}
}

// Pop implements heap.Interface.
func (b *byTime) Pop() any {
	last := len(*b) - 1
	p := (*b)[last]
	(*b)[last] = nil
	*b = (*b)[:last]
	return p
}
