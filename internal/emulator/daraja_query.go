package emulator

import (
	"net/http"
	"strings"
	"time"
)

// query answers an STK query (reference/daraja.md §5).
func (d *daraja) query(c *call) {
	f, ok := d.enter(c)
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
	d.e.mu.Lock()
	defer d.e.mu.Unlock()
	if ok {
		bad, ok = d.checkMerchant(shortcode, password, timestamp, c.api)
	}
	switch {
	case d.limited():
		c.reason = "behaviour query-rate-limit"
		c.refuseRaw(http.StatusTooManyRequests, "application/json", spikeFault)
	case !ok:
		c.fail(bad)
	default:
		d.answerQuery(c, shortcode, id)
	}
}

// spikeFault is the sandbox's 429 (reference/daraja.md §3.4).
const spikeFault = `{"fault":{"faultstring":"Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, ` +
	`periodInMicroseconds=60000000, maxBurstMessageCount=1.0}","detail":{"errorcode":"policies.ratelimit.SpikeArrestViolation"}}}`

// limited tells whether the rate limit stops this query: evenly spread, with a burst of one.
func (d *daraja) limited() bool {
	limit := d.e.behaviours.get("query-rate-limit", apiQuery)
	if limit == nil {
		return false
	}
	now := d.e.now()
	if now.Before(d.limiter) {
		return true
	}
	d.limiter = now.Add(limit.duration / time.Duration(limit.count))
	return false
}

func (d *daraja) answerQuery(c *call, shortcode, id string) {
	on := d.e.behaviours
	p := d.payments.all[id]
	if p != nil && p.Shortcode != shortcode {
		p = nil
	}
	if p == nil {
		reason := "no push of " + shortcode + " has this CheckoutRequestID"
		if on.choice("query-unknown", c.api, "500") == "400" {
			c.fail(badField("CheckoutRequestID", reason))
		} else {
			c.fail(badMerchant("The transaction does not Exist", reason))
		}
		return
	}
	if early := on.roll("query-early-400", c.api); early != nil && d.e.now().Sub(p.Created) < early.duration {
		c.fail(badField("CheckoutRequestID", "asked too soon after the push (query-early-400)"))
		return
	}
	if p.open() {
		d.pendingQuery(c, p)
		return
	}
	if on.roll("query-noise", c.api) != nil {
		c.fail(badMerchant("The transaction is being processed", "behaviour query-noise: the payment is settled"))
		return
	}
	o := outcomeNamed(p.Result)
	if o.paid() && on.roll("query-contradicts", c.api) != nil {
		o = outcomeNamed(outcomeCancelled)
		c.reason = "behaviour query-contradicts: the payment was paid"
	}
	c.replyQuery(p, o.Code, o.describe())
}

// pendingQuery answers for an open prompt in one of its four forms (reference/daraja.md §5).
func (d *daraja) pendingQuery(c *call, p *payment) {
	form := d.e.behaviours.choice("query-pending", c.api, "4999")
	if form == "mixed" {
		forms := []string{"4999", "empty", "processing", "empty-500"}
		form = forms[d.e.behaviours.on["query-pending"].rolls%uint64(len(forms))]
	}
	empty := badMerchant("", "the prompt is open (query-pending)")
	switch form {
	case "empty":
		empty.status = http.StatusOK
		c.fail(empty)
	case "empty-500":
		c.fail(empty)
	case "processing":
		c.fail(badMerchant("The transaction is being processed", "the prompt is open (query-pending)"))
	default:
		c.replyQuery(p, "4999", "The transaction is still under processing")
	}
}

// replyQuery is the answer of reference/daraja.md §5; three s in successsfully are the gateway's.
func (c *call) replyQuery(p *payment, code, desc string) {
	c.reply(http.StatusOK, struct {
		ResponseCode        string `json:"ResponseCode"`
		ResponseDescription string `json:"ResponseDescription"`
		MerchantRequestID   string `json:"MerchantRequestID"`
		CheckoutRequestID   string `json:"CheckoutRequestID"`
		ResultCode          string `json:"ResultCode"`
		ResultDesc          string `json:"ResultDesc"`
	}{"0", "The service request has been accepted successsfully", p.Merchant, p.Checkout, code, desc})
}
