package payment

import (
	"net/http"
	"time"
)

// Facts fill a sample payload, so that its parts are consistent with each other and, when
// they come from a deposit, with the ledger.
type Facts struct {
	Amount    Amount
	Phone     Phone
	Reference string
	ShortCode string
	// CheckoutRequestID and MerchantRequestID are Daraja's ids of a push.
	CheckoutRequestID string
	MerchantRequestID string
	Receipt           string
	// ResourceID and ProviderReference are WasaaPay's id and reference.
	ResourceID        string
	ProviderReference string
	At                time.Time
}

// Sample is one payload that a provider sends.
type Sample struct {
	Provider ProviderID
	Event    string
	// Route is the listener's route for it.
	Route string
	// Header holds what comes beside the body.
	Header http.Header
	Body   []byte
	// Fill are assignments PATH=TEXT of facts, for those members that the body has.
	Fill []string
}
