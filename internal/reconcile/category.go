package reconcile

// Category says what became of a payment when the books were compared. Each payment
// of the ledger and each transaction of the statement is in exactly one
// (reference/statements.md §5).
type Category string

// The categories.
const (
	// Matched is the same receipt and amount, completed on both sides.
	Matched Category = "matched"
	// Probable is a payment whose receipt the ledger does not have, and the one
	// transaction that fits it. It is a proposal, and never counted as matched.
	Probable Category = "probable"
	// AmountDiffers is the same receipt with another amount.
	AmountDiffers Category = "amount_differs"
	// StatusDiffers is completed on one side only.
	StatusDiffers Category = "status_differs"
	// OnlyLedger is completed in the ledger, and the statement does not have it.
	OnlyLedger Category = "only_ledger"
	// OnlyStatement is paid, and the ledger does not have it.
	OnlyStatement Category = "only_statement"
	// OnlyProvider is listed by the provider, and neither file nor ledger has it.
	OnlyProvider Category = "only_provider"
	// Reversed was paid and taken back.
	Reversed Category = "reversed"
	// ReversalUnmatched takes a payment back that cannot be told with certainty.
	ReversalUnmatched Category = "reversal_unmatched"
	// DuplicateInLedger is a receipt that more than one deposit has.
	DuplicateInLedger Category = "duplicate_in_ledger"
	// FeeOnly is a charge whose payment is in none of the files.
	FeeOnly Category = "fee_only"
	// NotCustomerPayment moved no customer's money: sweeps, payouts, what failed on
	// either side.
	NotCustomerPayment Category = "not_customer_payment"
	// OutsidePeriod is so near the edge of the period that the other side may have it
	// beyond, or lies outside of what was asked for.
	OutsidePeriod Category = "outside_period"
	// NotVerifiable is what no file and no provider can tell.
	NotVerifiable Category = "not_verifiable"
	// Unreadable is a row that cannot be read.
	Unreadable Category = "unreadable"
)

// Categories returns all categories, in the order of reports.
func Categories() []Category {
	return []Category{
		Matched, Probable, AmountDiffers, StatusDiffers, OnlyLedger, OnlyStatement, OnlyProvider, Reversed,
		ReversalUnmatched, DuplicateInLedger, FeeOnly, NotCustomerPayment, OutsidePeriod, NotVerifiable, Unreadable,
	}
}

// Severity says how much a difference matters.
type Severity string

// The severities, the worst first.
const (
	// Critical is money that the ledger counts and the statement does not, or not so much.
	Critical Severity = "critical"
	// High is a customer who paid and was not served, or a row that nobody read.
	High Severity = "high"
	// Medium needs a look.
	Medium Severity = "medium"
	// Low explains itself: it is listed, and is no difference.
	Low Severity = "low"
)

func (s Severity) rank() int {
	switch s {
	case Critical:
		return 0
	case High:
		return 1
	case Medium:
		return 2
	case Low:
	}
	return 3
}
