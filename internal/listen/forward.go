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
	// Untrusted also sends what is not believed: what contradicts the ledger, fails its
	// signature, or an enforced check of addresses refused.
	Untrusted bool
	Rules     []Rule
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

// forwarder sends what the ledger's queue holds. The queue gives out the heads of
// lines, so that the order of a payment's deliveries is the ledger's alone, for every
// listener on it. One goroutine owns what changes, apart from the channels; workers
// only make attempts.
type forwarder struct {
	s       *Server
	o       Forward
	sender  Sender
	looped  sync.Once
	woken   chan struct{}
	results chan result

	targets map[string]*target
	running int
	// unreadSince is since when the queue cannot be read, zero if it can.
	unreadSince time.Time
	// held is how many leases this listener has, for the metrics.
	held atomic.Int64
}

func newForwarder(s *Server) (*forwarder, error) {
	f := &forwarder{s: s, o: s.o.Forward.withDefaults(), woken: make(chan struct{}, 1), targets: map[string]*target{}}
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
	if len(f.o.Rules) == 0 || !f.sends(i.Verdict) {
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
	if len(out) > 0 && deliver.Forwarded(d.Header) {
		f.looped.Do(func() {
			f.s.log.Warn("a delivery that payctl has forwarded before is not forwarded again; does a target lead back here?", "peer", d.Peer)
		})
		return nil
	}
	return out
}

// sends reports whether what the adapter judged so may be forwarded at all; the ledger
// judges after it.
func (f *forwarder) sends(v payment.Verdict) bool {
	switch v {
	case payment.VerdictValid, payment.VerdictUnsigned:
		return true
	case payment.VerdictMismatch, payment.VerdictUntrusted:
		return f.o.Untrusted
	case payment.VerdictMalformed, payment.VerdictStray:
	}
	return false
}

// wake has the queue looked at now.
func (f *forwarder) wake() {
	select {
	case f.woken <- struct{}{}:
	default:
	}
}

// lease is for how long a forward is ours: long enough to wait for a worker and
// make an attempt.
func (f *forwarder) lease() time.Duration { return 3 * f.o.Timeout }

// longestNap bounds how long the queue goes unlooked at: other processes may
// have put something there.
const longestNap = 5 * time.Second

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
			f.releaseReady(ctx)
			return
		case <-f.woken:
		case <-timer.C:
		case r := <-f.results:
			f.settle(ctx, r)
		}
		timer.Reset(f.dispatch(ctx, attempts))
	}
}

// releaseReady gives back the leases that no worker came to, so that the next start
// need not sit them out.
func (f *forwarder) releaseReady(ctx context.Context) {
	for _, t := range f.targets {
		f.release(ctx, t.ready...)
		t.ready = nil
	}
}

// release gives leases back.
func (f *forwarder) release(ctx context.Context, leases ...lease) {
	if len(leases) == 0 {
		return
	}
	f.held.Add(-int64(len(leases)))
	forwards := make([]store.Forward, len(leases))
	for i, l := range leases {
		forwards[i] = l.Forward
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
	defer cancel()
	if err := f.s.o.Ledger.Forwards.Release(ctx, forwards...); err != nil {
		f.s.log.Warn("leases on the forward queue could not be given back; they run out by themselves", slog.Any("error", err))
	}
}
