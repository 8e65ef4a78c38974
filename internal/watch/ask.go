package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

const (
	// backoffBase and backoffCap bound the waits after failed questions.
	backoffBase = time.Second
	backoffCap  = 30 * time.Second
	// maxHold bounds a provider's Retry-After.
	maxHold = time.Hour
	// streamGap is the wait between questions while the stream is up. Nothing
	// proves that it delivers, and an event that is lost should cost seconds, not
	// the rest of the watch; five questions in a watch are a third of polling.
	streamGap = 25 * time.Second
	// soonGap is the shortest wait between questions that the stream prompts, so
	// that a flood of events is no flood of questions.
	soonGap = time.Second
)

// slot is a place in the shared rate budget that this watch has taken. It goes
// to whichever deposit is due when its time has come.
type slot struct {
	held bool
	at   time.Duration
	// place is what the budget calls it.
	place payment.Slot
}

// answer is what came of one question.
type answer struct {
	it     *item
	answer payment.Answer
	err    error
	// started is when it was asked, source what it counts as, prompts the
	// deposit's count by then.
	started time.Duration
	source  payment.Source
	prompts int
}

// launch asks whatever is due, as far as the budget allows. The ledger is read
// just before: nobody is asked about what a callback has just told.
func (r *run) launch(ctx context.Context) error {
	for r.asking < maxAsks {
		it := r.due()
		if it == nil {
			return nil
		}
		ready, err := r.reserve(ctx, it)
		if err != nil || !ready {
			return err
		}
		if err := r.lookAt(ctx, it); err != nil {
			return r.ledgerFailed(it, err)
		}
		if it.next != never {
			r.ask(ctx, it)
		}
	}
	return nil
}

// reserve takes a slot of the budget and reports whether its time has come. One
// that lies beyond the end of the watch is left to others.
func (r *run) reserve(ctx context.Context, it *item) (bool, error) {
	if r.o.Budget == nil {
		return true, nil
	}
	if !r.slot.held {
		left := r.end - r.clock()
		place, err := r.o.Budget.ReserveWithin(ctx, r.p.BudgetKey, r.p.PerSlot, left)
		if err != nil {
			return false, r.ledgerFailed(it, err)
		}
		if place.Wait > left {
			r.noTurn(it, place.Wait)
			return false, nil
		}
		r.slot = slot{held: true, at: r.clock() + place.Wait, place: place}
		if place.Wait > 0 {
			r.tell(it, "", "the query budget is shared: asking in "+rounded(place.Wait), false)
		}
	}
	if r.slot.at > r.end { // the provider asked for patience since
		r.noTurn(it, r.slot.at-r.clock())
		return false, nil
	}
	return r.clock() >= r.slot.at, nil
}

// noTurn handles a budget that is used up beyond the end of the watch. Somebody
// may give a slot back until the last queries; those that find none are not asked.
func (r *run) noTurn(it *item, wait time.Duration) {
	r.tell(it, "", "not asked: the query budget is used up for another "+rounded(wait), false)
	if !r.closing {
		r.notBefore = max(r.notBefore, r.clock()+max(r.p.PerSlot, backoffBase))
		return
	}
	for _, waiting := range r.items {
		if !waiting.asking && waiting.next != never {
			waiting.closed, waiting.next = true, never
		}
	}
}

// unreserve gives back a slot that the watch did not come to use.
func (r *run) unreserve(ctx context.Context) {
	if !r.slot.held {
		return
	}
	r.slot.held = false
	giveBack(ctx, r.o.Budget, r.slot.place)
}

// ledgerFailed puts a question off when the ledger is busy, and gives up the
// last one; any other failure of the ledger ends the watch.
func (r *run) ledgerFailed(it *item, err error) error {
	if unlessBusy(err) != nil {
		return err
	}
	if r.closing {
		it.closed, it.next = true, never
		return nil
	}
	r.notBefore = r.clock() + backoffBase
	return nil
}

func (r *run) ask(ctx context.Context, it *item) {
	r.slot.held = false
	r.asking++
	it.asking, it.next = true, never
	it.questions++
	it.askedAt = r.clock()
	a := answer{it: it, started: it.askedAt, source: payment.SourcePoll, prompts: it.prompts}
	if r.closing {
		a.source = payment.SourceQuery
	}
	d := it.d
	r.workers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, min(r.p.AskTimeout, r.end-a.started))
		defer cancel()
		a.answer, a.err = r.o.Depositor.Ask(ctx, d)
		r.answers <- a // has room for all that can be under way
	})
}

func rounded(d time.Duration) string {
	if d < time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
