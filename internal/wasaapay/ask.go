package wasaapay

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
)

// Ask reads a deposit's state: GET /deposits/{depositId}
// (reference/wasaapay.md §7.3). Passing trouble is tried again as the rate
// limit allows. A refusal in HTML is a proxy's or a firewall's, not the key's,
// and passes too (§5.5). An answer without data, with success: false, or about another
// deposit, amount or currency is StatusUnknown, never a failure; an undocumented
// status, or one beside an illegible amount, is PENDING with the status as Code.
func (c *Client) Ask(ctx context.Context, d payment.Deposit) (payment.Answer, error) {
	if !c.cfg.APIKey.IsSet() {
		with := c.cfg
		with.Wallet = "not needed"
		return payment.Answer{}, needKey(with)
	}
	if d.ProviderID == "" {
		return payment.Answer{}, usage("deposit "+d.ID+": has no WasaaPay id to ask for", "create it again with the same idempotency key to learn its id")
	}
	t := c.try(ctx, apiclient.Request{
		Method: http.MethodGet, URL: c.base + "/deposits/" + url.PathEscape(d.ProviderID), Header: c.header(), Endpoint: "get deposit",
		Secrets: c.secrets(),
	}, true)
	switch {
	case errors.Is(t.stopped, context.Canceled):
		return payment.Answer{}, t.interrupted()
	case t.response == nil:
		return payment.Answer{}, readError(t.err)
	}
	return asked(readAnswer(t.response), d)
}

// readError takes "outcome unknown" off an error: asking changes nothing, so it
// may always be repeated.
func readError(err error) error {
	var e *payment.Error
	if !errors.As(err, &e) || !errors.Is(err, payment.ErrOutcomeUnknown) {
		return err
	}
	out := *e
	out.Retryable, out.Hint = true, "try again: asking changes nothing"
	out.Err = nil
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			out.Err = cause
		}
	}
	return &out
}

func asked(a answer, d payment.Deposit) (payment.Answer, error) {
	id := d.ProviderID
	switch {
	case a.status == http.StatusNotFound && a.json:
		e := payment.NotFound("get deposit: WasaaPay knows no deposit "+payment.MaskDigits(id), "check the id and the profile's environment")
		e.Provider, e.ProviderCode = payment.WasaaPay, a.code
		return payment.Answer{}, e
	case a.status >= 300 && a.status <= 399, a.status == http.StatusNotFound, a.status >= 200 && a.status <= 299 && !a.json,
		a.foreign && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden):
		return payment.Answer{}, &payment.Error{
			Kind: payment.KindUnavailable, Provider: payment.WasaaPay, Retryable: true,
			Message: "get deposit: " + a.said() + " without JSON: this is not WasaaPay's API, or a proxy answered for it",
			Hint:    "check the profile's base_url and the network",
		}
	}
	if err := statusError("get deposit", a); err != nil {
		return payment.Answer{}, err
	}
	undecided := payment.Answer{Status: payment.StatusUnknown, Code: a.code, Message: a.message}
	switch {
	case a.twice, a.status >= 400, a.refused, !a.data:
		return undecided, nil
	case a.noID != "":
		undecided.Message = a.noID
		return undecided, nil
	case a.id != "" && a.id != id:
		undecided.Message = "the answer is about another deposit"
		return undecided, nil
	case a.otherAmount(d) != "":
		undecided.Message = a.otherAmount(d)
		return undecided, nil
	case a.state == "":
		undecided.Message = "the answer has no status"
		return undecided, nil
	}
	out := a.answer()
	out.ProviderID = id
	return out, nil
}
