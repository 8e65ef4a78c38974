package wasaapay

import (
	"net/http"

	"github.com/payctl/payctl/internal/packing"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// Receiver reads WasaaPay's webhooks. It is safe for concurrent use.
type Receiver struct {
	pool *Pool
	env  payment.Environment
	// absent takes a webhook that does not say its environment for one of the profile's.
	absent bool
}

// NewReceiver returns a receiver for the secrets that are set. Without any,
// every delivery is a mismatch whose reason names the setting. Without an
// environment it judges signatures alone. In production, a webhook that does not say
// its environment moves nothing; see TakeAbsent.
func NewReceiver(env payment.Environment, secrets []*secret.Secret) *Receiver {
	return &Receiver{pool: NewPool(secrets), env: env, absent: env != payment.Production}
}

// TakeAbsent returns a receiver that takes webhooks which do not say their environment
// for ones of the profile's, or holds them: the vendor's samples all say it, and its
// documents do not promise it (reference/wasaapay.md §11.2).
func (r *Receiver) TakeAbsent(take bool) *Receiver {
	return &Receiver{pool: r.pool, env: r.env, absent: take}
}

// Inspect checks the signature and reads the event. A body that is not one
// JSON object is malformed and has no event, and so is one with an id that is no
// string. What a body is packed in (gzip, UTF-16, a form, JSON twice) is taken off if the
// signature proves what is left, and named in the reason; else it is named alone. One of another environment than the profile's is untrusted. An event whose signature does not
// fit keeps its name and ids, for showing, but has no key and claims no
// status: it can neither move a deposit nor pass for the real one.
func (r *Receiver) Inspect(d payment.Delivery) payment.Inspection {
	out := r.inspect(d)
	if out.Verdict != payment.VerdictMalformed || len(d.Body) > MaxBody {
		return out
	}
	inner, undone := packing.Unpack(d.Body)
	if len(undone) == 0 {
		if odd := packing.Odd(d.Body); odd != "" {
			out.Reason = odd
		}
		return out
	}
	what := packing.Describe(undone)
	d.Body = inner
	unpacked := r.inspect(d)
	if unpacked.Verdict != payment.VerdictValid && unpacked.Verdict != payment.VerdictUntrusted {
		out.Reason = what
		return out
	}
	if unpacked.Reason != "" {
		what += "; " + unpacked.Reason
	}
	unpacked.Reason = what
	return unpacked
}

func (r *Receiver) inspect(d payment.Delivery) payment.Inspection {
	read := reading{body: d.Body}
	result := r.pool.check(d.Body, &read.at)
	out := payment.Inspection{Verdict: result.Verdict, Matched: result.Matched, Reason: result.Reason}
	if result.Verdict == payment.VerdictMalformed {
		return out
	}
	if reason := read.notText(); reason != "" && r.env != "" {
		return payment.Inspection{Verdict: payment.VerdictMalformed, Reason: reason}
	}
	out.Event = read.event("", r.env)
	if reason := read.environment(r.env, true, r.absent); reason != "" && result.Verdict == payment.VerdictValid {
		out.Verdict, out.Matched, out.Reason = payment.VerdictUntrusted, result.Matched, reason
		if out.Event != nil {
			out.Event.Status, out.Event.Failure = "", nil
			out.Event.Notes = append(out.Event.Notes, reason)
		}
		return out
	}
	if out.Event != nil && result.Verdict != payment.VerdictValid {
		out.Event.Environment, out.Event.Key, out.Event.Status, out.Event.Failure = "", "", "", nil
	}
	return out
}

// Acknowledge answers exactly 200 for a valid delivery (C11), 401 for a
// signature that does not fit, as the vendor's sample does, 400 for what is
// not JSON, 413 over the cap, and 503 for what could not be stored, so that
// WasaaPay's retries bring it again (reference/wasaapay.md §11.1, §11.4).
func (r *Receiver) Acknowledge(d payment.Delivery, i payment.Inspection, what payment.Disposition) payment.Reply {
	switch what {
	case payment.TooLarge:
		return reply(http.StatusRequestEntityTooLarge)
	case payment.NotStored:
		return reply(http.StatusServiceUnavailable)
	case payment.Stored:
	}
	if len(d.Body) > MaxBody {
		return reply(http.StatusRequestEntityTooLarge)
	}
	switch i.Verdict {
	case payment.VerdictValid, payment.VerdictUntrusted:
		return reply(http.StatusOK)
	case payment.VerdictMalformed:
		return reply(http.StatusBadRequest)
	case payment.VerdictMismatch, payment.VerdictUnsigned, payment.VerdictStray:
	}
	return reply(http.StatusUnauthorized)
}

func reply(status int) payment.Reply {
	text := "OK"
	switch status {
	case http.StatusBadRequest:
		text = "not a JSON object"
	case http.StatusUnauthorized:
		text = "signature does not fit"
	case http.StatusRequestEntityTooLarge:
		text = "body too large"
	case http.StatusServiceUnavailable:
		text = "not stored, send it again"
	}
	return payment.Reply{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(text + "\n")}
}
