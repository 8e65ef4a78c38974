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

// lane sends deliveries one at a time, while others of their payments wait behind them.
// One that waits for its retry, or for its answer to be recorded, is put aside, and the
// lane goes on with other payments. It is one goroutine's.
type lane struct {
	r *run
	// in has what any lane may take.
	in <-chan *parcel
	// next has what waits for its time, the earliest on top.
	next byTime
	// recorded is told of parcels whose last answer was recorded; recording counts those of
	// which it will be.
	recorder  *recorder
	recorded  chan recording
	recording int
}

func newLane(r *run, in <-chan *parcel, rec *recorder) *lane {
	return &lane{r: r, in: in, recorder: rec, recorded: make(chan recording, mostRecording)}
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
	for l.in != nil || len(l.next) > 0 || l.recording > 0 {
		if err := l.step(ctx, timer); err != nil {
			return err
		}
	}
	return nil
}

// step does what is to be done next, waiting for it where nothing is.
func (l *lane) step(ctx context.Context, timer *time.Timer) error {
	take, due := l.in, timer.C
	switch {
	case l.recording == mostRecording:
		take, due = nil, nil
	case len(l.next) > 0:
		wait := time.Until(l.next[0].due)
		if wait <= 0 && len(l.recorded) == 0 {
			return l.goOn(ctx)
		}
		timer.Reset(wait)
	}
	select {
	case p, more := <-take:
		if more {
			return l.take(ctx, p)
		}
		l.in = nil
	case <-due:
		if len(l.next) > 0 {
			return l.goOn(ctx)
		}
	case done := <-l.recorded:
		return l.goAfter(done)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// take goes on with a parcel whose turn it is.
func (l *lane) take(ctx context.Context, p *parcel) error {
	state, err := l.r.advance(ctx, p)
	switch {
	case err != nil:
		return err
	case state == parcelWaits:
		heap.Push(&l.next, p)
	case state == parcelAnswered:
		l.recording++
		l.recorder.in <- recording{p: p, lane: l}
	default:
		l.pass(p)
	}
	return nil
}

// goOn takes the one that is due first.
func (l *lane) goOn(ctx context.Context) error {
	p, _ := heap.Pop(&l.next).(*parcel)
	return l.take(ctx, p)
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
	if next := l.r.behind.pass(p.about); next != nil {
		next.due = l.r.turns.take(time.Now())
		heap.Push(&l.next, next)
	}
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
