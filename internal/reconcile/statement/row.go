package statement

import "time"

// Leg says what a row is of a transaction (reference/statements.md §2).
type Leg uint8

// The legs.
const (
	// Other is a text that is not known.
	Other Leg = iota
	// Payment is money from a customer.
	Payment
	// Fee is what M-PESA charges for a payment; it has the payment's receipt.
	Fee
	// Reversal takes a payment back; it has a receipt of its own.
	Reversal
	// Sweep moves money between the merchant's own accounts, or to the bank.
	Sweep
	// Payout is money to somebody else: a salary, airtime, an overdraft repaid.
	Payout
)

// String returns the leg's name as reports have it.
func (l Leg) String() string {
	switch l {
	case Payment:
		return "payment"
	case Fee:
		return "fee"
	case Reversal:
		return "reversal"
	case Sweep:
		return "sweep"
	case Payout:
		return "payout"
	case Other:
	}
	return "other"
}

// Row is one line of a statement.
type Row struct {
	// Line is the row's number in the file, from 1.
	Line int
	// Table is the number, from 1, of the table that it stands in: a file may be several
	// that were glued together.
	Table int
	// Problem says why the row cannot be read, "" when it can. Only Line, Table, and
	// Receipt where it was readable, are set beside it.
	Problem string
	// Receipt is in upper case without blanks.
	Receipt string
	// At is the completion time.
	At time.Time
	// Initiated is zero where the file does not say.
	Initiated time.Time
	Details   string
	Leg       Leg
	// Completed says that money moved.
	Completed bool
	// Status is the file's own word.
	Status string
	// Amount is in cents: positive for money in, negative for money out.
	Amount int64
	// Balance is in cents, after the row.
	Balance    int64
	HasBalance bool
	// Linked is the receipt that a reversal names.
	Linked string
	// Reference is the account reference that the customer gave.
	Reference string
	// Phone is the payer's number as the file has it, mostly masked.
	Phone string
}

// Check is something that a file says about itself and that was held against its rows.
type Check struct {
	Name string
	// OK is nil where the file does not allow the check.
	OK     *bool
	Detail string
}

// File is what is known of a file after it was read.
type File struct {
	Name, Family, SHA256 string
	// ShortCode, Account and Holder are "" where the file does not say.
	ShortCode, Account, Holder string
	// From and To are the time that the file covers, both inclusive. They are those
	// of its rows where FromRows is set.
	From, To time.Time
	FromRows bool
	// Rows counts the rows below the header that are transactions, unreadable ones included.
	Rows, Ignored, Unreadable int
	// Opening and Closing are balances in cents.
	Opening, Closing       int64
	HasOpening, HasClosing bool
	// OnlyCompleted says that the portal was asked for completed transactions alone.
	OnlyCompleted bool
	// Payments counts the completed payment rows.
	Payments int
	Checks   []Check
	// Unknown are the texts of Details and Status that are not known, at most mostUnknown.
	Unknown []string
}

func passed(name, detail string) Check { ok := true; return Check{name, &ok, detail} }
func failed(name, detail string) Check { ok := false; return Check{name, &ok, detail} }
func skipped(name, why string) Check   { return Check{name, nil, "could not be checked: " + why} }
