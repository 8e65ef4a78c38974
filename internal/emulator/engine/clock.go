package engine

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// Clock modes.
const (
	ClockReal    = "real"
	ClockVirtual = "virtual"
)

// maxAdvance bounds one step of the virtual clock: more is a typing error, and would run every retry of a lifetime.
const maxAdvance = 366 * 24 * time.Hour

// What stands against advancing a clock.
var (
	ErrClockReal = errors.New("the clock is real and moves by itself: start the emulator with a virtual clock to advance it")
	ErrClockBusy = errors.New("the clock is being advanced already: wait for that step to end")
)

// clock returns the time and runs what is due, in order of time and then of scheduling. A real clock is driven by
// loop, a virtual one only by advance, on the caller's goroutine, so that one step is fully done when it returns.
type clock struct {
	Virtual bool
	read    func() time.Time // what goes into records
	begin   time.Time        // the events' zero: monotonic for a real clock

	mu    sync.Mutex
	shift time.Duration // how far a virtual clock has been advanced since begin
	queue eventQueue
	seq   uint64
	wake  chan struct{}
	// forgot is closed, and replaced, when the queue is cleared.
	forgot chan struct{}

	stepping sync.Mutex // held by the one running advance
}

type event struct {
	due time.Duration // since clock.begin
	seq uint64
	run func()
}

// newClock makes a clock of the given mode. A virtual clock without now starts on 2 January 2026, 03:04:05 in Nairobi.
func newClock(mode string, now func() time.Time) (*clock, error) {
	c := &clock{read: now, wake: make(chan struct{}, 1), forgot: make(chan struct{})}
	switch mode {
	case "", ClockReal:
		if now == nil {
			c.read = time.Now
		}
		c.begin = time.Now()
	case ClockVirtual:
		c.Virtual = true
		c.begin = time.Date(2026, time.January, 2, 0, 4, 5, 0, time.UTC)
		if now != nil {
			c.begin = now().UTC().Round(0)
		}
	default:
		return nil, fmt.Errorf("clock %q is unknown: use real or virtual", mode)
	}
	return c, nil
}

func (c *clock) now() time.Time {
	if !c.Virtual {
		return c.read()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.begin.Add(c.shift)
}

// elapsed is the events' time; the caller holds mu.
func (c *clock) elapsed() time.Duration {
	if c.Virtual {
		return c.shift
	}
	return time.Since(c.begin)
}

// After runs f once d has passed. f must not block on a real clock: it shares one goroutine with all others.
func (c *clock) After(d time.Duration, f func()) {
	c.mu.Lock()
	c.seq++
	heap.Push(&c.queue, event{due: c.elapsed() + max(d, 0), seq: c.seq, run: f})
	first := c.queue[0].seq == c.seq
	c.mu.Unlock()
	if first && !c.Virtual {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// next pops the first event due by limit, moving a virtual clock to it.
func (c *clock) next(limit time.Duration) (event, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 || c.queue[0].due > limit {
		return event{}, false
	}
	ev, ok := heap.Pop(&c.queue).(event)
	if c.Virtual {
		c.shift = max(c.shift, ev.due)
	}
	return ev, ok
}

// loop drives a real clock until done is closed.
func (c *clock) loop(done <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		for !over(done) { // or events that keep coming would keep the emulator from stopping
			ev, ok := c.next(time.Since(c.begin))
			if !ok {
				break
			}
			ev.run()
		}
		timer.Reset(c.untilNext())
		select {
		case <-done:
			return
		case <-c.wake:
		case <-timer.C:
		}
	}
}

func over(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func (c *clock) untilNext() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return time.Hour
	}
	return max(c.queue[0].due-c.elapsed(), 0)
}

// Advance moves a virtual clock by d, running everything that becomes due on the way, what is scheduled by those
// events included. It returns how many events ran.
func (c *clock) Advance(d time.Duration) (int, error) {
	if !c.Virtual {
		return 0, ErrClockReal
	}
	if d < 0 || d > maxAdvance {
		return 0, fmt.Errorf("advance %s is out of range: give a duration from 0s to %s", d, maxAdvance)
	}
	if !c.stepping.TryLock() {
		return 0, ErrClockBusy
	}
	defer c.stepping.Unlock()
	c.mu.Lock()
	limit := c.shift + d
	c.mu.Unlock()
	ran := 0
	for {
		ev, ok := c.next(limit)
		if !ok {
			break
		}
		ev.run()
		ran++
	}
	c.mu.Lock()
	c.shift = max(c.shift, limit)
	c.mu.Unlock()
	return ran, nil
}

// overdue returns how long the first event should have run already; it is negative for one that is to come.
func (c *clock) overdue() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return math.MinInt64
	}
	return c.elapsed() - c.queue[0].due
}

// Pending returns how many events wait and how far the first one is.
func (c *clock) Pending() (int, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return 0, 0
	}
	return len(c.queue), max(c.queue[0].due-c.elapsed(), 0)
}

// clear forgets everything that was scheduled, and wakes those who sleep.
func (c *clock) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = nil
	close(c.forgot)
	c.forgot = make(chan struct{})
}

// Restore puts a virtual clock at a saved time, never backwards.
func (c *clock) Restore(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Virtual {
		c.shift = max(c.shift, at.Sub(c.begin))
	}
}

type eventQueue []event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	return q[i].due < q[j].due || q[i].due == q[j].due && q[i].seq < q[j].seq
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is heap.Interface's.
func (q *eventQueue) Push(x any) {
	if ev, ok := x.(event); ok {
		*q = append(*q, ev)
	}
}

// Pop is heap.Interface's.
func (q *eventQueue) Pop() any {
	last := len(*q) - 1
	ev := (*q)[last]
	(*q)[last] = event{}
	*q = (*q)[:last]
	return ev
}

// sleep waits for d on this clock, until ctx ends, done is closed or the clock is cleared. On a virtual clock that takes
// an advance, which goes on only when the sleeper has closed the returned channel, so that one thing happens after the
// other.
func (c *clock) sleep(ctx context.Context, done <-chan struct{}, d time.Duration) chan struct{} {
	c.mu.Lock()
	forgot := c.forgot
	c.mu.Unlock()
	passed, slept := make(chan struct{}), make(chan struct{})
	c.After(d, func() {
		close(passed)
		if c.Virtual {
			select {
			case <-slept:
			case <-done:
			}
		}
	})
	select {
	case <-passed:
	case <-forgot:
	case <-ctx.Done():
	case <-done:
	}
	return slept
}
