package payment

import "time"

// Route is a path of the listener that a provider posts to.
type Route struct {
	Path     string
	Provider ProviderID
	// PerDeposit says that the path's secret segment may be the token of a deposit or
	// a query, which the ledger judges.
	PerDeposit bool
	// SendsOnce says that what is posted there is never posted again.
	SendsOnce bool
	// Unproven says that nothing in what is posted there proves where it came from, nor
	// does the ledger know it.
	Unproven bool
}

// Schedule is how often a provider may be asked about deposits.
type Schedule struct {
	// Gaps are the waits before each question; the last one repeats. The first
	// counts from when the request was sent.
	Gaps []time.Duration
	// PerSlot is the interval that one request takes of the rate budget, which all
	// processes share; 0 means no limit of our own.
	PerSlot time.Duration
	// BudgetKey names that budget: one limit of the provider has one key.
	BudgetKey string
	// ReceiptWait is how long a deposit that a question settled is followed for the
	// callback that brings the receipt.
	ReceiptWait time.Duration
	// Settles says that the answer to a question ends a recorded contradiction, whichever
	// side it takes; otherwise it must agree with the ledger.
	Settles bool
}
