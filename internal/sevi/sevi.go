// Package sevi reads the webhooks of Sevi's seller wallet: transactions, and
// the orders that may share their URL. It checks the static token that is the
// only proof of origin, decodes the present and the older payload forms, and
// acknowledges as Sevi wants it (reference/sevi.md).
//
// It receives only: asking Sevi's GraphQL API is not its business, nor is
// storing what it reads.
package sevi

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// Config is what a Receiver needs to know.
type Config struct {
	// Tokens are the values accepted in the Authorization header; several ease
	// a rotation (reference/sevi.md §11). Sevi's admin portal shows the value.
	Tokens []*secret.Secret
	// Insecure accepts deliveries unchecked when there are no tokens; they are
	// then "unsigned", never "valid".
	Insecure bool
}

// Receiver reads Sevi's deliveries. It is safe for concurrent use.
type Receiver struct {
	tokens []expected
}

var _ payment.Receiver = (*Receiver)(nil)

// New returns a Receiver. No token without Insecure is KindUnauthorized, a
// token that cannot be a header value KindUsage.
func New(c Config) (*Receiver, error) {
	r := &Receiver{}
	for _, t := range c.Tokens {
		if !t.IsSet() {
			continue
		}
		e, err := expect(t.Reveal())
		if err != nil {
			return nil, err
		}
		r.tokens = append(r.tokens, e)
	}
	if len(r.tokens) == 0 && !c.Insecure {
		return nil, &payment.Error{
			Kind: payment.KindUnauthorized, Provider: payment.Sevi,
			Message: "sevi token: none is configured",
			Hint:    "copy the value that admin.sevi.io shows under Settings, Integrations, Webhooks into PAYCTL_SEVI_TOKEN",
		}
	}
	return r, nil
}

// Inspect checks the token first; what comes without it is not read further,
// so that a stranger's body yields no event.
func (r *Receiver) Inspect(d payment.Delivery) payment.Inspection {
	out := payment.Inspection{Verdict: payment.VerdictUnsigned}
	form := ""
	if len(r.tokens) > 0 {
		var reason string
		if form, reason = r.authorized(d.Header.Values("Authorization")); reason != "" {
			return payment.Inspection{Verdict: payment.VerdictMismatch, Reason: reason}
		}
		out.Verdict, out.Matched = payment.VerdictValid, "token"
	}
	event, err := Parse(d.Body)
	if err != nil {
		out.Verdict, out.Reason = payment.VerdictMalformed, err.Error()
		return out
	}
	if form != "" {
		event.Notes = append(event.Notes, "authorization: "+form)
	}
	out.Event = event
	return out
}

// Acknowledge answers exactly 200 for what is stored, since 202 and 204 count
// as failures and the attempts are few (reference/sevi.md §3): also for
// duplicates and for JSON that is not understood. The exceptions are a wrong
// token (401), a body over the cap (413), what could not be stored (503, so
// that Sevi tries again) and a body with a good token that is not JSON at all
// (400): its bytes are kept, and the next attempt may bring it whole.
func (r *Receiver) Acknowledge(d payment.Delivery, i payment.Inspection, what payment.Disposition) payment.Reply {
	switch what {
	case payment.TooLarge:
		return reply(http.StatusRequestEntityTooLarge, `{"error":"too large"}`)
	case payment.NotStored:
		return reply(http.StatusServiceUnavailable, `{"error":"try again"}`)
	case payment.Stored:
	}
	switch i.Verdict {
	case payment.VerdictMismatch:
		return reply(http.StatusUnauthorized, `{"error":"unauthorized"}`)
	case payment.VerdictMalformed:
		if !json.Valid(trimBOM(d.Body)) {
			return reply(http.StatusBadRequest, `{"error":"not json"}`)
		}
	case payment.VerdictValid, payment.VerdictUnsigned, payment.VerdictUntrusted, payment.VerdictStray:
	}
	return reply(http.StatusOK, `{"ok":true}`)
}

func reply(status int, body string) payment.Reply {
	return payment.Reply{Status: status, ContentType: "application/json", Body: []byte(body)}
}

// trimBOM drops a byte order mark, which JSON forbids and proxies add.
func trimBOM(body []byte) []byte {
	return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
}
