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

// canAsk tells whether there is anybody and anything to ask with.
// Under ViaCallback only an adopted deposit is asked about, for a callback that proves
// nothing by itself.
func (r *run) canAsk(it *item) bool {
	asks := r.p.Via != ViaCallback || it.d.Adopted && it.gap
	return r.o.Depositor != nil && asks && it.d.ProviderID != "" && it.refused == nil
}

// polls tells whether questions are asked on a schedule.
func (r *run) polls() bool { return r.p.Via == ViaPoll || r.p.Via == ViaAuto }

// streams tells whether the stream can be expected to tell of a deposit.
func (r *run) streams(it *item) bool { return r.stream.up && !it.unheard && !it.gap }

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

// planNext plans the next question of the schedule. Beside a stream, a crowd of
// deposits leaves half of the budget to others.
func (r *run) planNext(it *item) {
	if r.streams(it) {
		r.planIn(it, max(streamGap, 2*r.p.PerSlot*time.Duration(len(r.items))))
		return
	}
	wait := r.p.gap(it.step)
	it.step++
	r.planIn(it, wait)
}

// planSooner plans the next question of the schedule where none is due before.
func (r *run) planSooner(it *item) {
	if it.asking {
		return // its answer plans the next one
	}
	planned := it.next
	r.planNext(it)
	it.next = min(it.next, planned)
}

// prompt plans a question as soon as may be, for what the stream has told. An
// answer that is under way may be older than that and does not count for it.
func (r *run) prompt(it *item) {
	it.gap = true
	it.prompts++
	r.planSoon(it)
}

func (r *run) planSoon(it *item) {
	wait := time.Duration(0)
	if it.questions > 0 {
		wait = max(it.askedAt+soonGap-r.clock(), 0)
	}
	r.planIn(it, wait)
}

// planIn plans a question if one is wanted. One that would come within a slot
// of the last queries is left to them, who need the budget more.
func (r *run) planIn(it *item, wait time.Duration) {
	it.next = never
	wanted := !it.d.Status.Final() && (it.gap || r.polls())
	if r.closing || !wanted || !r.canAsk(it) {
		return
	}
	if next := max(r.clock()+wait, r.notBefore); next+r.p.PerSlot <= r.last {
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
		if err := r.lookAt(ctx, it); err != nil {
			return r.ledgerFailed(it, err)
		}
		if it.next != never {
			r.ask(ctx, it)
		}
	}
	return nil
}

// reserve takes a slot of the budget and tells whether its time has come. One
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
	if a.answer.Status != payment.StatusUnknown && a.prompts == a.it.prompts {
		a.it.gap = false
	}
	if err := r.record(ctx, a); err != nil {
		if unlessBusy(err) != nil {
			return err
		}
		r.tell(a.it, "", "the answer could not be recorded, asking again: "+tidy(err.Error()), false)
		a.it.gap = true
	}
	if a.prompts != a.it.prompts {
		r.planSoon(a.it)
		return nil
	}
	r.planNext(a.it)
	return nil
}

// record puts an answer into the ledger if it says anything new. "No answer"
// never moves anything (money rule 2).
func (r *run) record(ctx context.Context, a answer) error {
	it, ans := a.it, a.answer
	if !it.entered() {
		return r.enter(ctx, a)
	}
	news := ans.Status.Final() || ans.Status == payment.StatusPending && !it.d.Status.Final() &&
		(it.d.Status != payment.StatusPending || it.d.MerchantRequestID == "" && ans.MerchantRequestID != "")
	if !news {
		if !it.d.Status.Final() {
			r.tell(it, a.source, describe(ans), false)
		}
		return nil
	}
	d, err := r.apply(ctx, it.d, r.claim(a))
	if err != nil {
		return err
	}
	r.see(it, d, a.source, "")
	return nil
}

// enter takes in what the provider says of a deposit that the ledger does not have. It
// is entered only with a state; one that the provider does not know is given up.
func (r *run) enter(ctx context.Context, a answer) error {
	it, ans := a.it, a.answer
	switch {
	case ans.NotKnown:
		it.refused = notKnown(it.d)
		r.tell(it, a.source, "the provider does not know it", false)
		return r.unlessOthers(it.refused)
	case ans.Status != payment.StatusPending && !ans.Status.Final():
		r.tell(it, a.source, describe(ans), false)
		return nil
	}
	d, err := r.apply(ctx, it.d, r.claim(a))
	if err != nil {
		return err
	}
	r.see(it, d, a.source, "entered as "+d.ID)
	return nil
}

// claim is what an answer says.
func (r *run) claim(a answer) payment.Claim {
	ans := a.answer
	return payment.Claim{
		Status: ans.Status, By: a.source, Receipt: ans.Receipt, Failure: ans.Failure,
		ProviderID: ans.ProviderID, MerchantRequestID: ans.MerchantRequestID,
		Amount: ans.Amount, Phone: ans.Phone, Reference: ans.Reference, At: r.o.Now(),
	}
}

func notKnown(d payment.Deposit) error {
	return payment.NotFound("deposit "+payment.MaskDigits(d.ProviderID)+": "+string(d.Provider)+" does not know it, nor does the ledger",
		"check the id, --provider and --profile")
}

// unlessOthers returns an error that concerns one deposit when there is none left that
// it does not concern.
func (r *run) unlessOthers(err error) error {
	for _, other := range r.items {
		if !r.isOver(other) && other.refused == nil {
			return nil
		}
	}
	return err
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
		if !a.it.entered() {
			a.it.refused = notKnown(a.it.d)
			return r.unlessOthers(a.it.refused)
		}
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
	it.refused = a.err
	r.tell(it, a.source, "it cannot be asked about: "+tidy(a.err.Error()), false)
	return r.unlessOthers(a.err)
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
