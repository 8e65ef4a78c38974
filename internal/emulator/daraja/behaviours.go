package daraja

import (
	"slices"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// APIs are the names of Daraja's APIs, and of the classes of what it sends, in logs and behind @ in behaviours.
func APIs() []string {
	return []string{
		apiOAuth, mpesa.APIPush, apiQuery, apiStatus, apiBalance, apiReversal, apiB2C, apiB2B,
		apiC2BRegister, apiC2BSimulate, apiQR, apiPullRegister, apiPullQuery, apiRatiba, apiOrgInfo,
		mpesa.OutSTK, outResult, outTimeout, outValidation, outConfirmation, outRatiba,
	}
}

// Behaviours are Daraja's rows of the catalogue.
func Behaviours() []engine.Row {
	return slices.Concat(edgeBehaviours(), pushBehaviours(), callbackBehaviours(), queryBehaviours(), resultBehaviours())
}

// edgeBehaviours concern every API of Daraja.
func edgeBehaviours() []engine.Row {
	return []engine.Row{
		engine.Choice("latency", "how long payers, callbacks and results take: fast is 150 ms, measured is as observed (paid 17 s, unreachable 26 s)",
			"daraja §3.7, §4.3", "measured", "fast"),
		engine.Span("answer-delay", "2s", "the answer comes late, after the request has been carried out", "daraja §6 (gateway faults), §13.6"),
		engine.Flag("answer-lost", "the request is carried out, then the connection is cut without an answer", "daraja §11.8, §13.6"),
		engine.Flag("request-lost", "the connection is cut before the request is looked at", "daraja §11.1"),
		engine.Flag("html-503", "the edge answers 503 with an HTML page", "daraja §2, §3.4"),
		engine.Flag("html-403", "the edge answers 403 with an HTML page", "daraja §2, §3.4"),
		engine.Flag("spike-arrest", "500.003.02 Error Occurred: Spike Arrest Violation", "daraja §3.4"),
		engine.Flag("system-busy", "500.003.02 System is busy. Please try again in few minutes.", "daraja §3.4"),
		engine.Flag("quota", "500.003.03 Error Occurred: Quota Violation", "daraja §3.4"),
		engine.Flag("internal-error", "500.003.1001 Internal Server Error", "daraja §3.4"),
		engine.Flag("invalid-token", "a good token is refused, in the API's own way (400, 401 or 404)", "daraja §3.4"),
		engine.Flag("no-product", "401: Invalid API call as no apiproduct match found", "daraja §3.4"),
		engine.Choice("expires-in", "the type of expires_in", "daraja §2, §12.1", "number", "missing", "string"),
		engine.Flag("single-token", "each new token makes the earlier ones invalid", "daraja §2, §12.2"),
		engine.Flag("any-credentials", "any consumer key, shortcode and passkey is taken, for applications that bring their own", "daraja §2, §3.1"),
		engine.Flag("public-callbacks", "callbacks are also sent to public addresses, not only to loopback and private ones", "daraja §3.6"),
	}
}

// pushBehaviours concern the STK push and its prompt.
func pushBehaviours() []engine.Row {
	return []engine.Row{
		engine.Flag("manual", "prompts wait for an answer instead of being answered as the outcome tables say", "daraja §4.3"),
		engine.Span("prompt-lifetime", "75s", "how long a prompt that nobody answers stays open", "daraja §4.3"),
		engine.Choice("prompt-expiry", "the result of a prompt that nobody answered", "daraja §4.2", "1037", "1032", "1019"),
		engine.Choice("subscriber-lock", "a second push while a prompt is open: refused at once, or accepted and failed with 1001 in the callback",
			"daraja §3.4, §4.2", "sync", "callback", "off"),
		engine.Choice("two-minute-rule", "the same amount from the same customer within two minutes ends as 17", "daraja §4.2", "on", "off"),
		engine.Flag("strict-lengths", "AccountReference over 12 characters and TransactionDesc over 13 are refused, as documented", "daraja §3.1, §12.9"),
		engine.Flag("long-reference-fails", "a push with an AccountReference over 12 characters is accepted, and its prompt fails with 1025", "daraja §3.2, §12.9"),
		engine.Flag("strict-callback-url", "CallBackURL must be public HTTPS with a lower-case host and none of the banned words", "daraja §3.6"),
		engine.Flag("numbers-only", "PartyA or PhoneNumber sent as a string ends as 1037", "daraja §3.2, §12.25"),
	}
}

// callbackBehaviours concern everything that is sent to the application.
func callbackBehaviours() []engine.Row {
	return slices.Concat(deliveryBehaviours(), []engine.Row{
		engine.Choice("callback-masked-phone", "PhoneNumber masked, missing, or as a SHA-256", "daraja §4.1, §12.19", "masked", "missing", "hashed"),
		engine.Flag("callback-phone-string", "PhoneNumber as a string", "daraja §4.1"),
		engine.Flag("callback-date-string", "TransactionDate as a string", "daraja §4.1"),
		engine.Flag("callback-string-code", "ResultCode as a string", "daraja §4.1"),
		engine.Flag("callback-reordered", "the items in another order", "daraja §4.1"),
		engine.Flag("callback-bare-item", "Item as one bare object, the receipt, instead of an array", "daraja §4.1"),
		engine.Choice("callback-balance", "the Balance item: a number, a string, missing, or without Value", "daraja §4.1",
			"number", "string", "missing", "no-value"),
		engine.Flag("callback-desc-prefix", "ResultDesc with the old prefix [STK_CB - ]", "daraja §4.1"),
	})
}

func deliveryBehaviours() []engine.Row {
	return []engine.Row{
		engine.Span("callback-delay", "3s", "the time from the answer of the push to its callback", "daraja §4.3"),
		engine.Flag("callback-lost", "the callback is never sent", "daraja §4.3"),
		engine.Span("callback-late", "60s", "the callback comes this much later", "daraja §4.3"),
		engine.Count("callback-duplicate", "2", 2, 4, engine.Behaviour{
			Value: "N[,CHANCE][@API]", Summary: "the callback is sent N times (2 to 4) in quick succession", Section: "daraja §4.3, §12.4",
		}),
		engine.Flag("callback-before-answer", "the callback is delivered before the push is answered", "daraja §4.3"),
		engine.Flag("callback-out-of-order", "the callback is held back until the next one has been delivered", "daraja §4.3"),
		engine.Flag("callback-forwarded-for", "callbacks carry an address of Safaricom's in X-Forwarded-For, for handlers that look there", "daraja §8, §14"),
		engine.Count("callback-retries", "3", 1, 10, engine.Behaviour{
			Value: "N[,CHANCE][@API]", Summary: "a callback that is not answered 200 is sent again, up to N times", Section: "daraja §4.3, §12.3",
		}),
	}
}

// queryBehaviours concern the STK query.
func queryBehaviours() []engine.Row {
	return []engine.Row{
		engine.Choice("query-pending", "the answer while the prompt is open: 4999, an empty 500.001.1001 under 200 or 500, its text under 500, or all in turn",
			"daraja §5, §12.5", "4999", "empty", "empty-500", "processing", "mixed"),
		engine.Span("query-early-400", "2s", "400 Invalid CheckoutRequestID this soon after the push", "daraja §5"),
		engine.Choice("query-unknown", "an unknown id is 500 The transaction does not Exist, or 400 Invalid CheckoutRequestID", "daraja §5, §12.6", "500", "400"),
		engine.Flag("query-noise", "a settled payment is answered with 500.001.1001", "daraja §5"),
		engine.Rate("query-rate-limit", "5/1m", "more than this is 429 with a spike arrest fault; evenly spread, burst of one", "daraja §5, §3.4"),
		engine.Flag("query-contradicts", "the query says 1032 for a payment that was paid", "daraja §5"),
	}
}

// resultBehaviours concern the results of transaction status and its relatives, and C2B.
func resultBehaviours() []engine.Row {
	return []engine.Row{
		engine.Span("result-delay", "2s", "the time from the acceptance to the result", "daraja §6"),
		engine.Flag("result-timeout", "the request expires in the queue: a post to QueueTimeOutURL instead of a result", "daraja §6.5"),
		engine.Flag("timeout-echo", "the post to QueueTimeOutURL is the request itself, its SecurityCredential included", "daraja §6.5"),
		engine.Flag("result-collapse", "a list of one parameter as a bare object; the result carries only one", "daraja §6.3.2"),
		engine.Flag("result-missing-values", "empty values are left out", "daraja §6.3.1"),
		engine.Flag("result-number-values", "times and amounts as numbers, as the old documents had them", "daraja §6.3.1"),
		engine.Flag("result-spaced-keys", "keys with spaces, and FinalizedTime", "daraja §6.3.7"),
		engine.Flag("result-string-codes", "ResultType and ResultCode as strings", "daraja §6.3.5"),
		engine.Flag("result-echo-original", "OriginatorConversationID of the result is the original transaction's", "daraja §6.3.10"),
		engine.Flag("result-repeated-key", "DebitPartyName stands where CreditPartyName belongs", "daraja §6.3.8"),
		engine.Choice("status-value", "what TransactionStatus says of a transaction that was found", "daraja §6.3",
			"Completed", "Cancelled", "Declined", "Expired", "Initiated", "Authorized", "Failed", "Reversed"),
		engine.Choice("c2b-validation", "whether M-PESA asks the validation URL", "daraja §10.1", "on", "off"),
		engine.Flag("b2b-portal-shape", "B2B results as the portal's samples have them: codes as strings, DebitAccountBalance, a failure with one parameter",
			"daraja §10.2, §6.3.2"),
		engine.Flag("c2b-production-shape", "C2B bodies end at FirstName, 11 keys, as in production captures", "daraja §10.1"),
		engine.Choice("c2b-msisdn", "the customer's number in C2B bodies, whatever the version that was registered", "daraja §10.1, §9", "full", "hashed", "masked"),
		engine.Choice("c2b-register-code", "ResponseCode of a C2B registration", "daraja §10.1", "00000000", "missing", "0"),
		engine.Flag("c2b-register-once", "registering URLs a second time is refused, as in production", "daraja §10.1"),
		engine.Flag("c2b-on-push", "a paid push also sends the C2B confirmation, where URLs are registered", "daraja §10.1"),
	}
}
