package emulator

import "time"

// promptLag is the time after which the prompt is on the phone and deposit.initiated is sent: a tenth of the payer's
// time, at most a second.
func (c course) promptLag() time.Duration { return min(c.settle/10, time.Second) }

// plan decides how the payer will answer; nil leaves the prompt open for somebody to answer it. A phone that shows a
// prompt already, of either provider, cannot take a second one (reference/daraja.md §4.2, 1001). The lock is held.
func (w *wasaapay) plan(p *deposit, asked *Outcome) *Outcome {
	on := w.e.behaviours
	busy := w.deposits.open[p.Phone] != nil || w.mpesa.payments.open[p.Phone] != nil
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
func (w *wasaapay) course(p *deposit, plan *Outcome) course {
	if plan == nil {
		return course{settle: p.Life}
	}
	settle, lag := w.mpesa.timing(plan)
	return course{settle, lag}
}

// schedule lets the planned outcome happen, or the prompt expire. The lock is held.
func (w *wasaapay) schedule(p *deposit, plan *Outcome, when course) {
	wait := p.Created.Add(when.settle).Sub(w.e.now())
	if plan == nil {
		w.e.later(wait, func() { w.expire(p) })
		return
	}
	p.Plan = plan.Name
	w.e.later(wait, func() {
		if p.open() {
			w.finish(p, plan, when.lag)
		}
	})
}

// expire ends a prompt that nobody answered. The lock is held.
func (w *wasaapay) expire(p *deposit) {
	if p.open() {
		w.finish(p, outcomeNamed(w.e.behaviours.choice("prompt-expiry", apiDeposit, "1037")), 0)
	}
}

// settle ends a deposit; money has moved from the customer to the wallet if it was paid. The lock is held.
func (w *wasaapay) settle(p *deposit, o *Outcome) {
	now := w.e.now()
	asked := &payment{Phone: p.Phone, Amount: p.Amount}
	if o.paid() {
		if against := w.mpesa.objection(asked, now); against != "" {
			o = outcomeNamed(against)
		}
	}
	p.Result, p.Settled = o.Name, now
	w.deposits.settle(p)
	w.e.dirty = true
	if !o.paid() {
		p.Reason = o.callback
		return
	}
	p.Receipt = w.e.ids.receipt(now)
	w.mpesa.payments.rememberPaid(asked, now)
	w.mpesa.ledger.pay(&txn{
		Receipt: p.Receipt, Kind: outSTK, Reason: "Pay Bill Online", Amount: p.Amount, Customer: p.Phone,
		From: p.Phone.full(), To: wasaapayPaybill, Reference: p.Reference, Originator: p.ID,
		Conversation: w.e.ids.conversation(now), Initiated: p.Created, Completed: now,
	}, wasaapayPaybill)
	if a := w.wallets[p.Wallet]; a != nil {
		a.book(now, "DEPOSIT", p.Reference, p.Amount)
	}
}

// finish settles a deposit, tells the sockets at once and the webhook lag later. The lock is held.
func (w *wasaapay) finish(p *deposit, o *Outcome, lag time.Duration) {
	w.settle(p, o)
	d := w.finalWebhook(p)
	if o.silent {
		w.e.lose(d, lag, "not sent: the outcome is "+o.Name)
		return
	}
	w.announce(p)
	w.send(d, lag)
	if w.e.behaviours.roll("webhook-contradicts", outWebhook) != nil {
		v := w.opposite(p)
		again := w.webhook(webhookEvent(v.Status), depositData(v), p.ID)
		again.note = "contradicts the one before (webhook-contradicts)"
		w.e.clock.after(lag+contradictionLag, func() { w.e.sender.send(again) })
	}
}

const contradictionLag = time.Second

// initiated tells lag from now that the prompt was sent. The lock is held.
func (w *wasaapay) initiated(p *deposit, lag time.Duration) {
	w.emitDeposit(p.view(), "initiated", lag)
	d := w.webhook("deposit.initiated", depositData(p.view()), p.ID)
	if w.e.behaviours.roll("webhook-out-of-order", outWebhook) != nil {
		d.note = "overtaken by the final one (webhook-out-of-order)"
		p.initiated = d
		return
	}
	w.send(d, lag)
}

// finalWebhook is deposit.completed or deposit.failed, with the initiated one behind it where that was held back.
func (w *wasaapay) finalWebhook(p *deposit) *delivery {
	v := p.view()
	d := w.webhook(webhookEvent(v.Status), depositData(v), p.ID)
	d.behind, p.initiated = p.initiated, nil
	return d
}

func webhookEvent(status string) string {
	if status == statusCompleted {
		return "deposit.completed"
	}
	return "deposit.failed"
}
