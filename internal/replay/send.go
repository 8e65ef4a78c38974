package replay

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// record is what sending needs of the ledger.
type record interface {
	Each(ctx context.Context, f store.DeliveryFilter, do func(store.StoredDelivery) error) error
	RecordAttempts(ctx context.Context, list []store.Attempt) error
	EachAttempt(ctx context.Context, runID string, do func(store.Attempt) error) error
}

// poster is what sending needs of deliver.
type poster interface {
	Post(ctx context.Context, r deliver.Request) deliver.Answer
}

// options says what is sent and how. ledger, sender and now are required.
type options struct {
	ledger record
	// runID names the run that attempts belong to.
	runID  string
	sender poster
	filter store.DeliveryFilter
	// keep chooses among what the filter lets pass; nil keeps all.
	keep Keep
	// edit changes a delivery before it is sent; nil sends the stored bytes.
	edit Edit
	// targets are the URLs that each delivery goes to, in their order.
	targets []string
	// targetsOf, if set, gives each delivery targets of its own.
	targetsOf func(store.StoredDelivery) []string
	// wanted is asked directly before each attempt whether a target still is to
	// get a delivery; nil always sends. What it declines counts as answered before.
	wanted func(ctx context.Context, deliveryID, target string) (bool, error)
	// speed is the multiple of the original pace; 0 is as fast as possible.
	speed float64
	// rate is how many deliveries start in a second at most; 0 is no limit.
	rate float64
	// concurrency is how many deliveries are under way at once; 0 means 1.
	concurrency int
	// retry gives the waits before further attempts after an answer that is no
	// 2xx, or none; nil never tries again.
	retry    func(payment.ProviderID) []time.Duration
	onResult func(Result)
	now      func() time.Time
}

// Answer is what one target answered in the end.
type Answer struct {
	deliver.Answer
	Target string
	// Attempts counts the tries, those before a run was resumed among them.
	Attempts int
}

// Result is one delivery and what its targets answered, in their order.
// Targets that a resumed run had come to its end with before are left out.
type Result struct {
	Delivery store.StoredDelivery
	Answers  []Answer
}

// OK reports whether every target is content.
func (r Result) OK() bool {
	for _, a := range r.Answers {
		if !a.OK() {
			return false
		}
	}
	return true
}

// Same reports whether all targets answered with the same status and body.
func (r Result) Same() bool {
	for _, a := range r.Answers {
		if a.Status != r.Answers[0].Status || !bytes.Equal(a.Body, r.Answers[0].Body) {
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

// keptAnswer bounds what is recorded of an answer, in bytes.
const keptAnswer = 1 << 10

type run struct {
	o options
	// before holds, of a resumed run, what was tried: by delivery and target.
	before                map[string]tries
	sent, skipped, failed atomic.Int64
	show                  sync.Mutex
	// firstAt and startedAt tie the original times to this run's.
	firstAt, startedAt time.Time
	turns              *turns
	read               inMemory
	behind             behind
}

// send replays. It returns when everything has been sent, with the first error
// of the ledger, of keep, of edit or of ctx; answers of targets are no errors.
func send(ctx context.Context, o options) (Totals, error) {
	r := &run{
		o: o, before: map[string]tries{}, turns: newTurns(o.rate), read: inMemory{freed: make(chan struct{}, 1)},
		behind: behind{line: map[string][]*parcel{}},
	}
	if r.o.concurrency < 1 {
		r.o.concurrency = 1
	}
	err := o.ledger.EachAttempt(ctx, o.runID, func(a store.Attempt) error {
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

// about is what the target is told of a delivery: the words of a forward.
func about(d store.StoredDelivery, attempt int) http.Header {
	return deliver.About{
		ID: d.ID, Provider: d.Provider, Event: d.Event, Verdict: d.Verdict, Reason: d.Reason,
		DuplicateOf: d.DuplicateOf, SamePaymentAs: d.SamePaymentAs, Attempt: attempt, Replayed: true,
	}.Header()
}

// post makes one attempt.
func (r *run) post(ctx context.Context, d store.StoredDelivery, target string, attempt int) Answer {
	answer := r.o.sender.Post(ctx, deliver.Request{Target: target, Header: d.Header, Own: about(d, attempt), Body: d.Body})
	return Answer{Answer: answer, Target: target}
}
