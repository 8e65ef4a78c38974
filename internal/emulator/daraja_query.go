package emulator

import (
	"net/http"
	"strings"
	"time"
)

// query answers an STK query (reference/daraja.md §5).
func (x *express) query(c *call) {
	f, ok := x.door.enter(c)
	if !ok {
		return
	}
	var shortcode, password, timestamp string
	bad, ok := parseMerchant(f, &shortcode, &password, &timestamp)
	id := f.get("CheckoutRequestID").plain()
	if ok && (id == "" || strings.ContainsAny(id, " \t\n")) {
		bad, ok = badField("CheckoutRequestID", "CheckoutRequestID is missing or contains a space"), false
	}
	c.subject = id
	x.e.Lock()
	defer x.e.Unlock()
	if ok {
		bad, ok = x.checkMerchant(shortcode, password, timestamp, c.api)
	}
	switch {
	case x.limited():
		c.reason = "behaviour query-rate-limit"
		c.refuseRaw(http.StatusTooManyRequests, "application/json", spikeFault)
	case !ok:
		fail(c, bad)
	default:
		x.answerQuery(c, shortcode, id)
	}
}

// spikeFault is the sandbox's 429 (reference/daraja.md §3.4).
const spikeFault = `{"fault":{"faultstring":"Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, ` +
	`periodInMicroseconds=60000000, maxBurstMessageCount=1.0}","detail":{"errorcode":"policies.ratelimit.SpikeArrestViolation"}}}`

// limited tells whether the rate limit stops this query: evenly spread, with a burst of one.
func (x *express) limited() bool {
	limit := x.e.behaviours.get("query-rate-limit", apiQuery)
	if limit == nil {
		return false
	}
	now := x.e.now()
	if now.Before(x.limiter) {
		return true
	}
	x.limiter = now.Add(limit.duration / time.Duration(limit.count))
	return false
}

func (x *express) answerQuery(c *call, shortcode, id string) {
	on := x.e.behaviours
	p := x.payments.all[id]
	if p != nil && p.Shortcode != shortcode {
		p = nil
	}
	if p == nil {
		reason := "no push of " + shortcode + " has this CheckoutRequestID"
		if on.choice("query-unknown", c.api, "500") == "400" {
			fail(c, badField("CheckoutRequestID", reason))
		} else {
			fail(c, badMerchant("The transaction does not Exist", reason))
		}
		return
	}
	if early := on.roll("query-early-400", c.api); early != nil && x.e.now().Sub(p.Created) < early.duration {
		fail(c, badField("CheckoutRequestID", "asked too soon after the push (query-early-400)"))
		return
	}
	if p.open() {
		x.pendingQuery(c, p)
		return
	}
	if on.roll("query-noise", c.api) != nil {
		fail(c, badMerchant("The transaction is being processed", "behaviour query-noise: the payment is settled"))
		return
	}
	o := outcomeNamed(p.Result)
	if o.paid() && on.roll("query-contradicts", c.api) != nil {
		o = outcomeNamed(outcomeCancelled)
		c.reason = "behaviour query-contradicts: the payment was paid"
	}
	replyQuery(c, p, o.Code, o.describe())
}

// pendingQuery answers for an open prompt in one of its four forms (reference/daraja.md §5).
func (x *express) pendingQuery(c *call, p *payment) {
	form := x.e.behaviours.choice("query-pending", c.api, "4999")
	if form == "mixed" {
		forms := []string{"4999", "empty", "processing", "empty-500"}
		form = forms[x.e.behaviours.on["query-pending"].rolls%uint64(len(forms))]
	}
	empty := badMerchant("", "the prompt is open (query-pending)")
	switch form {
	case "empty":
		empty.status = http.StatusOK
		fail(c, empty)
	case "empty-500":
		fail(c, empty)
	case "processing":
		fail(c, badMerchant("The transaction is being processed", "the prompt is open (query-pending)"))
	default:
		replyQuery(c, p, "4999", "The transaction is still under processing")
	}
}

// replyQuery is the answer of reference/daraja.md §5; three s in successsfully are the gateway's.
func replyQuery(c *call, p *payment, code, desc string) {
	c.reply(http.StatusOK, struct {
		ResponseCode        string `json:"ResponseCode"`
		ResponseDescription string `json:"ResponseDescription"`
		MerchantRequestID   string `json:"MerchantRequestID"`
		CheckoutRequestID   string `json:"CheckoutRequestID"`
		ResultCode          string `json:"ResultCode"`
		ResultDesc          string `json:"ResultDesc"`
	}{"0", "The service request has been accepted successsfully", p.Merchant, p.Checkout, code, desc})
}
