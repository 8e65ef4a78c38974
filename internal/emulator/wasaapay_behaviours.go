package emulator

import "slices"

// wasaapayBehaviours are WasaaPay's rows of the catalogue.
func wasaapayBehaviours() []row {
	return slices.Concat(restBehaviours(), webhookBehaviours(), socketBehaviours())
}

// restBehaviours concern WasaaPay's REST API. Of the gateway's, request-lost, answer-lost, answer-delay, html-503,
// html-403, internal-error and any-credentials touch it too; of the payer's, all but strict ones.
func restBehaviours() []row {
	return []row{
		rate("rate-limit", "60/1m", "WasaaPay: more requests than this in one window are 429 with Retry-After", "wasaapay §3"),
		choice("rate-limit-reset", "WasaaPay: what X-RateLimit-Reset holds", "wasaapay §3", "milliseconds", "delta", "missing", "seconds"),
		flag("retry-after-missing", "WasaaPay: a 429 has no Retry-After", "wasaapay §3"),
		flag("ip-not-listed", "WasaaPay: 403, the address is not on the list of the dashboard", "wasaapay §2"),
		choice("error-form", "WasaaPay: the shape of errors, of which none is documented", "wasaapay §5", "flat", "text", "list", "html", "nested"),
		flag("idempotency-ignored", "WasaaPay: X-Idempotency-Key is ignored, a repeated POST makes a second deposit", "wasaapay §4"),
		choice("created-status", "WasaaPay: the status of a creation", "wasaapay §6", "200", "202", "201"),
		choice("deposit-id", "WasaaPay: where a deposit's id stands", "wasaapay §7.2", "depositId", "nested", "id"),
		flag("deposit-amount-number", "WasaaPay: amounts are numbers", "wasaapay §15, C7"),
		choice("deposit-status", "WasaaPay: GET says a status that is not documented", "wasaapay §7.4", "PROCESSING", "EXPIRED", "CANCELLED", "REVERSED", "PENDING"),
		flag("deposit-contradicts", "WasaaPay: GET says the opposite of how a deposit ended", "wasaapay §11.6"),
		flag("data-missing", "WasaaPay: GET of a deposit answers 200 without data", "wasaapay §5"),
		flag("failure-reason-missing", "WasaaPay: failureReason is left out", "wasaapay §7.3"),
		flag("list-wrapped", "WasaaPay: lists stand inside data.transactions", "wasaapay §5"),
		flag("transfer-fails", "WasaaPay: transfers fail", "wasaapay §9"),
	}
}

// webhookBehaviours concern what WasaaPay posts.
func webhookBehaviours() []row {
	return []row{
		flag("webhook-lost", "the webhook is never sent", "wasaapay §11.1"),
		span("webhook-late", "60s", "the webhook comes this much later", "wasaapay §11.1"),
		count("webhook-duplicate", "2", 2, 4, Behaviour{
			Value: "N[,CHANCE][@API]", Summary: "the webhook is sent N times (2 to 4) in quick succession", Section: "wasaapay §11.6",
		}),
		flag("webhook-out-of-order", "deposit.initiated comes after the final webhook", "wasaapay §11.1, §11.6"),
		flag("webhook-contradicts", "a second final webhook says the opposite of the first", "wasaapay §11.6"),
		choice("webhook-key-order", "the keys stand in another order, signed as they stand", "wasaapay §11.4", "rotated", "sorted", "signature-last"),
		choice("webhook-bad-signature", "the signature is wrong, absent, cut short, without its prefix, or made with another secret", "wasaapay §11.4",
			"wrong", "missing", "short", "bare", "other-secret"),
		flag("webhook-pretty", "the body has line breaks and indents, signed without them", "wasaapay §11.4, §11.5"),
		flag("webhook-awkward-text", "a text with quotes, angle brackets, U+2028 and the like, signed as JavaScript writes it", "wasaapay §11.4"),
		flag("webhook-amount-number", "the amount is a number", "wasaapay §15, C7"),
	}
}

// socketBehaviours concern WasaaPay's Socket.IO channel.
func socketBehaviours() []row {
	return []row{
		flag("socket-down", "the socket's path answers 503", "wasaapay §12"),
		flag("socket-refused", "a good key gets connect_error", "wasaapay §12.1"),
		flag("socket-silent", "the socket connects and nothing is ever sent on it", "wasaapay §12.2"),
		flag("socket-no-authenticated", "authenticated is not sent", "wasaapay §12.2, §15, C16"),
		flag("socket-no-subscribed", "subscribed is not sent; the subscription holds", "wasaapay §12.2"),
		span("socket-drop", "2s", "the connection breaks this long after it was made", "wasaapay §12.2"),
		flag("socket-kick", "the server disconnects the client when it subscribes", "wasaapay §12.2"),
		flag("socket-event-lost", "an event is not sent", "wasaapay §12.2"),
		span("socket-event-late", "20s", "an event comes this much later", "wasaapay §13"),
		count("socket-event-duplicate", "2", 2, 4, Behaviour{
			Value: "N[,CHANCE][@API]", Summary: "an event is sent N times (2 to 4)", Section: "wasaapay §11.6",
		}),
		flag("socket-extra-argument", "an event has a further argument, as connection state recovery adds", "wasaapay §12.2"),
		choice("socket-status", "an event has a status that is not documented", "wasaapay §7.4", "PROCESSING", "EXPIRED", "CANCELLED", "REVERSED"),
	}
}
