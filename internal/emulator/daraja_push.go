package emulator

import (
	"net/http"
	"time"
)

// express is the STK push, "M-PESA Express": the pushes that were accepted, their prompts, callbacks and queries.
type express struct {
	e    *engine
	net  *network
	door *door
	c2b  *c2b

	payments paymentBook
	limiter  time.Time // when the query's rate limit lets the next one pass
}

func (x *express) reset() { x.payments, x.limiter = newPaymentBook(), time.Time{} }

// shows reports whether a phone shows a push, knows whether a CheckoutRequestID is taken.
func (x *express) shows(phone msisdn) bool { return x.payments.open[phone] != nil }

func (x *express) knows(id string) bool { return x.payments.all[id] != nil }

// push takes an STK push in the order of reference/daraja.md §3.5.
func (x *express) push(c *call) {
	f, ok := x.door.enter(c)
	if !ok {
		return
	}
	var asked *Outcome
	if name := c.r.Header.Get(outcomeHeader); name != "" {
		if asked = outcomeNamed(name); asked == nil {
			c.refused, c.reason = true, outcomeHeader+" names no outcome"
			c.reply(http.StatusBadRequest, struct {
				Error string `json:"error"`
			}{outcomeHeader + ": outcome is unknown; use one of " + outcomeNames()})
			return
		}
	}
	p, early := x.accept(c, f, asked)
	if p == nil {
		return
	}
	if early != nil {
		x.e.sender.deliver(early)
	}
	x.e.ease(c.r.Context())
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
func (x *express) accept(c *call, f fields, asked *Outcome) (_ *payment, early *delivery) {
	var rules pushRules
	if !x.e.quiet() {
		x.e.locked(func() {
			rules.lenientReference = x.e.behaviours.get("lenient-reference", c.api) != nil
			rules.strictURL = x.e.behaviours.get("strict-callback-url", c.api) != nil
		})
	}
	req, bad, ok := parsePush(f, rules)
	x.e.Lock()
	defer x.e.Unlock()
	on := x.e.behaviours
	if ok {
		bad, ok = x.checkMerchant(req.shortcode, req.password, req.timestamp, c.api)
	}
	locked := ok && x.payments.open[req.phone] != nil
	lock := "sync"
	if locked {
		lock = on.choice("subscriber-lock", c.api, lock)
	}
	if locked && lock == "sync" {
		bad, ok = badMerchant("Unable to lock subscriber, a transaction is already in process for the current subscriber",
			"the phone already shows the prompt of "+x.payments.open[req.phone].Merchant), false
	}
	if !ok {
		fail(c, bad)
		return nil, nil
	}
	p := x.open(&req)
	c.subject = p.Checkout
	plan := x.plan(&req, asked)
	if locked && lock == "callback" {
		plan = outcomeNamed(outcomeLocked)
	}
	x.payments.add(p)
	x.e.touch()
	if plan != nil && (plan.early || on.roll("callback-before-answer", outSTK) != nil) {
		x.settle(p, plan)
		return p, x.callback(p)
	}
	x.schedule(p, plan)
	return p, nil
}

// open makes the payment of an accepted push.
func (x *express) open(req *pushRequest) *payment {
	now := x.e.now()
	return &payment{
		Merchant: requestID(x.e.ids), Checkout: x.net.checkoutID(req.phone, now),
		Shortcode: ownCode(req.shortcode), PartyB: ownCode(req.partyB), Kind: ownKind(req.kind), Phone: req.phone, Amount: req.amount,
		Callback: req.callback, Reference: req.reference, Desc: req.description,
		Created: now, Life: x.e.behaviours.span("prompt-lifetime", apiPush, promptLifetime),
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
func (x *express) plan(req *pushRequest, asked *Outcome) *Outcome {
	on := x.e.behaviours
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

// promptLifetime is how long a prompt stays: people see prompts for 60 to 90 s (reference/daraja.md §4.3).
const promptLifetime = 75 * time.Second

// schedule lets the planned outcome happen, or the prompt expire. The lock is held.
func (x *express) schedule(p *payment, plan *Outcome) {
	if plan == nil {
		x.e.later(p.expires().Sub(x.e.now()), func() { x.expire(p) })
		return
	}
	p.Plan = plan.Name
	settle, lag := x.net.timing(plan)
	x.e.later(p.Created.Add(settle).Sub(x.e.now()), func() {
		if p.open() {
			x.finish(p, plan, lag)
		}
	})
}

// expire ends a prompt that nobody answered. The lock is held.
func (x *express) expire(p *payment) {
	if !p.open() {
		return
	}
	code := x.e.behaviours.choice("prompt-expiry", apiPush, "1037")
	x.finish(p, outcomeNamed(code), 0)
}
