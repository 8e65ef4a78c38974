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
// body as the provider sends it, the event first; false leaves any other to the receiver.
func quickly(row provider.Row, secrets []*secret.Secret) func(body []byte) (Judged, bool) {
	verifier := wasaapay.NewVerifier(secrets)
	names := map[string]string{}
	for _, name := range row.Events {
		names[name] = name
	}
	return func(body []byte) (Judged, bool) {
		if !bytes.HasPrefix(body, []byte(`{"event":"`)) {
			return Judged{}, false
		}
		r, event := verifier.CheckEvent(body)
		name, known := names[string(event)]
		if !known || r.Verdict == payment.VerdictMalformed {
			return Judged{}, false
		}
		return Judged{Provider: row.ID, Verdict: r.Verdict, Matched: r.Matched, Reason: r.Reason, Event: name}, true
	}
}
