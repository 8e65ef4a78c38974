// Package watch follows deposits to their end. It races what the listener
// stores in the ledger, what the provider's stream tells and what the provider
// answers when asked; the first trustworthy final word decides, and whatever is
// learned goes into the ledger as a claim, where the rules of package payment
// say what it does. It leaves the wire to the adapters, the ledger to store and
// what to print to the command line.
package watch

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Ledger is what watching needs of the store: its deposits.
type Ledger interface {
	// Get reads one deposit; KindNotFound when there is none.
	Get(ctx context.Context, id string) (payment.Deposit, error)
	// Apply records what a source says and returns what came of it.
	Apply(ctx context.Context, id string, c payment.Claim) (payment.Deposit, payment.Move, error)
	// Changes returns a channel that gets a value soon after the ledger changed,
	// by this process or another, until ctx ends.
	Changes(ctx context.Context) <-chan struct{}
	// Doubts returns what came about deposits and moved nothing, by deposit id.
	Doubts(ctx context.Context, ids ...string) (map[string][]payment.Doubt, error)
	// Adopt enters a deposit that was asked for elsewhere, with what a source says of it.
	Adopt(ctx context.Context, d payment.Deposit, c payment.Claim) (payment.Deposit, payment.Move, error)
	// Seek looks for such a deposit by its provider's id, and enters it where a delivery
	// proves it. heard says that some delivery names the id, believed or not.
	Seek(ctx context.Context, d payment.Deposit) (got payment.Deposit, heard bool, err error)
}

// Options configures a Watcher.
type Options struct {
	// Ledger is required.
	Ledger Ledger
	// Depositor answers questions; nil when the provider cannot.
	Depositor payment.Depositor
	// Streamer streams; nil when the provider cannot.
	Streamer payment.Streamer
	// Budget is shared with other processes; nil sets no limit.
	Budget payment.Budget
	Policy Policy
	// Now stamps claims and holds; waiting does not depend on it.
	Now func() time.Time
	// Heard, if set, notes in a deposit's history what an answer said that moved nothing.
	Heard func(ctx context.Context, id string, by payment.Source, said string) error
	// Rand returns numbers in [0, 1) for jitter; nil takes the usual generator.
	Rand func() float64
}

// Watcher follows deposits of one provider in one environment.
type Watcher struct{ o Options }

// New returns a Watcher.
func New(o Options) *Watcher {
	o.Policy = o.Policy.withDefaults()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	return &Watcher{o: o}
}

// Update is something that happened to a watched deposit.
type Update struct {
	Deposit payment.Deposit
	// Via is the source that spoke, "" when the watch itself does.
	Via payment.Source
	// Changed says that the deposit differs from the update before: its status,
	// receipt, conflict or doubts. A deposit's first update is a change.
	Changed bool
	// Doubts are what came about the deposit so far and moved nothing; the last Fresh of
	// them are told for the first time.
	Doubts []payment.Doubt
	Fresh  int
	// Note says more for the operator; secrets and phone numbers are not in it.
	Note string
	// Final says that the deposit is not followed any more: it is decided, or
	// the time is over. An overruling after that gives one more final update.
	Final bool
	// At is this machine's time.
	At time.Time
}

// Watch follows deposits, given by their ledger ids, until each is decided or
// the deadline has passed, and returns one result for each distinct id, in
// order. emit (may be nil) is called from one goroutine at a time.
//
// elsewhere are deposits that the ledger does not know, by their provider's ids. Each is
// entered as soon as a source knows it: an answer with a state, a stream's event, a
// believed delivery. One that the provider does not know is KindNotFound and leaves
// nothing behind.
//
// The error is about the watch itself, not about the outcomes, which are the
// results' (Results.Err): KindNotFound for an unknown id, KindUnauthorized for a
// refused key, KindInterrupted when ctx was cancelled, KindPending when its own
// deadline passed, KindUsage for a way that the provider does not have or when
// no open deposit can be asked about with these settings, and whatever the
// ledger fails with. The results are there beside an error too, as
// far as they were known.
func (w *Watcher) Watch(ctx context.Context, ids []string, emit func(Update), elsewhere ...payment.Deposit) (Results, error) {
	if err := w.check(len(ids) + len(elsewhere)); err != nil {
		return nil, err
	}
	if emit == nil {
		emit = func(Update) {}
	}
	r := newRun(w.o, emit)
	inner, stop := context.WithCancel(ctx)
	err := r.follow(inner, ids, elsewhere)
	stop()
	r.workers.Wait()
	r.drain(ctx)
	return r.conclude(ctx, err)
}

// check refuses to watch nothing, and a way of following that the provider does not have.
func (w *Watcher) check(n int) error {
	if n == 0 {
		return payment.Usage("watch: no deposit is given", "name at least one deposit")
	}
	return w.o.Policy.Via.Check(w.o.Depositor, w.o.Streamer)
}

// Job is what one Watcher follows in Several.
type Job struct {
	Watcher *Watcher
	IDs     []string
	// Elsewhere are deposits that the ledger does not know; see Watch.
	Elsewhere []payment.Deposit
}

// Several runs watchers of different providers side by side. A watch that fails
// does not end the others. The results stand in the order of the jobs; the
// error is the worst of the watches' own.
func Several(ctx context.Context, jobs []Job, emit func(Update)) (Results, error) {
	var (
		mu      sync.Mutex
		wg      sync.WaitGroup
		results = make([]Results, len(jobs))
		errs    = make([]error, len(jobs))
	)
	serial := func(u Update) {
		mu.Lock()
		defer mu.Unlock()
		if emit != nil {
			emit(u)
		}
	}
	for i, job := range jobs {
		wg.Go(func() { results[i], errs[i] = job.Watcher.Watch(ctx, job.IDs, serial, job.Elsewhere...) })
	}
	wg.Wait()
	return slices.Concat(results...), worst(errs)
}
