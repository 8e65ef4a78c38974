package payment

import (
	"context"
	"time"
)

// DepositRequest is what an adapter needs to ask a customer for money.
type DepositRequest struct {
	Deposit Deposit
	// CallbackURL is the full URL for this deposit, token included.
	CallbackURL string
	// Fields are extra request fields by name (WasaaPay, reference/wasaapay.md §7.2).
	Fields map[string]string
}

// Answer is what a provider says of a deposit when asked, or when it was created.
type Answer struct {
	// Status is PENDING, COMPLETED, FAILED, or UNKNOWN when the provider gave no
	// usable answer ("ask again").
	Status            Status
	ProviderID        string
	MerchantRequestID string
	Receipt           string
	Failure           *Failure
	// Amount, Phone and Reference are what the provider says was asked for, zero
	// where it does not say.
	Amount    Amount
	Phone     Phone
	Reference string
	// NotKnown says that the provider does not know the id, now at least.
	NotKnown bool
	// Code and Message are the provider's own, verbatim, for showing.
	Code    string
	Message string
}

// Depositor asks customers for money.
type Depositor interface {
	// Create sends the request once. An error for which
	// errors.Is(err, ErrOutcomeUnknown) holds means that it may have reached the
	// customer. A refusal that is final for this request is an Answer with
	// StatusFailed. Any other error means that nothing reached the customer.
	Create(ctx context.Context, r DepositRequest) (Answer, error)
	// Ask asks for the state of a deposit that has a ProviderID. The caller has taken
	// the question's turn in the provider's rate budget (Schedule). "No answer" is
	// StatusUnknown, never an error; errors are KindUnavailable (ask again),
	// KindUnauthorized or KindNotFound.
	Ask(ctx context.Context, d Deposit) (Answer, error)
}

// Preparer is a Depositor that needs something of the provider, an access token say,
// before it can ask for money. Prepare fetches it, so that a deposit is not taken for
// sent while that is under way; its errors mean that nothing reached the customer.
type Preparer interface {
	Prepare(ctx context.Context) error
}

// StreamSignal is what a stream reports.
type StreamSignal uint8

// The signals.
const (
	// StreamUp means connected and subscribed: ask once to close the gap. With
	// Event.ProviderID it is about that id alone, whose subscription was confirmed late.
	StreamUp StreamSignal = iota
	// StreamDown means that the connection was lost and is being made again. With
	// Event.ProviderID it is about that id alone, whose subscription was not confirmed.
	StreamDown
	// StreamEvent carries an event.
	StreamEvent
)

// StreamUpdate is one report of a stream.
type StreamUpdate struct {
	Signal StreamSignal
	// Event is set for StreamEvent; its ProviderID also where a signal is about one id.
	Event Event
	// Note says more, for the operator: the reason of a loss, the transport in use.
	Note string
}

// Streamer follows deposits in real time.
type Streamer interface {
	// Stream connects, subscribes to the provider ids and calls emit, from one
	// goroutine, until ctx ends. It reconnects by itself. It returns an error
	// only when trying again is useless: KindUnauthorized for a refused key,
	// KindUnavailable for certificate trouble.
	Stream(ctx context.Context, ids []string, emit func(StreamUpdate)) error
}

// TransactionQuery asks for the fate of one M-Pesa transaction.
type TransactionQuery struct {
	// Receipt or OriginalConversationID must be set.
	Receipt                string
	OriginalConversationID string
	// Party is the shortcode, till or MSISDN that IdentifierType says.
	Party          string
	IdentifierType IdentifierType
	Remarks        string
	Occasion       string
	ResultURL      string
	TimeoutURL     string
}

// IdentifierType is Daraja's kind of party (reference/daraja.md §6.1).
type IdentifierType string

// The identifier types.
const (
	// IdentifierMSISDN is a customer's number, wire value 1.
	IdentifierMSISDN IdentifierType = "msisdn"
	// IdentifierTill is a till number, wire value 2.
	IdentifierTill IdentifierType = "till"
	// IdentifierShortCode is a paybill or organisation shortcode, wire value 4.
	IdentifierShortCode IdentifierType = "shortcode"
)

// Acceptance is the answer to a query whose result comes later by callback.
type Acceptance struct {
	ConversationID           string
	OriginatorConversationID string
	Code                     string
	Message                  string
}

// TransactionQuerier asks for a transaction's status; the result comes by callback.
type TransactionQuerier interface {
	QueryTransaction(ctx context.Context, q TransactionQuery) (Acceptance, error)
}

// Receiver reads what a provider sends to the listener.
type Receiver interface {
	// Inspect never panics and never keeps the delivery's bytes.
	Inspect(d Delivery) Inspection
	// Acknowledge answers in the provider's dialect.
	Acknowledge(d Delivery, i Inspection, what Disposition) Reply
}

// Slot is a place in a shared rate budget.
type Slot struct {
	Key string
	// At is when it may be used, by the clock of whoever keeps the budget; zero
	// when none was booked.
	At time.Time
	// Per is the interval that it takes, Wait how far off it was when asked for.
	Per, Wait time.Duration
}

// Budget shares a rate limit among processes.
type Budget interface {
	// ReserveWithin books the next free slot under key, unless it is further off
	// than most: then it only tells how far. per is the interval of one slot; 0 or
	// less means no limit.
	ReserveWithin(ctx context.Context, key string, per, most time.Duration) (Slot, error)
	// Unreserve gives back a slot that was not used, at most once.
	Unreserve(ctx context.Context, s Slot) error
	// Hold keeps everybody from key's slots until a time (Retry-After, an
	// exhausted X-RateLimit-Remaining).
	Hold(ctx context.Context, key string, until time.Time) error
}
