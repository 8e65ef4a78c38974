package replay

import (
	"container/heap"
	"context"
	"time"
)

// mostRecording bounds what a lane has sent and not yet recorded, the one under way among
// it: a run that is killed sends so much for each lane again when it is resumed. With two
// a lane goes on while an answer is recorded; more gain nothing.
const mostRecording = 2

// lane sends the deliveries of some payments one at a time. One that waits for its retry,
// or for its answer to be recorded, is put aside, and the later ones of its payment behind
// it; the lane goes on with the other payments. It is one goroutine's.
type lane struct {
	r  *run
	in chan *parcel
	// aside holds, by payment, what waits for the first of it; next has these
	// first ones but for those that are recorded, the earliest on top.
	aside map[string][]*parcel
	next  byTime
	// recorded is told of parcels whose last answer was recorded; recording counts those of
	// which it will be.
	recorder  *recorder
	recorded  chan recording
	recording int
}

func newLane(r *run, rec *recorder) *lane {
	return &lane{
		r: r, in: make(chan *parcel, laneRoom), aside: map[string][]*parcel{}, recorder: rec, recorded: make(chan recording, mostRecording),
	}
}

// work returns when nothing more comes in and nothing waits, or with ctx's error. Every
// answer that was seen is recorded then.
func (l *lane) work(ctx context.Context) error {
	err := l.send(ctx)
	for ; l.recording > 0; l.recording-- {
		if done := <-l.recorded; done.err == nil {
			l.r.end(done.p)
		} else if err == nil {
			err = done.err
		}
	}
	return err
}

func (l *lane) send(ctx context.Context) error {
	timer := time.NewTimer(longestWait)
	defer timer.Stop()
	in := l.in
	for in != nil || len(l.next) > 0 || l.recording > 0 {
		take, due := in, timer.C
		if len(l.next) > 0 {
			timer.Reset(time.Until(l.next[0].due))
		}
		if l.recording == mostRecording {
			take, due = nil, nil
		}
		var err error
		select {
		case p, more := <-take:
			if more {
				err = l.take(ctx, p)
			} else {
				in = nil
			}
		case <-due:
			if len(l.next) > 0 {
				err = l.goOn(ctx)
			}
		case done := <-l.recorded:
			err = l.goAfter(done)
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
	state, err := l.r.advance(ctx, p)
	if err != nil || state == parcelEnded {
		return err
	}
	l.aside[p.about] = nil
	if state == parcelAnswered {
		l.record(p)
	} else {
		heap.Push(&l.next, p)
	}
	return nil
}

func (l *lane) record(p *parcel) {
	l.recording++
	l.recorder.in <- recording{p: p, lane: l}
}

// goOn tries again the one that is due first.
func (l *lane) goOn(ctx context.Context) error {
	p := l.next[0]
	state, err := l.r.advance(ctx, p)
	if err != nil {
		return err
	}
	if state == parcelWaits {
		heap.Fix(&l.next, 0)
		return nil
	}
	heap.Pop(&l.next)
	if state == parcelAnswered {
		l.record(p)
	} else {
		l.pass(p)
	}
	return nil
}

// goAfter ends a parcel whose answer is recorded.
func (l *lane) goAfter(done recording) error {
	l.recording--
	if done.err != nil {
		return done.err
	}
	l.r.end(done.p)
	l.pass(done.p)
	return nil
}

// pass leaves a parcel behind: it is the turn of the next one of its payment.
func (l *lane) pass(p *parcel) {
	behind := l.aside[p.about]
	if len(behind) == 0 {
		delete(l.aside, p.about)
		return
	}
	next := behind[0]
	behind[0] = nil // its body is not kept by what remains
	l.aside[p.about] = behind[1:]
	next.due = l.r.turns.take(time.Now())
	heap.Push(&l.next, next)
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
