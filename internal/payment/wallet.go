package payment

import "time"

// WalletMovement is what a payload says of one movement of a wallet beyond its event.
type WalletMovement struct {
	// Direction is "credit", "debit" or "".
	Direction string
	// Fee and Total are zero where the payload has none.
	Fee, Total Amount
	// Type and Method are the provider's own words.
	Type, Method string
	// OrderID and OrderReference name the order that was paid for.
	OrderID, OrderReference string
	// Customer and CustomerPhone are personal: show them masked.
	Customer, CustomerPhone string
	Description             string
	At                      time.Time
}
