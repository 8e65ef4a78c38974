package deposit_test

import (
	"fmt"

	"github.com/payctl/payctl/internal/payment"
)

// gateway is the provider: it prompts, or does not, and answers, or does not. WasaaPay
// knows a key again, and asks nobody twice under it.
func (m *machine) gateway(p *paid) *depositor {
	d := &depositor{}
	pending := func() {
		d.answer = payment.Answer{Status: payment.StatusPending, ProviderID: "ws_CO_" + p.key, MerchantRequestID: "mr-" + p.key}
	}
	prompt := func() {
		if !m.wasaapay || p.checkout == "" {
			p.prompts++
		}
		p.checkout = "ws_CO_" + p.key
	}
	lost := &payment.Error{Kind: payment.KindUnavailable, Message: "cut", Err: payment.ErrOutcomeUnknown}
	switch m.r.IntN(9) {
	case 0, 1, 2:
		pending()
		d.during = prompt
	case 3: // the answer is lost
		d.err, d.during = lost, prompt
	case 4: // nothing got through
		d.err = &payment.Error{Kind: payment.KindUnavailable, Message: "refused"}
	case 5: // refused for good
		d.answer = payment.Answer{Status: payment.StatusFailed, Failure: &payment.Failure{Code: "2001", Reason: "no"}}
		before, err := m.find(p)
		d.during = func() {
			switch {
			case m.wasaapay && p.checkout != "": // it knows the key
				pending()
			case err == nil && before.Status != payment.StatusCreated: // of the second request only
			default:
				p.proofs[payment.StatusFailed] = true
			}
		}
	case 6: // a callback settles it before the answer
		pending()
		d.during = func() { prompt(); m.decide(p); m.callback(p) }
	case 7: // "busy", although a callback has settled it
		d.err = &payment.Error{Kind: payment.KindUnavailable, Message: "System is busy"}
		d.during = func() { prompt(); m.decide(p); m.callback(p) }
	case 8: // killed between the request and its answer
		d.during = func() { prompt(); panic(errKilled) }
	}
	return d
}

func (m *machine) decide(p *paid) {
	if p.truth != "" || p.prompts == 0 {
		return
	}
	p.truth = payment.StatusFailed
	if m.r.IntN(3) > 0 {
		p.truth, p.receipt = payment.StatusCompleted, fmt.Sprintf("RCP%07d", len(m.trail))
	}
}
