package daraja

import (
	"context"
	"errors"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
)

const pathPush = "/mpesa/stkpush/v1/processrequest"

// Create sends one STK push. PENDING means accepted, which says nothing about
// the customer; a refusal of the request is FAILED. Errors are KindUsage for
// input that is not sent at all, KindUnauthorized for refused credentials,
// KindUnavailable (retryable) where the gateway certainly did not take the
// push, and KindPending with payment.ErrOutcomeUnknown for every other answer:
// Daraja knows no idempotency, so such a push is never repeated
// (reference/daraja.md §3.2, §3.4). With an unknown outcome the Answer still
// holds the ids, if any came.
func (c *Client) Create(ctx context.Context, r payment.DepositRequest) (payment.Answer, error) {
	endpoint := "stk push " + r.Deposit.Reference
	if err := require("stk push", Missing(c.cfg)); err != nil {
		return payment.Answer{}, err
	}
	if _, err := CheckDeposit(r.Deposit); err != nil {
		return payment.Answer{}, err
	}
	if r.Deposit.ShortCode != "" && r.Deposit.ShortCode != c.cfg.ShortCode {
		return payment.Answer{}, payment.Usage(endpoint+": the deposit is for shortcode "+r.Deposit.ShortCode+", this profile has "+c.cfg.ShortCode, "choose the profile it was recorded with")
	}
	if problems, _ := LintCallbackURL(r.CallbackURL, c.cfg.Environment); len(problems) > 0 {
		return payment.Answer{}, payment.Usage("callback url: "+problems[0], "set PAYCTL_CALLBACK_URL to the public https address of payctl listen")
	}
	body, err := c.pushBody(r)
	if err != nil {
		return payment.Answer{}, err
	}
	reply, err := c.call(ctx, APISTK, endpoint, pathPush, body)
	if err != nil {
		return payment.Answer{}, unknownOutcome(err, hintPush)
	}
	return c.pushAnswer(endpoint, reply)
}

// Prepare fetches an access token and waits for the push's turn in the app's rate budget,
// so that Create sends at once. It implements payment.Preparer.
func (c *Client) Prepare(ctx context.Context) error {
	if err := require("stk push", Missing(c.cfg)); err != nil {
		return err
	}
	if _, err := c.tokens.get(ctx, ""); err != nil {
		return err
	}
	return c.turnOfMoney(ctx, "stk push")
}

func (c *Client) pushAnswer(endpoint string, r reply) (payment.Answer, error) {
	a := payment.Answer{
		Status:            payment.StatusUnknown,
		ProviderID:        r.root.get("checkoutrequestid").scalar(),
		MerchantRequestID: r.root.get("merchantrequestid").scalar(),
		Code:              r.code, Message: shown(r.message),
	}
	if r.bare() {
		a.Code = r.word("responsecode")
		a.Message = shown(r.word("responsedescription"))
		if r.succeeded() && a.ProviderID != "" {
			a.Status = payment.StatusPending
			return a, nil
		}
		return a, c.noProof(endpoint, r, hintPush)
	}
	if r.named() {
		return a, c.noProof(endpoint, r, hintPush)
	}
	switch r.row.class {
	case ClassRefused:
		a.Status = payment.StatusFailed
		a.Failure = &payment.Failure{Code: r.code, Reason: a.Message, Advice: advice(r.row)}
		return a, nil
	case ClassCredentials, ClassToken, ClassBusy:
		return payment.Answer{}, c.problem(endpoint, r)
	case ClassUnknown, ClassPaid, ClassFailed, ClassPending, ClassDone:
	}
	return a, c.noProof(endpoint, r, hintPush)
}

const hintPush = "it may have reached the customer: do not send it again, follow it with payctl status watch"

// noProof is the error of an answer after which a request that moves money may
// or may not have been carried out.
func (c *Client) noProof(endpoint string, r reply, hint string) *payment.Error {
	e := c.problem(endpoint, r)
	e.Kind, e.Retryable = payment.KindPending, false
	e.Message = endpoint + ": outcome unknown: " + describe(r) + " from " + c.host
	e.Hint = hint
	e.Err = payment.ErrOutcomeUnknown
	return e
}

// unknownOutcome gives a transport error after which bytes may have left the
// kind of an open outcome; others pass.
func unknownOutcome(err error, hint string) error {
	var e *payment.Error
	if !errors.Is(err, payment.ErrOutcomeUnknown) || !errors.As(err, &e) || e.Kind == payment.KindInterrupted {
		return err
	}
	out := *e
	out.Kind, out.Retryable = payment.KindPending, false
	out.Hint = hint
	return &out
}

// shown is a provider's text made fit for showing: one line, no token, no phone.
func shown(text string) string { return apiclient.Redact([]byte(text)) }
