package payment

import (
	"net/http"
	"time"
)

// Verdict is what checking a delivery's authenticity and form gave.
type Verdict string

// The verdicts.
const (
	// VerdictValid carries a proof that fits.
	VerdictValid Verdict = "valid"
	// VerdictUnsigned is well formed; this provider signs nothing (Daraja).
	VerdictUnsigned Verdict = "unsigned"
	// VerdictMismatch carries a proof that does not fit, or lacks one.
	VerdictMismatch Verdict = "mismatch"
	// VerdictMalformed is not what the provider sends.
	VerdictMalformed Verdict = "malformed"
	// VerdictUntrusted is well formed but contradicts what the ledger knows; it moves nothing.
	VerdictUntrusted Verdict = "untrusted"
	// VerdictStray came to a path that is no route of the listener; it moves nothing.
	VerdictStray Verdict = "stray"
)

// Delivery is one HTTP request that reached the listener, kept byte for byte.
type Delivery struct {
	ID       string
	Provider ProviderID
	// Route is the listener's route without the token, such as "/callbacks/daraja/stk".
	Route string
	// Token is the secret last path segment, "" if there was none.
	Token  string
	Method string
	// Header holds the headers as received.
	Header http.Header
	Body   []byte
	// Peer is the address that sent it, after trusted proxies, without port.
	Peer       string
	ReceivedAt time.Time
}

// Event is what a delivery (or a stream's message) means; several deliveries
// may carry the same one.
type Event struct {
	Provider ProviderID
	// Environment is the one whose secret proved the event, "" where something
	// else must vouch for it, as a path's token does for Daraja's.
	Environment Environment
	// Name is "stk.completed", "stk.failed", "transaction.result",
	// "transaction.timeout", "c2b.validation", "c2b.confirmation",
	// "deposit.completed" and so on: dots, never colons.
	Name string
	// Key is equal for deliveries that carry the same event (reference/wasaapay.md §11.6).
	Key string
	// ProviderID is the CheckoutRequestID, WasaaPay's deposit id, or Sevi's transaction id.
	ProviderID        string
	MerchantRequestID string
	// ConversationID and OriginatorConversationID belong to result envelopes.
	ConversationID           string
	OriginatorConversationID string
	Reference                string
	Receipt                  string
	// Status is what the event claims of a deposit; "" when it claims nothing.
	Status  Status
	Failure *Failure
	// Reversed is what a reversal's result says of it: COMPLETED or FAILED, "" where
	// that is not certain. It is not stored with the delivery.
	Reversed Status
	// Amount is the zero Amount when the event has none.
	Amount Amount
	// ShortCode is the merchant the event was sent for, where it says.
	ShortCode string
	// Phone is as it arrived, often masked; never a key (reference/daraja.md §4.1).
	Phone string
	// More says that the answer is not complete: the provider says that more
	// messages follow (reference/daraja.md §6.3 quirk 5).
	More bool
	// OccurredAt is the provider's own time, zero if absent.
	OccurredAt time.Time
	// Notes are oddities found while reading, for the operator.
	Notes []string
}

// Inspection is what a Receiver reads from a delivery.
type Inspection struct {
	Verdict Verdict
	// Matched is "json-stringify", "raw" or "token" when a proof fitted, else "".
	Matched string
	// Reason says why a verdict is not valid, without secrets or expected values.
	Reason string
	// Event is nil when the delivery means nothing that is known.
	Event *Event
}

// Disposition is what became of a delivery before it is acknowledged.
type Disposition uint8

// The dispositions.
const (
	// Stored is committed to the ledger with full durability.
	Stored Disposition = iota
	// NotStored could not be committed anywhere.
	NotStored
	// TooLarge was over the body cap and refused unread.
	TooLarge
)

// Reply is an acknowledgement in the provider's dialect.
type Reply struct {
	Status      int
	ContentType string
	Body        []byte
}

// Trust compares an event's claims with the deposit it names and returns why it
// is not to be believed, or "" (money rule 5). Amounts are compared as minor
// units with their currency; what is not known cannot differ, and the phone is
// never compared. What one environment's secret proves says nothing of another's
// deposits: everybody knows the local one.
//
// What no secret proves is proved by the path's token. Safaricom posts to the
// exact URL it was given, so a callback without the token that the URL carried is
// as wrong as one with another's: whoever knows only the CheckoutRequestID could
// otherwise forge a failure, which has no amount to compare
// (reference/daraja.md §3.6, §8). An adopted deposit's push was sent with no token
// of ours, so its callback proves nothing: it is a reason to ask.
func Trust(d Deposit, e Event, token string) string {
	proved := e.Environment != ""
	switch {
	case !e.MayConcern(d):
		return "it was proved by the secret of the " + string(e.Environment) + " environment, and this deposit is of " + string(d.Environment)
	case !proved && d.Adopted && d.CallbackToken == "":
		return Unproved
	case !proved && d.CallbackToken != "" && token == "" && d.Provider == Daraja:
		return "the path token is missing, and this push was sent with one"
	case d.CallbackToken != "" && token != d.CallbackToken && d.Provider == Daraja:
		return "the path token is another deposit's"
	case token == "" && d.ProviderID != "" && e.ProviderID != "" && d.ProviderID != e.ProviderID:
		return "the provider's id is not this deposit's"
	case e.Amount.HasValue() && d.Amount.Minor() != 0 && e.Amount != d.Amount:
		return e.Amount.unlike(d.Amount)
	case e.ShortCode != "" && d.ShortCode != "" && e.ShortCode != d.ShortCode:
		return "the shortcode is not the one the push was sent for"
	}
	return ""
}

// Unproved is why the callback of an adopted deposit moves nothing by itself.
const Unproved = "the push was made elsewhere, so nothing proves its callback: the provider is asked"

// MayConcern reports whether the event may be about a deposit as far as the
// environments go; one that is not known fits any.
func (e Event) MayConcern(d Deposit) bool {
	return e.Environment == "" || d.Environment == "" || e.Environment == d.Environment
}
