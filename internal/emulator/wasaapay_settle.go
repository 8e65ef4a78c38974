package emulator

import "time"

// promptLag is the time after which the prompt is on the phone and deposit.initiated is sent: a tenth of the payer's
// time, at most a second.
func (c course) promptLag() time.Duration { return min(c.settle/10, time.Second) }

// plan decides how the payer will answer; nil leaves the prompt open for somebody to answer it. A phone that shows a
// prompt already, of either provider, cannot take a second one (reference/daraja.md §4.2, 1001). The lock is held.
func (d *deposits) plan(p *deposit, asked *Outcome) *Outcome {
	on := d.e.behaviours
	busy := d.net.busy(p.Phone)
	switch {
	case busy && on.choice("subscriber-lock", apiDeposit, "callback") != "off":
		return outcomeNamed(outcomeLocked)
	case asked != nil:
		return asked
	case on.get("manual", apiDeposit) != nil:
		return nil
	default:
		return outcomeOf(p.Phone, int64(p.Amount/shilling))
	}
}

// course is when the payer answers, and how much later the webhook goes out than REST and the sockets know.
type course struct{ settle, lag time.Duration }

// course follows the payer of a plan, or the life of a prompt that nobody answers. The lock is held.
func (d *deposits) course(p *deposit, plan *Outcome) course {
	if plan == nil {
		return course{settle: p.Life}
	}
	settle, lag := d.net.timing(plan)
	return course{settle, lag}
}

// schedule lets the planned outcome happen, or the prompt expire. The lock is held.
func (d *deposits) schedule(p *deposit, plan *Outcome, when course) {
	wait := p.Created.Add(when.settle).Sub(d.e.now())
	if plan == nil {
		d.e.later(wait, func() { d.expire(p) })
		return
	}
	p.Plan = plan.Name
	d.e.later(wait, func() {
		if p.open() {
			d.finish(p, plan, when.lag)
		}
	})
}

// expire ends a prompt that nobody answered. The lock is held.
func (d *deposits) expire(p *deposit) {
	if p.open() {
		d.finish(p, outcomeNamed(d.e.behaviours.choice("prompt-expiry", apiDeposit, "1037")), 0)
	}
}

// settle ends a deposit; money has moved from the customer to the wallet if it was paid. The lock is held.
func (d *deposits) settle(p *deposit, o *Outcome) {
	t := &txn{
		Kind: outSTK, Reason: "Pay Bill Online", Amount: p.Amount, Customer: p.Phone, To: wasaapayPaybill, Reference: p.Reference,
		Originator: p.ID, Initiated: p.Created, Completed: d.e.now(),
	}
	o = d.net.collect(o, t)
	p.Result, p.Settled, p.Receipt = o.Name, t.Completed, t.Receipt
	d.book.settle(p)
	d.e.touch()
	if !o.paid() {
		p.Reason = o.callback
		return
	}
	if a := d.wallets.all[p.Wallet]; a != nil {
		a.book(p.Settled, "DEPOSIT", p.Reference, p.Amount)
	}
}

// finish settles a deposit, tells the sockets at once and the webhook lag later. The lock is held.
func (d *deposits) finish(p *deposit, o *Outcome, lag time.Duration) {
	d.settle(p, o)
	final := d.finalWebhook(p)
	if o.silent {
		d.e.lose(final, lag, "not sent: the outcome is "+o.Name)
		return
	}
	d.announce(p)
	d.webhooks.send(final, lag)
	if d.e.behaviours.roll("webhook-contradicts", outWebhook) != nil {
		v := d.opposite(p)
		again := d.webhooks.make(webhookEvent(v.Status), depositData(v), p.ID)
		again.note = "contradicts the one before (webhook-contradicts)"
		d.e.clock.after(lag+contradictionLag, func() { d.e.sender.send(again) })
	}
}

const contradictionLag = time.Second

// initiated tells lag from now that the prompt was sent. The lock is held.
func (d *deposits) initiated(p *deposit, lag time.Duration) {
	d.tell(p.view(), "initiated", lag)
	hook := d.webhooks.make("deposit.initiated", depositData(p.view()), p.ID)
	if d.e.behaviours.roll("webhook-out-of-order", outWebhook) != nil {
		hook.note = "overtaken by the final one (webhook-out-of-order)"
		p.initiated = hook
		return
	}
	d.webhooks.send(hook, lag)
}

// finalWebhook is deposit.completed or deposit.failed, with the initiated one behind it where that was held back.
func (d *deposits) finalWebhook(p *deposit) *delivery {
	v := p.view()
	hook := d.webhooks.make(webhookEvent(v.Status), depositData(v), p.ID)
	hook.behind, p.initiated = p.initiated, nil
	return hook
}

func webhookEvent(status string) string {
	if status == statusCompleted {
		return "deposit.completed"
	}
	return "deposit.failed"
}
