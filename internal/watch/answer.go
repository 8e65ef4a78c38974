package watch

import (
	"context"
	"errors"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

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
		r.o.heard(ctx, it.d, a.source, describe(ans))
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

// heard keeps that a deposit of the ledger was asked about, and what came of it. A ledger
// that is busy costs a line of the history, nothing more.
func (o *Options) heard(ctx context.Context, d payment.Deposit, by payment.Source, said string) {
	if o.Heard != nil && d.ID != "" {
		_ = o.Heard(ctx, d.ID, by, said)
	}
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
		note := "the provider does not know it (yet): " + tidy(a.err.Error())
		r.o.heard(ctx, a.it.d, a.source, note)
		r.tell(a.it, a.source, note, false)
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
	r.o.heard(ctx, a.it.d, a.source, note)
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
