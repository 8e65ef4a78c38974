package watch

import (
	"context"
	"errors"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// AskWithin bounds a single question once its turn has come.
const AskWithin = 60 * time.Second

// Once asks a provider one question when its turn in the shared budget has come: the
// limit is per app, not per deposit (reference/daraja.md §5, §11 row 17). tell hears
// how it goes. A turn that is too far off is KindUnavailable. Where the provider asks
// to be left alone, all others wait too.
func Once(ctx context.Context, o Options, d payment.Deposit, tell func(note string)) (payment.Answer, error) {
	policy, asking := o.Policy.withDefaults(), "asking "+string(d.Provider)
	if o.Budget == nil {
		return o.Depositor.Ask(ctx, d)
	}
	slot, err := o.Budget.ReserveWithin(ctx, policy.BudgetKey, policy.PerSlot, policy.Deadline)
	if err != nil {
		return payment.Answer{}, err
	}
	if slot.Wait > policy.Deadline {
		return payment.Answer{}, &payment.Error{
			Kind: payment.KindUnavailable, Provider: d.Provider, Retryable: true,
			Message: asking + ": the query budget is used up for another " + rounded(slot.Wait), Hint: "try again then, or give it a longer --timeout",
		}
	}
	if slot.Wait > 0 {
		tell("the query budget is shared: asking in " + rounded(slot.Wait))
		if err := timing.Wait(ctx, slot.Wait); err != nil {
			giveBack(ctx, o.Budget, slot)
			return payment.Answer{}, &payment.Error{
				Kind: payment.KindOf(err), Provider: d.Provider, Retryable: true, Err: err, Message: asking + ": stopped while waiting for its turn",
			}
		}
		tell(asking)
	}
	ctx, cancel := context.WithTimeout(ctx, AskWithin)
	defer cancel()
	answer, err := o.Depositor.Ask(ctx, d)
	switch {
	case err != nil:
		o.heard(context.WithoutCancel(ctx), d, payment.SourceQuery, "no answer: "+tidy(err.Error()))
	case !answer.Status.Final() && (answer.Status != payment.StatusPending || d.Status == payment.StatusPending):
		o.heard(ctx, d, payment.SourceQuery, describe(answer))
	}
	var limited interface{ RetryAfter() time.Duration }
	if errors.As(err, &limited) && limited.RetryAfter() > 0 {
		// What the provider said is worth more than whether the ledger has it.
		_ = o.Budget.Hold(context.WithoutCancel(ctx), policy.BudgetKey, o.Now().Add(limited.RetryAfter()))
	}
	return answer, err
}

// giveBack returns a turn that was not used. A failure costs the next question a longer
// wait, nothing more.
func giveBack(ctx context.Context, b payment.Budget, slot payment.Slot) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateRecord)
	defer cancel()
	_ = b.Unreserve(ctx, slot)
}
