package sevi

import "github.com/payctl/payctl/internal/payment"

// Movement returns what a payload says of a wallet's transaction beyond its event;
// false when it is none.
func Movement(body []byte) (payment.WalletMovement, bool) {
	f, err := top(body)
	if err != nil || f.isOrderEvent() || !f.isTransaction() {
		return payment.WalletMovement{}, false
	}
	t := f.transaction()
	m := payment.WalletMovement{
		Direction: string(t.Direction), Fee: t.Fee, Total: t.Total, Type: t.TransactionType, Method: t.Method,
		OrderID: t.OrderID, OrderReference: t.Order.reference(), Customer: t.Customer.Name, Description: t.Description, At: t.CreatedAt,
	}
	if len(t.Customer.Phones) > 0 {
		m.CustomerPhone = t.Customer.Phones[0]
	} else {
		m.CustomerPhone = t.Order.Phone
	}
	return m, true
}
