package payment

import (
	"strings"
	"time"
)

// ProviderID names a provider.
type ProviderID string

// The providers.
const (
	// Daraja is Safaricom's M-Pesa gateway.
	Daraja ProviderID = "daraja"
	// WasaaPay is WasaaPay's partner API.
	WasaaPay ProviderID = "wasaapay"
	// Sevi is the wallet "Transactions" webhook; receive only.
	Sevi ProviderID = "sevi"
)

// Environment says whose system is spoken to.
type Environment string

// The environments.
const (
	// Local is payctl's own emulator.
	Local Environment = "local"
	// Sandbox is the provider's test system.
	Sandbox Environment = "sandbox"
	// Production moves real money.
	Production Environment = "production"
)

// Failure is why a deposit failed.
type Failure struct {
	// Code is the provider's own code as text ("1032"), "" if it gave none.
	Code string `json:"code"`
	// Reason is the provider's own words.
	Reason string `json:"reason"`
	// Advice is what to do next, in payctl's words.
	Advice string `json:"advice"`
}

// Deposit is money asked from a customer, as the ledger holds it.
type Deposit struct {
	ID          string
	Provider    ProviderID
	Environment Environment
	// Reference is the operator's own (AccountReference, externalReference).
	Reference      string
	Description    string
	IdempotencyKey string
	Status         Status
	Amount         Amount
	Phone          Phone
	// ShortCode is the BusinessShortCode the push was sent for; WasaaPay: "".
	ShortCode string
	// Wallet is the WasaaPay walletId; Daraja: "".
	Wallet string
	// ProviderID is the CheckoutRequestID or the WasaaPay deposit id.
	ProviderID        string
	MerchantRequestID string
	Receipt           string
	Failure           *Failure
	// DecidedBy is "" while undecided.
	DecidedBy Source
	// Conflict is a recorded contradiction, zero if there is none.
	Conflict Conflict
	// Adopted says that it was asked for elsewhere and is followed here: Amount (0
	// minor units), Phone and Reference are unknown until a source tells them.
	Adopted bool
	// ByReference says that ProviderID was bound by the reference alone, with
	// amount, phone and time agreeing: a second id under it is a conflict.
	ByReference bool
	// Repeats is the deposit that this one asks for again on purpose, "" for none.
	Repeats string
	// Because is why the operator decided it, "" where a source did.
	Because string
	// Reversal is what became of giving the money back, zero if nobody tried.
	Reversal Reversal
	// CallbackToken is the secret last segment of the callback path; a callback
	// that carries it proves that it was told the URL.
	CallbackToken string
	// FieldsHash tells one set of extra request fields from another, "" for none.
	FieldsHash string
	// Sent is when the request left, zero before.
	SentAt    time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
	// PaidAt is when it was paid, by the provider's clock where that says so, zero
	// while it is not COMPLETED.
	PaidAt time.Time
	// ExpiresAt is when the customer's prompt is over at the latest: 2 minutes
	// after sending (reference/wasaapay.md §7.2; reference/daraja.md §4.3).
	ExpiresAt time.Time
}

// Conflict is a contradiction between what sources say of a deposit. It stays
// until proof or an operator's word ends it.
type Conflict struct {
	Since time.Time
	// Between are its two sides in a few words: "callback COMPLETED", an id, a receipt.
	Between [2]string
	Reason  string
}

// IsZero reports whether there is no conflict.
func (c Conflict) IsZero() bool { return c.Reason == "" }

// lasting reports whether asking how the deposit stands cannot settle it: there may
// be two payments, so the operator must look.
func (c Conflict) lasting() bool { return strings.HasPrefix(c.Reason, "two ") }

// Reversal is a request to give a deposit's money back.
type Reversal struct {
	// Status is PENDING, COMPLETED or FAILED.
	Status Status
	// Receipt is the reversal's own, "" while unknown.
	Receipt string
	At      time.Time
}

// Doubt is what came about a deposit and moved nothing: a delivery that is not believed or
// says nothing that settles, or a payment that fits.
type Doubt struct {
	// DeliveryID is "" where no delivery brought it.
	DeliveryID string
	At         time.Time
	Reason     string
}

// Told is a doubt in one line, for progress and warnings.
func (d Doubt) Told() string {
	if d.DeliveryID == "" {
		return d.Reason
	}
	return "a delivery (" + d.DeliveryID + ") moves nothing: " + d.Reason
}

// PromptLifetime is how long a customer's prompt can be answered at most.
const PromptLifetime = 2 * time.Minute

// Claim is what some source says about a deposit.
type Claim struct {
	Status  Status
	By      Source
	Receipt string
	// ProviderID and MerchantRequestID fill in what the deposit lacks.
	ProviderID        string
	MerchantRequestID string
	Failure           *Failure
	// Amount, Phone and Reference fill in what an adopted deposit lacks.
	Amount    Amount
	Phone     Phone
	Reference string
	// ByReference says that the deposit was found by its reference alone.
	ByReference bool
	// Settles says that this claim was asked for to end a recorded conflict
	// (reference/wasaapay.md §11.6): it decides against a conflict's either side.
	Settles bool
	// Dispute is what speaks against the deposit without being a status of it, such as
	// another amount: it becomes the deposit's conflict and moves nothing else.
	Dispute string
	// Because is the operator's reason, for SourceOperator.
	Because string
	// At is when the claim was made, by this machine's clock, OccurredAt when it came to
	// be, by the provider's, zero where it does not say.
	At, OccurredAt time.Time
}

// Apply returns the deposit after the claim, and what the claim did. It is the
// one place where a deposit's fields move.
func (d Deposit) Apply(c Claim) (Deposit, Move) {
	d = d.filled(c)
	if c.ProviderID != "" && c.ProviderID != d.ProviderID {
		return d.contradicted(d.Against(c)), MoveConflict
	}
	if c.Dispute != "" {
		return d.contradicted(d.Against(c)), MoveConflict
	}
	move := Decide(d.Status, d.DecidedBy, c.Status, c.By)
	if move == MoveConfirm && d.Receipt != "" && c.Receipt != "" && d.Receipt != c.Receipt {
		move = MoveConflict
	}
	if c.Settles && !d.Conflict.IsZero() && c.Status.Final() && (c.By == SourceOperator || !d.Conflict.lasting()) {
		d.Conflict = Conflict{}
		if c.Status != d.Status || c.By == SourceOperator {
			move = MoveApply
		}
	}
	switch move {
	case MoveApply, MoveOverrule:
		if move == MoveOverrule {
			d.Conflict = d.Against(c)
		}
		d.Status, d.Failure, d.DecidedBy, d.Because = c.Status, nil, "", c.Because
		if c.Status.Final() {
			d.DecidedBy = c.By
		}
		d.PaidAt = time.Time{}
		switch c.Status {
		case StatusFailed:
			d.Failure = c.Failure
		case StatusCompleted:
			d.PaidAt = c.At
			if !c.OccurredAt.IsZero() {
				d.PaidAt = c.OccurredAt
			}
		case StatusCreated, StatusUnknown, StatusPending:
		}
		if c.Receipt != "" {
			d.Receipt = c.Receipt
		}
		d.UpdatedAt = c.At
	case MoveConfirm:
		if d.Receipt == "" && c.Receipt != "" {
			d.Receipt, d.UpdatedAt = c.Receipt, c.At
		}
	case MoveConflict:
		d = d.contradicted(d.Against(c))
	case MoveNone:
	}
	return d, move
}

// filled takes over what the deposit lacks and the claim has.
func (d Deposit) filled(c Claim) Deposit {
	if d.ProviderID == "" && c.ProviderID != "" {
		d.ProviderID, d.ByReference = c.ProviderID, c.ByReference
	}
	if d.MerchantRequestID == "" {
		d.MerchantRequestID = c.MerchantRequestID
	}
	if !d.Adopted {
		return d
	}
	if d.Amount.Minor() == 0 && c.Amount.Minor() > 0 {
		d.Amount = c.Amount
	}
	if d.Phone.IsZero() {
		d.Phone = c.Phone
	}
	if d.Reference == "" {
		d.Reference = c.Reference
	}
	return d
}

// contradicted records a conflict. One that may be two payments is never hidden by
// a later one.
func (d Deposit) contradicted(by Conflict) Deposit {
	if d.Conflict.lasting() || !d.Conflict.IsZero() && !by.lasting() && d.Conflict.Between == by.Between {
		return d
	}
	d.Conflict, d.UpdatedAt = by, by.Since
	return d
}

// Contradict returns the deposit with a conflict that no claim of its own brings:
// an id or a receipt that another deposit has, say.
func (d Deposit) Contradict(by Conflict) Deposit { return d.contradicted(by) }

// says is what a claim would have moved, for a conflict's reason.
func says(c Claim) string {
	switch {
	case c.Status == "":
		return ""
	case c.Receipt != "":
		return ", which says " + string(c.Status) + " with receipt " + c.Receipt
	}
	return ", which says " + string(c.Status)
}

// twoReceipts begins the conflict of two successes that cannot be one payment.
const twoReceipts = "two receipts: "

// Against is the conflict between a deposit and a claim that contradicts it.
func (d Deposit) Against(c Claim) Conflict {
	if d.ProviderID != "" && c.ProviderID != "" && c.ProviderID != d.ProviderID {
		return Conflict{
			Since: c.At, Between: [2]string{d.ProviderID, c.ProviderID},
			Reason: "two ids: " + d.ProviderID + ", and " + c.ProviderID + " by the " + string(c.By) + says(c),
		}
	}
	if c.Dispute != "" {
		return Conflict{Since: c.At, Between: [2]string{"ledger " + string(d.Status), string(c.By)}, Reason: c.Dispute}
	}
	if c.Status == d.Status {
		return Conflict{
			Since: c.At, Between: [2]string{d.Receipt, c.Receipt},
			Reason: twoReceipts + d.Receipt + ", and " + c.Receipt + " by the " + string(c.By),
		}
	}
	return Conflict{
		Since: c.At, Between: [2]string{string(d.DecidedBy) + " " + string(d.Status), string(c.By) + " " + string(c.Status)},
		Reason: "the " + string(d.DecidedBy) + " said " + string(d.Status) + ", the " + string(c.By) + " says " + string(c.Status),
	}
}

// RepeatWindow is how long the same question to the same customer counts as asked
// twice (cli.md, *Asking twice*).
const RepeatWindow = 24 * time.Hour

// Stands reports whether a deposit in this status may have been paid or may yet be:
// CREATED and FAILED ones never reached the customer or are over.
func (s Status) Stands() bool {
	return s == StatusUnknown || s == StatusPending || s == StatusCompleted
}

// AskedBefore reports whether earlier is the same question: the same provider
// account, reference, phone and amount, within RepeatWindow before now, and it may
// be paid. A deposit without a reference never is.
func (d Deposit) AskedBefore(earlier Deposit, now time.Time) bool {
	return d.Reference != "" && earlier.Status.Stands() && d.ID != earlier.ID &&
		d.Provider == earlier.Provider && d.Environment == earlier.Environment &&
		d.ShortCode == earlier.ShortCode && d.Wallet == earlier.Wallet &&
		d.Reference == earlier.Reference && d.Phone == earlier.Phone && d.Amount == earlier.Amount &&
		now.Sub(earlier.asked()) < RepeatWindow
}

// asked is when the customer was asked; where that is not known, when it was recorded.
func (d Deposit) asked() time.Time {
	if d.SentAt.IsZero() {
		return d.CreatedAt
	}
	return d.SentAt
}

// RepeatError is the KindConflict error that refuses to ask again for what earlier
// asked for.
func RepeatError(earlier Deposit) error {
	e := &Error{
		Kind: KindConflict, Provider: earlier.Provider,
		Message: "asked before: deposit " + earlier.ID + " asks the same customer for the same amount and reference, and is " + string(earlier.Status),
		Hint:    "follow it with \"payctl status watch " + earlier.ID + "\"; --again asks the customer once more",
	}
	if earlier.Status == StatusCompleted {
		e.Hint = "--again asks the customer once more"
		if earlier.Receipt != "" {
			e.Message += " with receipt " + earlier.Receipt
		}
	}
	return e
}
