package webhook

import (
	"bytes"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/wasaapay"
)

// Judge judges one payload. It keeps buffers: one goroutine at a time. An error says
// that it cannot judge, for want of a secret.
type Judge func(body []byte) (Judged, error)

// inspecting judges with a receiver, each payload as if it had come alone.
// base holds what comes beside the body: route and headers.
func inspecting(receiver payment.Receiver, base payment.Delivery) func(body []byte) Judged {
	return func(body []byte) Judged {
		d := base
		d.Body = body
		return judgedOf(d.Provider, receiver.Inspect(d))
	}
}

// quickly judges what is signed in the body as its receiver does, but reads no more of it
// than a verdict shows: the signature and the event's name. It allocates nothing for a
// body as the provider sends it; false leaves any other body to the receiver.
func quickly(row provider.Row, secrets []*secret.Secret) func(body []byte) (Judged, bool) {
	verifier := wasaapay.NewVerifier(secrets)
	names := map[string]string{}
	for _, name := range row.Events {
		names[name] = name
	}
	return func(body []byte) (Judged, bool) {
		name, known := names[string(plainEvent(body))]
		if !known {
			return Judged{}, false
		}
		r := verifier.Check(body)
		if r.Verdict == payment.VerdictMalformed {
			return Judged{}, false
		}
		return Judged{Provider: row.ID, Verdict: r.Verdict, Matched: r.Matched, Reason: r.Reason, Event: name}, true
	}
}

// plainEvent returns the event's name of a body that begins with it, as
// WasaaPay's do, and cannot have another member of that name, in whatever
// spelling or depth; nil for any other body.
func plainEvent(body []byte) []byte {
	rest, found := bytes.CutPrefix(body, []byte(`{"event":"`))
	if !found {
		return nil
	}
	// Searching is quick when the first letter is a rare one: "event" without its e.
	end := bytes.IndexByte(rest, '"')
	if end < 0 || bytes.Contains(rest[end:], []byte(`vent"`)) || bytes.Contains(rest, []byte(`\u`)) {
		return nil
	}
	return rest[:end]
}
