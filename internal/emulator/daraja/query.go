package daraja

import (
	"net/http"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// query answers an STK query (reference/daraja.md §5).
func (x *express) query(c *engine.Call) {
	f, ok := x.door.enter(c)
	if !ok {
		return
	}
	var shortcode, password, timestamp string
	bad, ok := parseMerchant(f, &shortcode, &password, &timestamp)
	id := f.Get("CheckoutRequestID").Plain()
	if ok && (id == "" || strings.ContainsAny(id, " \t\n")) {
		bad, ok = badField("CheckoutRequestID", "CheckoutRequestID is missing or contains a space"), false
	}
	c.Subject = id
	x.e.Lock()
	defer x.e.Unlock()
	if ok {
		bad, ok = x.checkMerchant(shortcode, password, timestamp, c.API)
	}
	switch {
	case x.limited():
		c.Reason = "behaviour query-rate-limit"
		c.RefuseRaw(http.StatusTooManyRequests, "application/json", spikeFault)
	case !ok:
		fail(c, bad)
	default:
		x.answerQuery(c, shortcode, id)
	}
}

// spikeFault is the sandbox's 429 (reference/daraja.md §3.4).
const spikeFault = `{"fault":{"faultstring":"Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, ` +
	`periodInMicroseconds=60000000, maxBurstMessageCount=1.0}","detail":{"errorcode":"policies.ratelimit.SpikeArrestViolation"}}}`

// limited reports whether the rate limit stops this query: evenly spread, with a burst of one.
func (x *express) limited() bool {
	limit := x.e.Behaviours.Get("query-rate-limit", apiQuery)
	if limit == nil {
		return false
	}
	now := x.e.Now()
	if now.Before(x.limiter) {
		return true
	}
	x.limiter = now.Add(limit.Duration / time.Duration(limit.Count))
	return false
}

func (x *express) answerQuery(c *engine.Call, shortcode, id string) {
	on := x.e.Behaviours
	p := x.payments.All[id]
	if p != nil && p.Shortcode != shortcode {
		p = nil
	}
	if p == nil {
		reason := "no push of " + shortcode + " has this CheckoutRequestID"
		if on.Choice("query-unknown", c.API, "500") == "400" {
			fail(c, badField("CheckoutRequestID", reason))
		} else {
			fail(c, badMerchant("The transaction does not Exist", reason))
		}
		return
	}
	if early := on.Roll("query-early-400", c.API); early != nil && x.e.Now().Sub(p.Created) < early.Duration {
		fail(c, badField("CheckoutRequestID", "asked too soon after the push (query-early-400)"))
		return
	}
	if p.Open() {
		x.pendingQuery(c, p)
		return
	}
	if on.Roll("query-noise", c.API) != nil {
		fail(c, badMerchant("The transaction is being processed", "behaviour query-noise: the payment is settled"))
		return
	}
	o := mpesa.OutcomeNamed(p.Result)
	if o.Paid() && on.Roll("query-contradicts", c.API) != nil {
		o = mpesa.OutcomeNamed(mpesa.OutcomeCancelled)
		c.Reason = "behaviour query-contradicts: the payment was paid"
	}
	replyQuery(c, p, o.Code, o.Describe())
}

// pendingQuery answers for an open prompt in one of its four forms (reference/daraja.md §5).
func (x *express) pendingQuery(c *engine.Call, p *payment) {
	form := x.e.Behaviours.Choice("query-pending", c.API, "4999")
	if form == "mixed" {
		forms := []string{"4999", "empty", "processing", "empty-500"}
		form = forms[x.e.Behaviours.Turn("query-pending")%uint64(len(forms))]
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
func replyQuery(c *engine.Call, p *payment, code, desc string) {
	c.Reply(http.StatusOK, struct {
		ResponseCode        string `json:"ResponseCode"`
		ResponseDescription string `json:"ResponseDescription"`
		MerchantRequestID   string `json:"MerchantRequestID"`
		CheckoutRequestID   string `json:"CheckoutRequestID"`
		ResultCode          string `json:"ResultCode"`
		ResultDesc          string `json:"ResultDesc"`
	}{"0", "The service request has been accepted successsfully", p.Merchant, p.Checkout, code, desc})
}
