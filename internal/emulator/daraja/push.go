package daraja

import (
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// express is the STK push, "M-PESA Express": the pushes that were accepted, their prompts, callbacks and queries.
type express struct {
	e    *engine.Engine
	net  *mpesa.Network
	door *door
	c2b  *c2b

	payments paymentBook
	limiter  time.Time // when the query's rate limit lets the next one pass
	lastURL  string    // where the last push wanted its callback
}

func (x *express) reset() { x.payments, x.limiter, x.lastURL = newPaymentBook(), time.Time{}, "" }

// Shows reports whether a phone shows a push.
func (x *express) Shows(phone mpesa.MSISDN) bool { return x.payments.Open[phone] != nil }

// Knows reports whether a CheckoutRequestID is taken.
func (x *express) Knows(id string) bool { return x.payments.All[id] != nil }

// push takes an STK push in the order of reference/daraja.md §3.5.
func (x *express) push(c *engine.Call) {
	f, ok := x.door.enter(c)
	if !ok {
		return
	}
	var asked *mpesa.Outcome
	if name := c.Request.Header.Get(mpesa.OutcomeHeader); name != "" {
		if asked = mpesa.OutcomeNamed(name); asked == nil {
			c.Refused, c.Reason = true, mpesa.OutcomeHeader+" names no outcome"
			c.Reply(http.StatusBadRequest, struct {
				Error string `json:"error"`
			}{mpesa.OutcomeHeader + ": outcome is unknown; use one of " + mpesa.OutcomeNames()})
			return
		}
	}
	p, early := x.accept(c, f, asked)
	if p == nil {
		return
	}
	if early != nil {
		x.e.Sender.Deliver(early)
	}
	x.e.Ease(c.Request.Context())
	c.Status, c.Kind, c.Answer = http.StatusOK, engine.TypeJSON, acceptedPush(p.Merchant, p.Checkout)
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
func (x *express) accept(c *engine.Call, f engine.Fields, asked *mpesa.Outcome) (_ *payment, early *engine.Delivery) {
	var rules pushRules
	if !x.e.Quiet() {
		x.e.Locked(func() {
			rules.strictLengths = x.e.Behaviours.Get("strict-lengths", c.API) != nil
			rules.strictURL = x.e.Behaviours.Get("strict-callback-url", c.API) != nil
		})
	}
	req, bad, ok := parsePush(f, rules)
	x.e.Lock()
	defer x.e.Unlock()
	on := x.e.Behaviours
	if ok {
		bad, ok = x.checkMerchant(req.shortcode, req.password, req.timestamp, c.API)
	}
	locked := ok && x.payments.Open[req.phone] != nil
	lock := "sync"
	if locked {
		lock = on.Choice("subscriber-lock", c.API, lock)
	}
	if locked && lock == "sync" {
		bad, ok = badMerchant("Unable to lock subscriber, a transaction is already in process for the current subscriber",
			"the phone already shows the prompt of "+x.payments.Open[req.phone].Merchant), false
	}
	if !ok {
		fail(c, bad)
		return nil, nil
	}
	p := x.open(&req)
	c.Subject, c.Reason = p.Checkout, req.longTexts()
	plan := x.plan(&req, asked)
	if locked && lock == "callback" {
		plan = mpesa.OutcomeNamed(mpesa.OutcomeLocked)
	}
	x.payments.Add(p)
	x.e.Touch()
	if plan != nil && (plan.Early || on.Roll("callback-before-answer", mpesa.OutSTK) != nil) {
		x.settle(p, plan)
		return p, x.callback(p)
	}
	x.schedule(p, plan)
	return p, nil
}

// open makes the payment of an accepted push.
func (x *express) open(req *pushRequest) *payment {
	now := x.e.Now()
	if req.callback != x.lastURL { // most applications have one, which their payments share
		x.lastURL = req.callback
	}
	return &payment{
		Merchant: mpesa.RequestID(x.e.IDs), Checkout: x.net.CheckoutID(req.phone, now),
		Shortcode: ownCode(req.shortcode), PartyB: ownCode(req.partyB), Kind: ownKind(req.kind), Phone: req.phone, Amount: req.amount,
		Callback: x.lastURL, Reference: req.reference, Desc: req.description,
		Created: now, Life: x.e.Behaviours.Span("prompt-lifetime", mpesa.APIPush, promptLifetime),
	}
}

// ownCode and ownKind return equal texts that every payment shares: open payments are many.
func ownCode(code string) string {
	creds := engine.Credentials()
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
func (x *express) plan(req *pushRequest, asked *mpesa.Outcome) *mpesa.Outcome {
	on := x.e.Behaviours
	creds := engine.Credentials()
	wiring := ""
	if on.Get("any-credentials", mpesa.APIPush) == nil {
		wiring = misrouted(req, &creds)
	}
	switch {
	case asked != nil:
		return asked
	case wiring != "":
		return mpesa.OutcomeNamed(wiring)
	case utf8.RuneCountInString(promptText(req.amount, req.partyB, req.reference)) > maxPrompt,
		utf8.RuneCountInString(req.reference) > maxReference && on.Roll("long-reference-fails", mpesa.APIPush) != nil:
		return mpesa.OutcomeNamed(mpesa.OutcomePushFailed) // accepted, but no prompt appears (reference/daraja.md §3.2)
	case req.textParty && on.Roll("numbers-only", mpesa.APIPush) != nil:
		return mpesa.OutcomeNamed(mpesa.OutcomeTimeout)
	case on.Get("manual", mpesa.APIPush) != nil:
		return nil
	default:
		return mpesa.OutcomeOf(req.phone, int64(req.amount/mpesa.Shilling))
	}
}

// misrouted is the late failure of a PartyB that does not fit (reference/daraja.md §3.1): the store number stands in
// front, its till behind, and a paybill pays itself.
func misrouted(req *pushRequest, creds *engine.Creds) string {
	switch {
	case req.kind == typePayBill && req.shortcode != creds.Shortcode:
		return mpesa.OutcomeNotPermitted // neither store nor till is a paybill
	case req.kind == typePayBill && req.partyB != req.shortcode:
		return mpesa.OutcomeNoOperator
	case req.kind == typeBuyGoods && req.shortcode == creds.Till:
		return mpesa.OutcomeNotPermitted // store and till swapped
	case req.kind == typeBuyGoods && req.partyB != creds.Till:
		return mpesa.OutcomeNoOperator
	default:
		return ""
	}
}

// promptLifetime is how long a prompt stays: people see prompts for 60 to 90 s (reference/daraja.md §4.3).
const promptLifetime = 75 * time.Second

// schedule lets the planned outcome happen, or the prompt expire. The lock is held.
func (x *express) schedule(p *payment, plan *mpesa.Outcome) {
	if plan == nil {
		x.e.Later(p.expires().Sub(x.e.Now()), func() { x.expire(p) })
		return
	}
	p.Plan = plan.Name
	settle, lag := x.net.Timing(plan)
	x.e.Later(p.Created.Add(settle).Sub(x.e.Now()), func() {
		if p.Open() {
			x.finish(p, plan, lag)
		}
	})
}

// expire ends a prompt that nobody answered. The lock is held.
func (x *express) expire(p *payment) {
	if !p.Open() {
		return
	}
	code := x.e.Behaviours.Choice("prompt-expiry", mpesa.APIPush, "1037")
	x.finish(p, mpesa.OutcomeNamed(code), 0)
}
