package daraja

import (
	"context"

	"github.com/payctl/payctl/internal/payment"
)

const pathQuery = "/mpesa/stkpushquery/v1/query"

// Ask asks the STK query about one push (reference/daraja.md §5). Only codes of
// the closed list settle; every form of "not yet" is PENDING and every other
// answer UNKNOWN, which means ask again. A COMPLETED answer has no receipt:
// the query does not know it. Errors are KindUnavailable (the gateway or its
// rate limit; an interface{ RetryAfter() time.Duration } in the chain says how
// long), KindUnauthorized, and KindUsage for a deposit of another shortcode or
// a request the gateway cannot read.
func (c *Client) Ask(ctx context.Context, d payment.Deposit) (payment.Answer, error) {
	if err := require("stk query", Missing(c.cfg)); err != nil {
		return payment.Answer{}, err
	}
	endpoint := "stk query " + d.Reference
	if d.ProviderID == "" {
		return payment.Answer{}, payment.NotFound(endpoint+": the deposit has no CheckoutRequestID to ask by", "only its callback can settle it; see payctl deposit get")
	}
	if d.ShortCode != "" && d.ShortCode != c.cfg.ShortCode {
		return payment.Answer{}, payment.Usage(endpoint+": the push was sent for shortcode "+d.ShortCode+", this profile has "+c.cfg.ShortCode, "choose the profile it was sent with")
	}
	r, err := c.call(ctx, APIQuery, endpoint, pathQuery, queryBody{stamp: c.stamp(), CheckoutRequestID: d.ProviderID})
	if err != nil {
		return payment.Answer{}, harmless(err)
	}
	return c.queryAnswer(endpoint, d.ProviderID, r)
}

func (c *Client) queryAnswer(endpoint, asked string, r reply) (payment.Answer, error) {
	a := payment.Answer{Status: payment.StatusUnknown, ProviderID: asked, Code: r.code, Message: shown(r.message)}
	if r.bare() {
		return settledBy(a, r), nil
	}
	switch r.row.class {
	case ClassPending:
		a.Status = payment.StatusPending
		return a, nil
	case ClassUnknown:
		if r.row.meaning != "" && r.row.kindIn(APIQuery) == payment.KindPending {
			a.NotKnown = r.row.message == notKnown
			return a, nil
		}
	case ClassRefused, ClassCredentials, ClassToken, ClassBusy, ClassPaid, ClassFailed, ClassDone:
	}
	return payment.Answer{}, c.noAnswer(endpoint, r, hintHarmless)
}

// notKnown is how the query says that it does not know an id (reference/daraja.md §5).
const notKnown = "does not exist"

const hintHarmless = "asking changes nothing: try again shortly"

// settledBy reads a plain HTTP 200. ResponseCode says that the question was
// taken, ResultCode alone how the payment stands, and only for the id asked.
func settledBy(a payment.Answer, r reply) payment.Answer {
	code := r.root.get("resultcode").scalar()
	a.Code, a.Message = r.hide(code), shown(r.word("resultdesc"))
	if !r.succeeded() || r.root.get("checkoutrequestid").scalar() != a.ProviderID {
		return a
	}
	a.MerchantRequestID = r.root.get("merchantrequestid").scalar()
	found, _ := resultClass(APIQuery, code, a.Message)
	switch found.class {
	case ClassPaid:
		a.Status = payment.StatusCompleted
	case ClassFailed:
		a.Status = payment.StatusFailed
		a.Failure = &payment.Failure{Code: a.Code, Reason: a.Message, Advice: advice(found)}
	case ClassPending:
		a.Status = payment.StatusPending
	case ClassUnknown, ClassDone, ClassRefused, ClassCredentials, ClassToken, ClassBusy:
	}
	return a
}
