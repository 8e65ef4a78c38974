package emulator

import (
	"net/http"
	"strconv"
	"time"
)

func appendUint(buf []byte, n uint64) []byte { return strconv.AppendUint(buf, n, 10) }

// outcomeHeader asks for an outcome on the push itself; it is the emulator's own.
const outcomeHeader = "X-Emulator-Outcome"

// push takes an STK push in the order of reference/daraja.md §3.5.
func (d *daraja) push(c *call) {
	f, ok := d.enter(c)
	if !ok {
		return
	}
	var asked *Outcome
	if name := c.r.Header.Get(outcomeHeader); name != "" {
		if asked = outcomeNamed(name); asked == nil {
			c.refused, c.reason = true, outcomeHeader+" names no outcome"
			c.reply(http.StatusBadRequest, controlError{outcomeHeader + ": outcome is unknown; use one of " + outcomeNames()})
			return
		}
	}
	p, early := d.accept(c, f, asked)
	if p == nil {
		return
	}
	if early != nil {
		d.e.sender.deliver(early)
	}
	d.e.ease(c.r.Context())
	c.status, c.kind, c.answer = http.StatusOK, typeJSON, acceptedPush(p.Merchant, p.Checkout)
}

// acceptedPush is the success answer of reference/daraja.md §3.3.
func acceptedPush(merchant, checkout string) []byte {
	const text = "Success. Request accepted for processing"
	buf := make([]byte, 0, 256)
	buf = append(append(buf, `{"MerchantRequestID":"`...), merchant...)
	buf = append(append(buf, `","CheckoutRequestID":"`...), checkout...)
	return append(buf, `","ResponseCode":"0","ResponseDescription":"`+text+`","CustomerMessage":"`+text+`"}`...)
}

// accept checks the request and opens the payment; early is a callback that overtakes the answer.
func (d *daraja) accept(c *call, f fields, asked *Outcome) (_ *payment, early *delivery) {
	var rules pushRules
	if !d.e.quiet.Load() {
		d.e.locked(func() {
			rules.lenientReference = d.e.behaviours.get("lenient-reference", c.api) != nil
			rules.strictURL = d.e.behaviours.get("strict-callback-url", c.api) != nil
		})
	}
	req, bad, ok := parsePush(f, rules)
	d.e.mu.Lock()
	defer d.e.mu.Unlock()
	on := d.e.behaviours
	if ok {
		bad, ok = d.checkMerchant(req.shortcode, req.password, req.timestamp, c.api)
	}
	locked := ok && d.payments.open[req.phone] != nil
	lock := "sync"
	if locked {
		lock = on.choice("subscriber-lock", c.api, lock)
	}
	if locked && lock == "sync" {
		bad, ok = badMerchant("Unable to lock subscriber, a transaction is already in process for the current subscriber",
			"the phone already shows the prompt of "+d.payments.open[req.phone].Merchant), false
	}
	if !ok {
		c.fail(bad)
		return nil, nil
	}
	p := d.open(&req)
	c.subject = p.Checkout
	plan := d.plan(&req, asked)
	if locked && lock == "callback" {
		plan = outcomeNamed(outcomeLocked)
	}
	d.payments.add(p)
	d.e.dirty = true
	if plan != nil && (plan.early || on.roll("callback-before-answer", outSTK) != nil) {
		d.settle(p, plan)
		return p, d.callback(p)
	}
	d.schedule(p, plan)
	return p, nil
}

// open makes the payment of an accepted push.
func (d *daraja) open(req *pushRequest) *payment {
	now := d.e.now()
	return &payment{
		Merchant: d.e.ids.request(), Checkout: d.payments.checkoutID(req.phone, now),
		Shortcode: ownCode(req.shortcode), PartyB: ownCode(req.partyB), Kind: ownKind(req.kind), Phone: req.phone, Amount: req.amount,
		Callback: req.callback, Reference: req.reference, Desc: req.description,
		Created: now, Life: d.e.behaviours.span("prompt-lifetime", apiPush, promptLifetime),
	}
}

// ownCode and ownKind return equal texts that every payment shares: open payments are many.
func ownCode(code string) string {
	creds := Credentials()
	for _, own := range []string{creds.Shortcode, creds.Store, creds.Till} {
		if code == own {
			return own
		}
	}
	return code
}

func ownKind(kind string) string {
	if kind == typeBuyGoods {
		return typeBuyGoods
	}
	return typePayBill
}

// plan decides how the payer will answer; nil leaves the prompt open for somebody to answer it.
func (d *daraja) plan(req *pushRequest, asked *Outcome) *Outcome {
	on := d.e.behaviours
	creds := Credentials()
	wiring := ""
	if on.get("any-credentials", apiPush) == nil {
		wiring = misrouted(req, &creds)
	}
	switch {
	case asked != nil:
		return asked
	case wiring != "":
		return outcomeNamed(wiring)
	case len(req.reference) > maxReference:
		return outcomeNamed(outcomePushFailed) // accepted, but no prompt appears (reference/daraja.md §3.2)
	case req.textParty && on.roll("numbers-only", apiPush) != nil:
		return outcomeNamed(outcomeTimeout)
	case on.get("manual", apiPush) != nil:
		return nil
	default:
		return outcomeOf(req.phone, int64(req.amount/shilling))
	}
}

// misrouted is the late failure of a PartyB that does not fit (reference/daraja.md §3.1): the store number stands in
// front, its till behind, and a paybill pays itself.
func misrouted(req *pushRequest, creds *Creds) string {
	switch {
	case req.kind == typePayBill && req.shortcode != creds.Shortcode:
		return outcomeNotPermitted // neither store nor till is a paybill
	case req.kind == typePayBill && req.partyB != req.shortcode:
		return outcomeNoOperator
	case req.kind == typeBuyGoods && req.shortcode == creds.Till:
		return outcomeNotPermitted // store and till swapped
	case req.kind == typeBuyGoods && req.partyB != creds.Till:
		return outcomeNoOperator
	default:
		return ""
	}
}

const (
	promptLifetime = 75 * time.Second // people see prompts for 60 to 90 s (reference/daraja.md §4.3)
	calmDelay      = 150 * time.Millisecond
)

// timing is how long the payer takes, and how much later the callback comes than the query knows.
func (d *daraja) timing(o *Outcome) (settle, lag time.Duration) {
	delay := d.e.opts.CallbackDelay
	if set := d.e.behaviours.roll("callback-delay", outSTK); set != nil {
		delay = set.duration
	}
	if delay == 0 && d.e.behaviours.choice("latency", outSTK, "fast") == "measured" {
		switch o.Code {
		case "0":
			return 15 * time.Second, 2 * time.Second
		case "1037":
			return 14 * time.Second, 12 * time.Second // reference/daraja.md §3.7
		default:
			return 8 * time.Second, time.Second
		}
	}
	if delay == 0 {
		delay = calmDelay
	}
	lag = min(delay/3, 2*time.Second)
	return delay - lag, lag
}

// schedule lets the planned outcome happen, or the prompt expire. The lock is held.
func (d *daraja) schedule(p *payment, plan *Outcome) {
	if plan == nil {
		d.e.later(p.expires().Sub(d.e.now()), func() { d.expire(p) })
		return
	}
	p.Plan = plan.Name
	settle, lag := d.timing(plan)
	d.e.later(p.Created.Add(settle).Sub(d.e.now()), func() {
		if p.open() {
			d.finish(p, plan, lag)
		}
	})
}

// expire ends a prompt that nobody answered. The lock is held.
func (d *daraja) expire(p *payment) {
	if !p.open() {
		return
	}
	code := d.e.behaviours.choice("prompt-expiry", apiPush, "1037")
	d.finish(p, outcomeNamed(code), 0)
}
