package engine

import (
	"context"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxSenders  = 48 // callbacks under way at once
	maxPerHost  = 16 // of them to one host, so that a slow target does not hold up the others
	maxAnswer   = 64 << 10
	maxWaiting  = 100_000         // callbacks that no worker has taken; a target that hangs would fill the memory with them
	maxRetrying = 50_000          // deliveries that wait to be sent again
	ackPatience = 5 * time.Second // reference/daraja.md §4.3
	// CheckPatience is how long a validation URL may take (reference/daraja.md §10.1).
	CheckPatience = 8 * time.Second
	retryPause    = 2 * time.Second
)

// Delivery is one callback to send.
type Delivery struct {
	Provider string
	Class    string // stk, result, …
	Subject  string // id of the payment
	URL      string
	Header   http.Header
	Body     []byte
	Patience time.Duration // for the answer; 0 is ackPatience
	Copies   int           // how often it is sent in a row; 0 is once
	Retries  int           // how often it may be sent again after a failure
	// Pauses are those before the retries, one each; none means retryPause before every one.
	Pauses     []time.Duration
	AnySuccess bool      // any 2xx acknowledges; otherwise only 200 does
	Note       string    // a behaviour that interferes, for the log
	Behind     *Delivery // overtaken by this one: sent right after it
	// Then is told the answer: status 0 when there was none. It runs without locks held. It may be nil.
	Then func(status int, answer []byte)
}

// sender sends deliveries: first come first served for each host, hosts in turn, at most maxSenders at once. Its
// goroutines exist only while there is something to send.
type sender struct {
	e      *Engine
	client *http.Client
	Base   func() context.Context // ends when close runs out of patience
	cancel context.CancelFunc

	waiting atomic.Int64 // deliveries that no worker has taken

	mu     sync.Mutex
	queues map[string]*hostQueue
	turn   []string // hosts with waiting deliveries, next one first
	active int
	closed bool
	wg     sync.WaitGroup
}

type hostQueue struct {
	waiting []*Delivery
	active  int
}

func newSender(e *Engine, client *http.Client) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sender{e: e, cancel: cancel, Base: func() context.Context { return ctx }, queues: map[string]*hostQueue{}}
	s.client = s.newClient(client)
	return s
}

// Send queues d, or on a virtual clock delivers it before returning, so that one step of the clock is one story.
func (s *sender) Send(d *Delivery) {
	if s.e.Clock.Virtual {
		s.Deliver(d)
		return
	}
	if s.waiting.Load() >= maxWaiting {
		s.e.Journal.Add(s.unsent(d, "not sent: too many callbacks wait already, their targets are too slow"))
		if d.Then != nil {
			d.Then(0, nil)
		}
		return
	}
	s.queue(d)
}

func (s *sender) queue(d *Delivery) {
	host := d.URL
	if u, err := url.Parse(d.URL); err == nil {
		host = u.Host
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	q := s.queues[host]
	if q == nil {
		q = &hostQueue{}
		s.queues[host] = q
	}
	if len(q.waiting) == 0 {
		s.turn = append(s.turn, host)
	}
	q.waiting = append(q.waiting, d)
	s.waiting.Add(1)
	if s.active < maxSenders && q.active < maxPerHost {
		s.active++
		s.wg.Go(s.work)
	}
}

// work sends until nothing is left that this worker may take.
func (s *sender) work() {
	for {
		host, d := s.take()
		if d == nil {
			return
		}
		s.Deliver(d)
		s.mu.Lock()
		if q := s.queues[host]; q != nil {
			if q.active--; q.active == 0 && len(q.waiting) == 0 {
				delete(s.queues, host)
			}
		}
		s.mu.Unlock()
	}
}

// take picks the next delivery in turn, or gives this worker up.
func (s *sender) take() (string, *Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.turn {
		host := s.turn[i]
		q := s.queues[host]
		if q.active >= maxPerHost {
			continue
		}
		d := q.waiting[0]
		q.waiting[0] = nil
		q.waiting = q.waiting[1:]
		s.waiting.Add(-1)
		q.active++
		s.turn = append(s.turn[:i], s.turn[i+1:]...)
		if len(q.waiting) > 0 {
			s.turn = append(s.turn, host)
		}
		return host, d
	}
	s.active--
	return "", nil
}

// What is no reason for concern yet.
const (
	easeBacklog  = 64                     // callbacks that wait
	easeOverdue  = 20 * time.Millisecond  // how late the clock is
	easeUnlogged = 64                     // exchanges that the log has not taken
	easeTurn     = 500 * time.Microsecond // how long a goroutine waits for its turn,
	easeSoon     = 200 * time.Millisecond // and how soon something is due that would have to
	easeStep     = 2 * time.Millisecond
	easeSteps    = 50
)

// Ease holds the answer of a request that will cause another callback while callbacks, the log or those who are ready to
// run are behind, a tenth of a second at most: all share the processors, and requests alone would take them.
func (e *Engine) Ease(ctx context.Context) {
	if e.Clock.Virtual {
		return
	}
	for range easeSteps {
		late := e.Clock.overdue()
		if e.Sender.waiting.Load() < easeBacklog && late < easeOverdue && e.Journal.behind() < easeUnlogged && (late < -easeSoon || turn() < easeTurn) {
			return
		}
		step := time.NewTimer(easeStep)
		select {
		case <-step.C:
		case <-ctx.Done():
		case <-e.done:
		}
		step.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// turn goes behind all who are ready to run, and returns how long they took.
func turn() time.Duration {
	begun := time.Now()
	runtime.Gosched()
	return time.Since(begun)
}

// Backlog is how many callbacks no worker has taken.
func (s *sender) Backlog() int64 { return s.waiting.Load() }

// reset drops what waits.
func (s *sender) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
}

func (s *sender) drop() {
	for host, q := range s.queues {
		s.waiting.Add(-int64(len(q.waiting)))
		q.waiting = nil
		if q.active == 0 {
			delete(s.queues, host)
		}
	}
	s.turn = nil
}

// Close drops what waits and waits for what is under way; when ctx ends that is cut.
func (s *sender) Close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	s.drop()
	s.mu.Unlock()
	stop := context.AfterFunc(ctx, s.cancel)
	s.wg.Wait()
	stop()
	s.cancel()
	s.client.CloseIdleConnections()
}
