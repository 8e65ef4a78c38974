package wasaapay

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/payctl/payctl/internal/payment"
)

// stop ends a trial because waiting was cut short. What an earlier attempt
// brought says more than the end of ctx.
func (t trial) stop(err error) trial {
	t.stopped = err
	if t.err == nil && t.response == nil {
		t.err = notSent(err)
	}
	return t
}

// interrupted is the error of a trial that was interrupted between attempts,
// none of which has done anything.
func (t trial) interrupted() error {
	if t.response == nil && errors.Is(t.err, context.Canceled) {
		return t.err
	}
	return &payment.Error{
		Kind: payment.KindInterrupted, Provider: payment.WasaaPay, Retryable: true, Err: t.stopped,
		Message: "wasaapay: interrupted while waiting to try again",
	}
}

func notSent(err error) error {
	e := &payment.Error{
		Kind: payment.KindUnavailable, Provider: payment.WasaaPay, Retryable: true, Err: err,
		Message: "wasaapay: the deadline passed while waiting for a place in the rate limit", Hint: "nothing was sent; try again later",
	}
	switch {
	case errors.Is(err, context.Canceled):
		e.Kind, e.Message = payment.KindInterrupted, "wasaapay: interrupted before anything was sent"
	case !errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Message = payment.KindInternal, "wasaapay: cannot share the rate limit: "+err.Error()
	}
	return e
}

// created reads what came of asking for a deposit.
func (c *Client) created(t trial, d payment.Deposit) (payment.Answer, error) {
	key := d.IdempotencyKey
	switch {
	case errors.Is(t.stopped, context.Canceled) && !t.doubtful:
		return payment.Answer{}, t.interrupted()
	case t.response == nil:
		if t.doubtful {
			return payment.Answer{}, unknown("create deposit: no complete answer", key, t.err)
		}
		return payment.Answer{}, t.err
	}
	a := readAnswer(t.response)
	switch {
	case a.status >= 200 && a.status <= 299:
		return a.accepted(d, t.doubtful)
	case t.doubtful || a.status >= 500 || a.status == http.StatusConflict || a.status == http.StatusSeeOther || a.doubt():
		// After doubt, and for 409, a refusal does not prove that an earlier
		// attempt with this key did nothing; 303 follows work that was done.
		return a.doubtful(d), unknown("create deposit: answered "+a.said(), key, nil)
	case a.status >= 300 && a.status <= 399 || a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed:
		if a.json && a.code != "" {
			return payment.Answer{}, usage("create deposit: "+a.said(), "check --wallet, and the profile's base_url")
		}
		return payment.Answer{}, usage(fmt.Sprintf("create deposit: %s: the address is not WasaaPay's API", a.said()), "check the profile's base_url")
	}
	if err := statusError("create deposit", a); err != nil {
		return payment.Answer{}, err
	}
	if !a.json {
		return payment.Answer{}, &payment.Error{
			Kind: payment.KindUnavailable, Provider: payment.WasaaPay, Retryable: true,
			Message: "create deposit: " + a.said() + " without a JSON object: not WasaaPay's API answered, but a proxy or a firewall",
			Hint:    "the deposit was not taken: check the network and the profile's base_url, then try again with the same idempotency key",
		}
	}
	return refusal(a), nil
}

// doubt reports whether a refusal cannot be believed: it contradicts itself, or
// may speak of a deposit that has not failed.
func (a answer) doubt() bool {
	return a.twice || a.hinted || a.noID != "" || a.illegible == statesDisagree || a.state != stateFailed && (a.id != "" || a.state != "")
}

// doubtful is what can be kept of an answer that proves nothing: the id beside a
// server's error. That beside a refusal may be of another deposit, which the
// request collides with.
func (a answer) doubtful(d payment.Deposit) payment.Answer {
	if a.status < 500 || a.id == "" || a.otherAmount(d) != "" {
		return payment.Answer{}
	}
	return payment.Answer{Status: payment.StatusUnknown, ProviderID: a.id}
}

// accepted reads a 2xx answer (reference/wasaapay.md §7.2). success: false is a
// refusal (§5), but only where no attempt before it is in doubt: then it may
// speak of that one, which is still under way. An id that comes beside an error
// is the deposit's and tells whom to ask about.
func (a answer) accepted(d payment.Deposit, doubtful bool) (payment.Answer, error) {
	key, nothing := d.IdempotencyKey, payment.Answer{}
	other := a.otherAmount(d)
	switch {
	case !a.json:
		return nothing, unknown("create deposit: the answer is not JSON", key, nil)
	case a.twice:
		return nothing, unknown("create deposit: "+nameTwice, key, nil)
	case a.noID != "":
		return nothing, unknown("create deposit: "+a.noID, key, nil)
	case other != "":
		err := unknown("create deposit: "+other, key, nil)
		err.Hint = "the key was used before for another deposit: look at the provider's dashboard before using a new one"
		return nothing, err
	case a.refused && (doubtful || a.doubt()):
		return payment.Answer{Status: payment.StatusUnknown, ProviderID: a.id}, unknown("create deposit: answered "+a.said(), key, nil)
	case a.refused && a.id == "":
		return refusal(a), nil
	case a.id == "":
		return nothing, unknown("create deposit: the answer has no deposit id", key, nil)
	}
	return a.answer(), nil
}

// answer is what a deposit's data says. A status that is not documented is
// undecided and shown as it came (reference/wasaapay.md §7.4); so is one beside
// an amount that cannot be read.
func (a answer) answer() payment.Answer {
	out := payment.Answer{Status: payment.StatusPending, ProviderID: a.id, Receipt: a.receipt, Phone: a.phone, Reference: a.reference}
	if a.illegible == "" {
		out.Amount = a.amount
	}
	switch a.state {
	case "PENDING", "":
	case "COMPLETED":
		out.Status = payment.StatusCompleted
	case stateFailed:
		out.Status = payment.StatusFailed
		out.Failure = failure(a.code, a.failureReason)
	default:
		out.Code = a.shownState
		out.Message = "the status " + out.Code + " is not documented; the deposit is taken as undecided"
	}
	if out.Status.Final() && a.illegible != "" {
		return payment.Answer{
			Status: payment.StatusPending, ProviderID: a.id, Code: a.shownState,
			Message: a.illegible + "; the deposit is taken as undecided",
		}
	}
	return out
}

// failure words why a deposit failed. The reason is for showing only (C14).
func failure(code, reason string) *payment.Failure {
	if reason == "" {
		reason = "WasaaPay gave no reason"
	}
	return &payment.Failure{
		Code: code, Reason: reason,
		Advice: "the prompt failed, was cancelled or timed out; if the customer still wants to pay, create a new deposit",
	}
}

// refusal is a request that was turned down before it became a deposit.
func refusal(a answer) payment.Answer {
	return payment.Answer{
		Status: payment.StatusFailed, Code: a.code, Message: a.message,
		Failure: &payment.Failure{
			Code: a.code, Reason: a.message,
			Advice: "WasaaPay refused the request and asked nobody; correct it and use a new idempotency key",
		},
	}
}

// said words an answer for an error: status, code and message.
func (a answer) said() string {
	s := fmt.Sprintf("HTTP %d", a.status)
	if a.code != "" {
		s += " " + a.code
	}
	if a.message != "" && a.message != a.code {
		s += " (" + a.message + ")"
	}
	return s
}

func unknown(message, key string, cause error) *payment.Error {
	return &payment.Error{
		Kind: payment.KindPending, Provider: payment.WasaaPay, Err: errors.Join(payment.ErrOutcomeUnknown, cause),
		Message: message + " (idempotency key " + key + ")",
		Hint:    "the deposit may exist: the same idempotency key returns it and asks nobody twice",
	}
}

// statusError is the error that an HTTP status means for any call, or nil if
// it means none.
func statusError(call string, a answer) error {
	e := &payment.Error{Provider: payment.WasaaPay, ProviderCode: a.code, Message: call + ": " + a.said()}
	switch {
	case a.status == http.StatusUnauthorized:
		e.Kind, e.Hint = payment.KindUnauthorized, "the API key was refused: check it, and that it belongs to this environment"
	case a.status == http.StatusForbidden:
		e.Kind, e.Hint = payment.KindUnauthorized, "check the key's rights, and whether this address is on the dashboard's IP allow-list"
	case a.status == http.StatusTooManyRequests:
		e.Kind, e.Hint, e.Retryable = payment.KindUnavailable, "the rate limit is used up: try again in a minute", true
	case a.status == http.StatusProxyAuthRequired:
		e.Kind, e.Hint = payment.KindUnavailable, "the proxy wants credentials: check HTTPS_PROXY"
	case a.status >= 500 || retryableStatus(a.status):
		e.Kind, e.Hint, e.Retryable = payment.KindUnavailable, "WasaaPay has trouble: try again later", true
	default:
		return nil
	}
	return e
}
