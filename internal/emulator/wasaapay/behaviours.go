package wasaapay

import (
	"slices"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// Behaviours are WasaaPay's rows of the catalogue.
func Behaviours() []engine.Row {
	return slices.Concat(restBehaviours(), webhookBehaviours(), socketBehaviours())
}

// restBehaviours concern WasaaPay's REST API. Of the gateway's, request-lost, answer-lost, answer-delay, html-503,
// html-403, internal-error and any-credentials touch it too; of the payer's, all but strict ones.
func restBehaviours() []engine.Row {
	return []engine.Row{
		engine.Rate("rate-limit", "60/1m", "WasaaPay: more requests than this in one window are 429 with Retry-After", "wasaapay §3"),
		engine.Choice("rate-limit-reset", "WasaaPay: what X-RateLimit-Reset holds", "wasaapay §3", "milliseconds", "delta", "missing", "seconds"),
		engine.Flag("retry-after-missing", "WasaaPay: a 429 has no Retry-After", "wasaapay §3"),
		engine.Flag("ip-not-listed", "WasaaPay: 403, the address is not on the list of the dashboard", "wasaapay §2"),
		engine.Choice("error-form", "WasaaPay: the shape of errors, of which none is documented", "wasaapay §5", "flat", "text", "list", "html", "nested"),
		engine.Flag("idempotency-ignored", "WasaaPay: X-Idempotency-Key is ignored, a repeated POST makes a second deposit", "wasaapay §4"),
		engine.Choice("created-status", "WasaaPay: the status of a creation", "wasaapay §6", "200", "202", "201"),
		engine.Choice("deposit-id", "WasaaPay: where a deposit's id stands", "wasaapay §7.2", "depositId", "nested", "id"),
		engine.Flag("deposit-amount-number", "WasaaPay: amounts are numbers", "wasaapay §15, C7"),
		engine.Choice("deposit-status", "WasaaPay: GET says a status that is not documented", "wasaapay §7.4", "PROCESSING", "EXPIRED", "CANCELLED", "REVERSED", "PENDING"),
		engine.Flag("deposit-contradicts", "WasaaPay: GET says the opposite of how a deposit ended", "wasaapay §11.6"),
		engine.Flag("data-missing", "WasaaPay: GET of a deposit answers 200 without data", "wasaapay §5"),
		engine.Flag("failure-reason-missing", "WasaaPay: failureReason is left out", "wasaapay §7.3"),
		engine.Flag("list-wrapped", "WasaaPay: lists stand inside data.transactions", "wasaapay §5"),
		engine.Flag("transfer-fails", "WasaaPay: transfers fail", "wasaapay §9"),
	}
}

// webhookBehaviours concern what WasaaPay posts.
func webhookBehaviours() []engine.Row {
	return []engine.Row{
		engine.Flag("webhook-lost", "the webhook is never sent", "wasaapay §11.1"),
		engine.Span("webhook-late", "60s", "the webhook comes this much later", "wasaapay §11.1"),
		engine.Count("webhook-duplicate", "2", 2, 4, engine.Behaviour{
			Value: "N[,CHANCE][@API]", Summary: "the webhook is sent N times (2 to 4) in quick succession", Section: "wasaapay §11.6",
		}),
		engine.Flag("webhook-out-of-order", "deposit.initiated comes after the final webhook", "wasaapay §11.1, §11.6"),
		engine.Flag("webhook-contradicts", "a second final webhook says the opposite of the first", "wasaapay §11.6"),
		engine.Choice("webhook-key-order", "the keys stand in another order, signed as they stand", "wasaapay §11.4", "rotated", "sorted", "signature-last"),
		engine.Choice("webhook-bad-signature", "the signature is wrong, absent, cut short, without its prefix, or made with another secret", "wasaapay §11.4",
			"wrong", "missing", "short", "bare", "other-secret"),
		engine.Flag("webhook-pretty", "the body has line breaks and indents, signed without them", "wasaapay §11.4, §11.5"),
		engine.Flag("webhook-awkward-text", "a text with quotes, angle brackets, U+2028 and the like, signed as JavaScript writes it", "wasaapay §11.4"),
		engine.Flag("webhook-amount-number", "the amount is a number", "wasaapay §15, C7"),
	}
}

// socketBehaviours concern WasaaPay's Socket.IO channel.
func socketBehaviours() []engine.Row {
	return []engine.Row{
		engine.Flag("socket-down", "the socket's path answers 503", "wasaapay §12"),
		engine.Flag("socket-refused", "a good key gets connect_error", "wasaapay §12.1"),
		engine.Flag("socket-silent", "the socket connects and nothing is ever sent on it", "wasaapay §12.2"),
		engine.Flag("socket-no-authenticated", "authenticated is not sent", "wasaapay §12.2, §15, C16"),
		engine.Flag("socket-no-subscribed", "subscribed is not sent; the subscription holds", "wasaapay §12.2"),
		engine.Span("socket-drop", "2s", "the connection breaks this long after it was made", "wasaapay §12.2"),
		engine.Flag("socket-kick", "the server disconnects the client when it subscribes", "wasaapay §12.2"),
		engine.Flag("socket-event-lost", "an event is not sent", "wasaapay §12.2"),
		engine.Span("socket-event-late", "20s", "an event comes this much later", "wasaapay §13"),
		engine.Count("socket-event-duplicate", "2", 2, 4, engine.Behaviour{
			Value: "N[,CHANCE][@API]", Summary: "an event is sent N times (2 to 4)", Section: "wasaapay §11.6",
		}),
		engine.Flag("socket-id-missing", "an event has no id", "wasaapay §7.5, §12.3"),
		engine.Choice("socket-environment", "the environment that authenticated tells", "wasaapay §12.1", "PRODUCTION", "sandbox", "SANDBOX"),
		engine.Flag("socket-extra-argument", "an event has a further argument, as connection state recovery adds", "wasaapay §12.2"),
		engine.Choice("socket-status", "an event has a status that is not documented", "wasaapay §7.4", "PROCESSING", "EXPIRED", "CANCELLED", "REVERSED"),
	}
}
