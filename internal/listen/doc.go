// Package listen is the HTTP receiver of callbacks and webhooks. It reads a
// request once, bounded, has the provider's adapter judge the bytes, has the
// ledger commit them, and only then acknowledges in the provider's dialect: an
// acknowledgement is a promise that the delivery is durable. What the ledger
// cannot take goes to a spill file when the provider never sends again
// (reference/daraja.md §4.3), and is refused when it does. It also forwards
// deliveries to other URLs from a queue in the ledger.
//
// It leaves reading payloads to the adapters, storing to store, and showing to
// whoever sets Options.OnDelivery.
package listen
