package listen

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// Sender posts deliveries to apps; a *deliver.Sender is one. No attempt may take
// longer than Forward.Timeout.
type Sender interface {
	Post(ctx context.Context, r deliver.Request) deliver.Answer
}

// MostWorkers is how many attempts run at once unless Forward says otherwise.
const MostWorkers = 8

// Forward says where deliveries are sent on to, and how hard. Zero durations
// and counts take the defaults.
type Forward struct {
	Rules []Rule
	// Sender posts. With it, what an earlier run left in the queue is sent too,
	// whatever the rules are now. It is required when there are rules.
	Sender Sender
	// Workers is how many attempts run at once: 8. One target gets half of them
	// at most.
	Workers int
	// Timeout is what the sender gives one attempt: 10 s.
	Timeout time.Duration
	// FirstRetry is the pause after the first failure: 1 s. It doubles up to
	// LongestRetry, half an hour.
	FirstRetry   time.Duration
	LongestRetry time.Duration
	// Attempts is how often a delivery is tried before it is dead: 16, about three hours.
	// One that the target refuses is dead after three refusals.
	Attempts int
}

func (o Forward) withDefaults() Forward {
	o.Workers = max(2, or(o.Workers, MostWorkers))
	o.Timeout = or(o.Timeout, 10*time.Second)
	o.FirstRetry = or(o.FirstRetry, time.Second)
	o.LongestRetry = or(o.LongestRetry, 30*time.Minute)
	o.Attempts = or(o.Attempts, 16)
	return o
}

// pause is how long to wait after the nth failure, with some jitter, so that
// what failed together does not come back together.
func (o Forward) pause(n int) time.Duration {
	d := o.FirstRetry
	for range min(n-1, 40) {
		if d >= o.LongestRetry {
			break
		}
		d *= 2
	}
	d = min(d, o.LongestRetry)
	return d - time.Duration(rand.Int64N(int64(d)/5+1)) //nolint:gosec // jitter, not a secret
}

// forwarder sends what the ledger's queue holds. One goroutine owns what
// changes, apart from the channels; workers only make attempts.
type forwarder struct {
	s       *Server
	o       Forward
	sender  Sender
	looped  sync.Once
	woken   chan struct{}
	results chan result

	order   *order
	targets map[string]*target
	ready   []*waiting
	running int
	// behind wait for what another listener on the ledger has.
	behind []*waiting
	// unplaced were leased while the listener was being stopped.
	unplaced []store.Forward
	// reconciled is when the order was last held against the ledger.
	reconciled time.Time
	// held is how many forwards are remembered, for the metrics.
	held atomic.Int64
}

// target is what is known of a URL. A target that fails as a whole is left
// alone for a while, and then tried with one delivery.
type target struct {
	running  int
	queued   int
	failures int
	until    time.Time
	// aside says that deliveries were put aside for it.
	aside bool
}

// result is what a worker brings back.
type result struct {
	item *waiting
	out  deliver.Answer
	next store.Outcome
	// behind says that nothing was sent: an older one of its line, of which this
	// listener does not know, has to go first.
	behind bool
	// gone says that nothing was sent: it was settled by somebody else.
	gone bool
}

func newForwarder(s *Server) (*forwarder, error) {
	f := &forwarder{
		s: s, o: s.o.Forward.withDefaults(), woken: make(chan struct{}, 1),
		order: newOrder(), targets: map[string]*target{},
	}
	f.results = make(chan result, f.o.Workers)
	if f.o.Sender == nil {
		if len(f.o.Rules) > 0 {
			return nil, payment.Usage("forward: needs a sender", "set Forward.Sender")
		}
		return f, nil
	}
	f.sender = f.o.Sender
	return f, nil
}

// urls lists where a delivery goes. What carries no proof where one is due, or
// is not what the provider sends, goes nowhere: forwarding would lend it
// payctl's word. What the ledger only does not know goes, and says so: the push
// may be the target's own. What a payctl has forwarded already goes no further:
// a target that is this listener, or leads back to it, would get it for ever.
func (f *forwarder) urls(i payment.Inspection, d payment.Delivery) []string {
	if len(f.o.Rules) == 0 || i.Verdict != payment.VerdictValid && i.Verdict != payment.VerdictUnsigned {
		return nil
	}
	event := ""
	if i.Event != nil {
		event = i.Event.Name
	}
	var out []string
	for _, rule := range f.o.Rules {
		if rule.matches(d.Provider, event) && !slices.Contains(out, rule.URL) {
			out = append(out, rule.URL)
		}
	}
	if len(out) > 0 && d.Header.Get(headerDelivery) != "" {
		f.looped.Do(func() {
			f.s.log.Warn("a delivery that payctl has forwarded before is not forwarded again; does a target lead back here?", "peer", d.Peer)
		})
		return nil
	}
	return out
}

// wake has the queue looked at now.
func (f *forwarder) wake() {
	select {
	case f.woken <- struct{}{}:
	default:
	}
}

// lease is for how long a forward is ours: long enough to wait for a worker and
// make an attempt. A forward that is put aside comes back when it is over.
func (f *forwarder) lease() time.Duration { return 3 * f.o.Timeout }

// longestNap bounds how long the queue goes unlooked at: other processes may
// have put something there.
const longestNap = time.Minute

// stopGrace is what attempts under way get when the listener stops.
const stopGrace = 1500 * time.Millisecond

// run works until ctx ends, and then waits for its workers.
func (f *forwarder) run(ctx context.Context) {
	if f.sender == nil {
		<-ctx.Done()
		return
	}
	attempts, stopAttempts := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAttempts()
	f.remember(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			grace := time.AfterFunc(stopGrace, stopAttempts)
			defer grace.Stop()
			for ; f.running > 0; f.running-- {
				<-f.results
			}
			f.release(ctx)
			return
		case <-f.woken:
		case <-timer.C:
		case r := <-f.results:
			f.settle(r)
		}
		timer.Reset(f.catchUp(f.revive(f.fill(ctx))))
		f.dispatch(attempts)
		f.held.Store(int64(len(f.order.where)))
	}
}

// mostReleased is how many leases are given back in one write.
const mostReleased = 1000

// release gives back the leases that are still held, so that the next start
// need not sit them out.
func (f *forwarder) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
	defer cancel()
	held := f.unplaced
	for _, w := range f.ready {
		if w.loose {
			held = append(held, w.forward)
		}
	}
	for _, w := range f.order.where {
		if w.until.After(f.s.now()) {
			held = append(held, w.forward)
		}
		if w.renewed.ID != "" {
			held = append(held, w.renewed)
		}
	}
	for some := range slices.Chunk(held, mostReleased) {
		if err := f.s.o.Ledger.Forwards.Release(ctx, some...); err != nil {
			f.s.log.Warn("leases on the forward queue could not be given back; they run out by themselves", slog.Any("error", err))
			return
		}
	}
}

// remember learns the order of what earlier runs left.
func (f *forwarder) remember(ctx context.Context) {
	left, err := f.s.o.Ledger.Forwards.List(ctx, store.ForwardWaiting, mostRemembered)
	if err != nil {
		f.s.log.Warn("the forward queue could not be read", slog.Any("error", err))
		return
	}
	slices.SortStableFunc(left, func(a, b store.Forward) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, l := range left {
		if ctx.Err() != nil {
			return
		}
		if d, err := f.s.o.Ledger.Deliveries.Get(ctx, l.DeliveryID); err == nil {
			f.order.place(l, line{target: l.Target, about: d.About()}, time.Time{})
		}
	}
}

// pageSize is how many forwards are leased at once, and mostPages how often in
// one go, so that results are not kept waiting while the queue is full of what
// cannot be sent now.
const (
	pageSize  = 64
	mostPages = 16
)

// fill leases what is due and lines it up; it returns when to look again.
func (f *forwarder) fill(ctx context.Context) time.Duration {
	for range mostPages {
		due, next, err := f.s.o.Ledger.Forwards.Lease(ctx, pageSize, f.lease())
		if err != nil {
			if ctx.Err() == nil {
				f.s.log.Warn("the forward queue could not be read", slog.Any("error", err))
			}
			return f.o.FirstRetry
		}
		for _, d := range due {
			f.lineUp(ctx, d)
		}
		if len(due) == 0 {
			if next.IsZero() {
				return longestNap
			}
			return min(longestNap, max(time.Millisecond, next.Sub(f.s.now())))
		}
	}
	return time.Millisecond
}

// lineUp takes a leased forward into its line, and makes it ready if it is first.
func (f *forwarder) lineUp(ctx context.Context, l store.Forward) {
	of, known := f.order.lineOf(l)
	if !known {
		d, err := f.s.o.Ledger.Deliveries.Get(ctx, l.DeliveryID)
		if err != nil {
			f.giveUp(ctx, l, err)
			return
		}
		of = line{target: l.Target, about: d.About()}
	}
	if w := f.order.place(l, of, l.DueAt); w != nil {
		f.offer(w) // there is no room to remember its line
		return
	}
	f.reconcile(ctx, of)
	f.offer(f.order.head(of))
}

// reconcile forgets what another listener on the same ledger has settled, when
// a line seems to be held up by it. Only the ledger knows: a slow machine looks
// the same from here.
func (f *forwarder) reconcile(ctx context.Context, l line) {
	now := f.s.now()
	if !f.order.overdue(l, now, f.lease()) || now.Sub(f.reconciled) < f.lease() {
		return
	}
	f.reconciled = now
	left, err := f.s.o.Ledger.Forwards.List(ctx, store.ForwardWaiting, mostRemembered)
	if err == nil && len(left) < mostRemembered {
		f.order.keepOnly(left)
	}
}

// giveUp ends a forward whose delivery is gone.
func (f *forwarder) giveUp(ctx context.Context, l store.Forward, why error) {
	if payment.KindOf(why) != payment.KindNotFound {
		if ctx.Err() != nil {
			f.unplaced = append(f.unplaced, l)
			return
		}
		f.s.log.Warn("a delivery could not be read for forwarding", "forward", l.ID, slog.Any("error", why))
		return // it comes back when its lease is over
	}
	f.order.remove(l)
	err := f.s.o.Ledger.Forwards.MarkAttempt(ctx, l.ID, store.Attempt{At: f.s.now(), Error: "the delivery is no longer in the ledger"}, store.Outcome{})
	if err != nil {
		f.s.log.Warn("a forward could not be given up", "forward", l.ID, slog.Any("error", err))
	}
}
