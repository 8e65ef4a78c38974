package store

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// token is the secret path segment as far as it speaks of a deposit or a query: where
// nothing else proves a delivery. Others prove themselves, and a token in their path is
// the whole installation's.
func (p *arrival) token() string {
	if p.Inspection.Verdict != payment.VerdictUnsigned {
		return ""
	}
	return p.Delivery.Token
}

// findFor finds the deposit of an event, nil if there is none: by name, or by our
// reference, where nothing else can be meant (bindable) and the event says how a deposit
// stands (a withdrawal's does not).
func (k *known) findFor(provider payment.ProviderID, e *payment.Event, token string, at time.Time) (_ *depositRow, byReference bool) {
	if d := k.byName(provider, e, token); d != nil || e.Reference == "" || e.Status == "" {
		return d, false
	}
	waiting := k.depositsOf(k.reference[e.Reference], func(d *depositRow) bool {
		return d.Reference == e.Reference && d.Provider == provider && d.ProviderID == "" && d.Status == payment.StatusUnknown &&
			(e.Environment == "" || d.Environment == e.Environment)
	})
	if len(waiting) == 1 && bindable(waiting[0].Deposit, e, at) {
		return waiting[0], true
	}
	return nil, false
}

// byName finds a deposit by the token in the path or by the provider's id. Deposits of
// another environment than the one whose secret proved the event are not looked at.
func (k *known) byName(provider payment.ProviderID, e *payment.Event, token string) *depositRow {
	if token != "" {
		if d := k.depositOf(k.token[token], func(d *depositRow) bool { return d.Provider == provider }); d != nil {
			return d
		}
	}
	if e.ProviderID == "" {
		return nil
	}
	found := k.depositsOf(k.id[e.ProviderID], func(d *depositRow) bool {
		return d.ProviderID == e.ProviderID && d.Provider == provider && e.MayConcern(d.Deposit)
	})
	for _, d := range found {
		if !d.Status.Final() {
			return d
		}
	}
	if len(found) > 0 {
		return found[0]
	}
	return nil
}

// bindWithin is how long after sending an event may come that is bound by reference:
// a prompt lives two minutes, and deliveries are tried again for a while.
const bindWithin = 15 * time.Minute

// bindable reports whether an event of the same reference can be about no other
// deposit: it was paid the same, by the same customer as far as it says, at the time.
func bindable(d payment.Deposit, e *payment.Event, at time.Time) bool {
	if !e.OccurredAt.IsZero() && d.Environment != payment.Local { // whose clock may be virtual
		at = e.OccurredAt
	}
	since := at.Sub(d.SentAt)
	return e.Amount == d.Amount && d.Phone.MayBe(e.Phone) && since > -time.Minute && since < bindWithin
}
