package wasaapay

import (
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// promptLag is the time after which the prompt is on the phone and deposit.initiated is sent: a tenth of the payer's
// time, at most a second.
func (c course) promptLag() time.Duration { return min(c.settle/10, time.Second) }

// plan decides how the payer will answer; nil leaves the prompt open for somebody to answer it. A phone that shows a
// prompt already, of either provider, cannot take a second one (reference/daraja.md §4.2, 1001). The lock is held.
func (d *deposits) plan(p *deposit, asked *mpesa.Outcome) *mpesa.Outcome {
	on := d.e.Behaviours
	busy := d.net.Busy(p.Phone)
	switch {
	case busy && on.Choice("subscriber-lock", apiDeposit, "callback") != "off":
		return mpesa.OutcomeNamed(mpesa.OutcomeLocked)
	case asked != nil:
		return asked
	case on.Get("manual", apiDeposit) != nil:
		return nil
	default:
		return mpesa.OutcomeOf(p.Phone, int64(p.Amount/mpesa.Shilling))
	}
}

// course is when the payer answers, and how much later the webhook goes out than REST and the sockets know.
type course struct{ settle, lag time.Duration }

// course follows the payer of a plan, or the life of a prompt that nobody answers. The lock is held.
func (d *deposits) course(p *deposit, plan *mpesa.Outcome) course {
	if plan == nil {
		return course{settle: p.Life}
	}
	settle, lag := d.net.Timing(plan)
	return course{settle, lag}
}

// schedule lets the planned outcome happen, or the prompt expire. The lock is held.
func (d *deposits) schedule(p *deposit, plan *mpesa.Outcome, when course) {
	wait := p.Created.Add(when.settle).Sub(d.e.Now())
	if plan == nil {
		d.e.Later(wait, func() { d.expire(p) })
		return
	}
	p.Plan = plan.Name
	d.e.Later(wait, func() {
		if p.Open() {
			d.finish(p, plan, when.lag)
		}
	})
}

// expire ends a prompt that nobody answered. The lock is held.
func (d *deposits) expire(p *deposit) {
	if p.Open() {
		d.finish(p, mpesa.OutcomeNamed(d.e.Behaviours.Choice("prompt-expiry", apiDeposit, "1037")), 0)
	}
}

// settle ends a deposit; money has moved from the customer to the wallet if it was paid. The lock is held.
func (d *deposits) settle(p *deposit, o *mpesa.Outcome) {
	t := &mpesa.Txn{
		Kind: mpesa.KindSTK, Reason: "Pay Bill Online", Amount: p.Amount, Customer: p.Phone, To: wasaapayPaybill, Reference: p.Reference,
		Originator: p.ID, Initiated: p.Created, Completed: d.e.Now(),
	}
	o = d.net.Collect(o, t)
	p.Result, p.Settled, p.Receipt = o.Name, t.Completed, t.Receipt
	d.book.Settle(p)
	d.e.Touch()
	if !o.Paid() {
		p.Reason = o.Callback
		return
	}
	if a := d.wallets.all[p.Wallet]; a != nil {
		a.book(p.Settled, "DEPOSIT", p.Reference, p.Amount)
	}
}

// finish settles a deposit, tells the sockets at once and the webhook lag later. The lock is held.
func (d *deposits) finish(p *deposit, o *mpesa.Outcome, lag time.Duration) {
	d.settle(p, o)
	final := d.finalWebhook(p)
	if o.Silent {
		d.e.Lose(final, lag, "not sent: the outcome is "+o.Name)
		return
	}
	d.announce(p)
	d.webhooks.send(final, lag)
	if d.e.Behaviours.Roll("webhook-contradicts", outWebhook) != nil {
		v := d.opposite(p)
		again := d.webhooks.make(webhookEvent(v.Status), depositData(v), p.ID)
		again.Note = "contradicts the one before (webhook-contradicts)"
		d.e.Clock.After(lag+contradictionLag, func() { d.e.Sender.Send(again) })
	}
}

const contradictionLag = time.Second

// initiated tells lag from now that the prompt was sent. The lock is held.
func (d *deposits) initiated(p *deposit, lag time.Duration) {
	d.sock.tell(topic{"deposit", p.ID}, "initiated", socketData(p.view()), lag)
	hook := d.webhooks.make("deposit.initiated", depositData(p.view()), p.ID)
	if d.e.Behaviours.Roll("webhook-out-of-order", outWebhook) != nil {
		hook.Note = "overtaken by the final one (webhook-out-of-order)"
		p.initiated = hook
		return
	}
	d.webhooks.send(hook, lag)
}

// finalWebhook is deposit.completed or deposit.failed, with the initiated one behind it where that was held back.
func (d *deposits) finalWebhook(p *deposit) *engine.Delivery {
	v := p.view()
	hook := d.webhooks.make(webhookEvent(v.Status), depositData(v), p.ID)
	hook.Behind, p.initiated = p.initiated, nil
	return hook
}

func webhookEvent(status string) string {
	if status == statusCompleted {
		return "deposit.completed"
	}
	return "deposit.failed"
}
