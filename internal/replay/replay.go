// Package replay sends stored deliveries again: the exact bytes and the headers
// that matter, at their original pace or another, in order for each payment,
// with every attempt and its answer in the ledger, so that an interrupted run
// can be taken up where it stopped. Choosing deliveries and changing them is
// left to the caller, listing and storing to store.
package replay

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// Ledger is what replaying needs of the store.
type Ledger interface {
	Each(ctx context.Context, f store.DeliveryFilter, do func(store.StoredDelivery) error) error
	RecordAttempt(ctx context.Context, a store.Attempt) error
	EachAttempt(ctx context.Context, runID string, do func(store.Attempt) error) error
}

// Options says what is replayed and how. Ledger, Client and Now are required.
type Options struct {
	Ledger Ledger
	// RunID names the run that attempts belong to.
	RunID  string
	Filter store.DeliveryFilter
	// Keep chooses among what the filter lets pass; nil keeps all.
	Keep func(store.StoredDelivery) (bool, error)
	// Edit changes a delivery before it is sent; nil sends the stored bytes.
	Edit func(store.StoredDelivery) (store.StoredDelivery, error)
	// Targets are the URLs that each delivery goes to, in their order.
	Targets []string
	// TargetsOf, if set, gives each delivery targets of its own.
	TargetsOf func(store.StoredDelivery) []string
	// Wanted is asked directly before each attempt whether a target still is to
	// get a delivery; nil always sends. What it declines counts as answered before.
	Wanted func(ctx context.Context, deliveryID, target string) (bool, error)
	// Client sends; redirects are not followed.
	Client *http.Client
	// Speed is the multiple of the original pace; 0 is as fast as possible.
	Speed float64
	// Rate is how many deliveries start in a second at most; 0 is no limit.
	Rate float64
	// Concurrency is how many deliveries are under way at once; 0 means 1.
	Concurrency int
	// Retry gives the waits before further attempts after an answer that is no
	// 2xx, or none; nil never tries again.
	Retry func(payment.ProviderID) []time.Duration
	// Timeout bounds one attempt; 0 means 10 s.
	Timeout time.Duration
	// OnResult is told of each delivery, from several goroutines, one at a time.
	OnResult func(Result)
	Now      func() time.Time
}

// Answer is what one target answered in the end.
type Answer struct {
	Target  string
	Status  int
	Latency time.Duration
	Body    []byte
	Err     error
	// Attempts counts the tries, those before a run was resumed among them.
	Attempts int
}

// OK tells whether a provider would be content.
func (a Answer) OK() bool { return a.Err == nil && a.Status >= 200 && a.Status < 300 }

// Result is one delivery and what its targets answered, in their order.
// Targets that a resumed run had come to its end with before are left out.
type Result struct {
	Delivery store.StoredDelivery
	Answers  []Answer
}

// OK tells whether every target is content.
func (r Result) OK() bool {
	for _, a := range r.Answers {
		if !a.OK() {
			return false
		}
	}
	return true
}

// Totals counts deliveries.
type Totals struct {
	// Sent went out in this run, Skipped had all their answers from before.
	Sent, Skipped int64
	// Failed have a target that did not answer with 2xx; among them are those
	// whose answer came before the run was resumed.
	Failed int64
}

const (
	defaultTimeout = 10 * time.Second
	// maxAnswer bounds what is read of an answer, keptAnswer what is recorded, in bytes.
	maxAnswer  = 64 << 10
	keptAnswer = 1 << 10
)

type run struct {
	o      Options
	client *http.Client
	// before holds, of a resumed run, what was tried: by delivery and target.
	before                map[string]tries
	sent, skipped, failed atomic.Int64
	show                  sync.Mutex
	// firstAt and startedAt tie the original times to this run's.
	firstAt, startedAt time.Time
	turns              *turns
	read               inMemory
}

// Run replays. It returns when everything has been sent, with the first error
// of the ledger, of Keep, of Edit or of ctx; answers of targets are no errors.
func Run(ctx context.Context, o Options) (Totals, error) {
	r := &run{
		o: o, client: sending(o.Client), before: map[string]tries{},
		turns: newTurns(o.Rate), read: inMemory{freed: make(chan struct{}, 1)},
	}
	if r.o.Timeout <= 0 {
		r.o.Timeout = defaultTimeout
	}
	if r.o.Concurrency < 1 {
		r.o.Concurrency = 1
	}
	err := o.Ledger.EachAttempt(ctx, o.RunID, func(a store.Attempt) error {
		key := a.DeliveryID + " " + a.Target
		r.before[key] = r.before[key].with(a)
		return nil
	})
	if err != nil {
		return Totals{}, err
	}
	err = r.all(ctx)
	return Totals{Sent: r.sent.Load(), Skipped: r.skipped.Load(), Failed: r.failed.Load()}, err
}
