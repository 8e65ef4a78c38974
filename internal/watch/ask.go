package watch

import (
	"context"
	"errors"
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
)

// slot is a place in the shared rate budget that this watch has taken. It goes
// to whichever deposit is due when its time has come.
type slot struct {
	held bool
	at   time.Duration
}

// answer is what came of one question.
type answer struct {
	it     *item
	answer payment.Answer
	err    error
	// started is when it was asked, source what it counts as, ups how often the
	// stream had come up by then, settle whether it was asked over a contradiction.
	started time.Duration
	source  payment.Source
	ups     int
	settle  bool
}

// canAsk tells whether there is anybody and anything to ask with.
func (r *run) canAsk(it *item) bool {
	return r.o.Depositor != nil && r.p.Via != ViaCallback && it.d.ProviderID != "" && it.refused == nil
}

// polls tells whether questions are asked on a schedule now.
func (r *run) polls() bool {
	switch r.p.Via {
	case ViaPoll:
		return true
	case ViaAuto:
		return !r.stream.up
	case ViaStream, ViaCallback:
	}
	return false
}

// planFirst plans the first question: the first gap after the request left, or
// at once when that was long ago or nobody knows. A clock that was set back
// since does not delay it beyond the gap.
func (r *run) planFirst(it *item) {
	wait := time.Duration(0)
	if !it.d.SentAt.IsZero() {
		wait = min(max(r.p.gap(0)-r.o.Now().Sub(it.d.SentAt), 0), r.p.gap(0))
	}
	it.step = 1
	r.planIn(it, wait)
}

// planNext plans the next question of the schedule.
func (r *run) planNext(it *item) {
	wait := r.p.gap(it.step)
	it.step++
	r.planIn(it, wait)
}

// planIn plans a question if one is wanted. One that would come within a slot
// of the deadline is left to the last query, which needs the budget more.
func (r *run) planIn(it *item, wait time.Duration) {
	it.next = never
	wanted := it.settling || !it.d.Status.Final() && (it.gap || r.polls())
	if r.closing || !wanted || !r.canAsk(it) {
		return
	}
	if next := max(r.clock()+wait, r.notBefore); next+r.p.PerSlot <= r.p.Deadline {
		it.next = next
	}
}

// due returns the deposit whose question has waited longest, nil if none is due.
func (r *run) due() *item {
	now := r.clock()
	if !r.closing && now < r.notBefore {
		return nil
	}
	var first *item
	for _, it := range r.items {
		if !it.asking && it.next <= now && (first == nil || it.next < first.next) {
			first = it
		}
	}
	return first
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
		d, err := r.o.Ledger.Deposit(ctx, it.d.ID)
		if err != nil {
			return r.ledgerFailed(it, err)
		}
		r.see(it, d, d.DecidedBy, "")
		if it.next != never {
			r.ask(ctx, it)
		}
	}
	return nil
}

// reserve takes a slot of the budget and tells whether its time has come.
func (r *run) reserve(ctx context.Context, it *item) (bool, error) {
	if r.o.Budget == nil {
		return true, nil
	}
	if !r.slot.held {
		wait, err := r.o.Budget.Reserve(ctx, r.p.BudgetKey, r.p.PerSlot)
		if err != nil {
			return false, r.ledgerFailed(it, err)
		}
		r.slot = slot{held: true, at: r.clock() + wait}
		if wait > 0 {
			r.tell(it, "", "the query budget is shared: asking in "+rounded(wait), false)
		}
	}
	return r.clock() >= r.slot.at, nil
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
	a := answer{it: it, started: r.clock(), source: payment.SourcePoll, ups: r.stream.ups, settle: it.settling}
	if r.closing || it.settling {
		a.source = payment.SourceQuery
	}
	d := it.d
	r.workers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, r.p.AskTimeout)
		defer cancel()
		a.answer, a.err = r.o.Depositor.Ask(ctx, d)
		r.answers <- a // has room for all that can be under way
	})
}

// answered takes in what came of a question.
func (r *run) answered(ctx context.Context, a answer) error {
	r.asking--
	a.it.asking = false
	if r.closing {
		a.it.closed = true
	}
	if a.err != nil {
		return r.failed(ctx, a)
	}
	r.failures, r.notBefore = 0, 0
	if a.answer.Status != payment.StatusUnknown && a.ups == r.stream.ups {
		a.it.gap = false
	}
	if err := r.record(ctx, a); err != nil {
		if unlessBusy(err) != nil {
			return err
		}
		r.tell(a.it, "", "the answer could not be recorded, asking again: "+tidy(err.Error()), false)
		a.it.gap = true
	}
	if a.ups != r.stream.ups {
		r.planIn(a.it, 0) // the stream came up meanwhile: the gap is a new one
		return nil
	}
	r.planNext(a.it)
	return nil
}

// record puts an answer into the ledger if it says anything new. "No answer"
// never moves anything (money rule 2).
func (r *run) record(ctx context.Context, a answer) error {
	it, ans := a.it, a.answer
	if a.settle && ans.Status != payment.StatusUnknown {
		it.settled, it.settling = true, false
	}
	news := ans.Status.Final() || ans.Status == payment.StatusPending && !it.d.Status.Final() &&
		(it.d.Status != payment.StatusPending || it.d.MerchantRequestID == "" && ans.MerchantRequestID != "")
	if !news {
		if !it.d.Status.Final() {
			r.tell(it, a.source, describe(ans), false)
		}
		return nil
	}
	d, _, err := r.o.Ledger.ApplyClaim(ctx, it.d.ID, payment.Claim{
		Status: ans.Status, By: a.source, Receipt: ans.Receipt, Failure: ans.Failure, Settles: a.settle,
		ProviderID: ans.ProviderID, MerchantRequestID: ans.MerchantRequestID, At: r.o.Now(),
	})
	if err != nil {
		return err
	}
	r.see(it, d, a.source, "")
	return nil
}

// failed handles a question that got no answer. Trouble on the way never fails
// a watch; a refused key does, and a wrong setting once it concerns all that is open.
func (r *run) failed(ctx context.Context, a answer) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch payment.KindOf(a.err) {
	case payment.KindUnauthorized:
		return a.err
	case payment.KindUsage:
		return r.refuse(a)
	case payment.KindNotFound:
		r.tell(a.it, a.source, "the provider does not know it (yet): "+tidy(a.err.Error()), false)
		r.planNext(a.it)
		return nil
	case payment.KindInternal, payment.KindDeclined, payment.KindBadSignature, payment.KindUnavailable,
		payment.KindPending, payment.KindConflict, payment.KindInterrupted:
	}
	// Questions under way together fail together: that is one failure.
	if r.failures == 0 || a.started > r.failedAt {
		r.failures++
		r.failedAt = r.clock()
		r.notBefore = r.clock() + r.backoff()
	}
	if err := r.hold(ctx, a.err); err != nil {
		return err
	}
	note := "no answer: " + tidy(a.err.Error())
	if !r.closing {
		note += "; asking again in " + rounded(r.notBefore-r.clock())
	}
	r.tell(a.it, a.source, note, false)
	r.planIn(a.it, 0)
	return nil
}

// refuse leaves a deposit to the ledger and the stream, since asking makes no
// sense with the present settings: a push of another shortcode, say. When that
// holds for every open deposit, the operator had better hear it at once.
func (r *run) refuse(a answer) error {
	it := a.it
	it.refused, it.settling = a.err, false
	r.tell(it, a.source, "it cannot be asked about: "+tidy(a.err.Error()), false)
	for _, other := range r.items {
		if !r.isOver(other) && other.refused == nil {
			return nil
		}
	}
	return a.err
}

// hold waits for as long as the provider asked, and lets all others who share
// the budget wait too.
func (r *run) hold(ctx context.Context, cause error) error {
	var carrier interface{ RetryAfter() time.Duration }
	if !errors.As(cause, &carrier) || carrier.RetryAfter() <= 0 {
		return nil
	}
	wait := min(carrier.RetryAfter(), maxHold)
	r.notBefore = max(r.notBefore, r.clock()+wait)
	r.slot.at = max(r.slot.at, r.clock()+wait)
	if r.o.Budget == nil {
		return nil
	}
	return unlessBusy(r.o.Budget.Hold(ctx, r.p.BudgetKey, r.o.Now().Add(wait)))
}

// backoff returns the wait after the latest failure: doubled each time, the
// upper half of it at random, so that many watches do not come back together.
func (r *run) backoff() time.Duration {
	wait := max(backoffBase, r.p.PerSlot/2) << min(r.failures-1, 10)
	wait = min(wait, backoffCap)
	return wait/2 + time.Duration(r.o.Rand()*float64(wait/2))
}

// describe words an answer that decides nothing.
func describe(a payment.Answer) string {
	said := tidy(a.Message)
	if a.Code != "" && said != "" {
		said = tidy(a.Code) + " " + said
	} else if a.Code != "" {
		said = tidy(a.Code)
	}
	words := "undecided"
	if a.Status == payment.StatusUnknown {
		words = "no usable answer, which decides nothing"
	}
	if said == "" {
		return words
	}
	return words + ": " + said
}

func rounded(d time.Duration) string {
	if d < time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
