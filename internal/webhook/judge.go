package webhook

import (
	"bytes"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/wasaapay"
)

// Judge judges one payload. It keeps buffers: one goroutine at a time.
type Judge func(body []byte) Judged

// Inspecting judges with a receiver, each payload as if it had come alone.
// base holds what comes beside the body: route and headers.
func Inspecting(receiver payment.Receiver, base payment.Delivery) Judge {
	return func(body []byte) Judged {
		d := base
		d.Body = body
		return JudgedOf(receiver.Inspect(d))
	}
}

// WasaaPayJudge judges WasaaPay's payloads as a wasaapay.Receiver does, but
// reads no more of them than a verdict shows: the signature and the event's
// name. It allocates nothing for a body as WasaaPay sends it.
func WasaaPayJudge(secrets []*secret.Secret) Judge {
	verifier := wasaapay.NewVerifier(secrets)
	whole := Inspecting(wasaapay.NewReceiver("", secrets), payment.Delivery{})
	names := map[string]string{}
	for _, name := range wasaapay.Events() {
		names[name] = name
	}
	return func(body []byte) Judged {
		name, known := names[string(plainEvent(body))]
		if !known {
			return whole(body)
		}
		r := verifier.Check(body)
		j := Judged{Verdict: r.Verdict, Matched: r.Matched, Reason: r.Reason}
		if r.Verdict != payment.VerdictMalformed {
			j.Event = name
		}
		return j
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
