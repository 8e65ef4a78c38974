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
	// Conflict describes a recorded contradiction, "" if there is none.
	Conflict string
	// CallbackToken is the secret last segment of the callback path; a callback
	// that carries it proves that it was told the URL.
	CallbackToken string
	// FieldsHash tells one set of extra request fields from another, "" for none.
	FieldsHash string
	// Sent is when the request left, zero before.
	SentAt    time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
	// ExpiresAt is when the customer's prompt is over at the latest: 2 minutes
	// after sending (reference/wasaapay.md §7.2; reference/daraja.md §4.3).
	ExpiresAt time.Time
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
	// Settles says that this claim was asked for to end a recorded conflict
	// (reference/wasaapay.md §11.6): it decides against a conflict's either side.
	Settles bool
	// Dispute is what speaks against the deposit without being a status of it, such as
	// another amount: it becomes the deposit's conflict and moves nothing else.
	Dispute string
	// At is when the claim was made, by this machine's clock.
	At time.Time
}

// Apply returns the deposit after the claim, and what the claim did. It is the
// one place where a deposit's fields move.
func (d Deposit) Apply(c Claim) (Deposit, Move) {
	if d.ProviderID == "" {
		d.ProviderID = c.ProviderID
	}
	if d.MerchantRequestID == "" {
		d.MerchantRequestID = c.MerchantRequestID
	}
	if c.Dispute != "" {
		return d.disputed(c.Dispute, c.At), MoveConflict
	}
	move := Decide(d.Status, d.DecidedBy, c.Status, c.By)
	if move == MoveConfirm && d.Receipt != "" && c.Receipt != "" && d.Receipt != c.Receipt {
		move = MoveConflict
	}
	if c.Settles && d.Conflict != "" && c.Status.Final() && !strings.HasPrefix(d.Conflict, twoReceipts) {
		d.Conflict = ""
		if c.Status != d.Status {
			move = MoveApply
		}
	}
	switch move {
	case MoveApply, MoveOverrule:
		if move == MoveOverrule {
			d.Conflict = contradiction(d, c)
		}
		d.Status, d.Failure, d.DecidedBy = c.Status, nil, ""
		if c.Status.Final() {
			d.DecidedBy = c.By
		}
		if c.Status == StatusFailed {
			d.Failure = c.Failure
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
		d = d.disputed(contradiction(d, c), c.At)
	case MoveNone:
	}
	return d, move
}

// disputed returns the deposit with a conflict. Perhaps the customer paid twice: no later
// contradiction may hide that.
func (d Deposit) disputed(conflict string, at time.Time) Deposit {
	if !strings.HasPrefix(d.Conflict, twoReceipts) && d.Conflict != conflict {
		d.Conflict, d.UpdatedAt = conflict, at
	}
	return d
}

// twoReceipts begins the conflict of two successes that cannot be one payment.
// Asking how the deposit stands does not settle it: the operator must look.
const twoReceipts = "two receipts: "

func contradiction(d Deposit, c Claim) string {
	if c.Status == d.Status {
		return twoReceipts + d.Receipt + ", and " + c.Receipt + " by the " + string(c.By)
	}
	return "the " + string(d.DecidedBy) + " said " + string(d.Status) + ", the " + string(c.By) + " says " + string(c.Status)
}
