package view

import (
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// WalletTransaction is one movement of a wallet; its keys are the contract.
type WalletTransaction struct {
	ID             string  `json:"id"`
	Provider       string  `json:"provider"`
	Wallet         *string `json:"wallet"`
	Direction      *string `json:"direction"`
	Status         *string `json:"status"`
	Amount         *string `json:"amount"`
	Fee            *string `json:"fee"`
	Total          *string `json:"total"`
	Currency       *string `json:"currency"`
	Type           *string `json:"type"`
	Method         *string `json:"method"`
	OrderID        *string `json:"order_id"`
	OrderReference *string `json:"order_reference"`
	Customer       *string `json:"customer"`
	CustomerPhone  *string `json:"customer_phone"`
	Description    *string `json:"description"`
	Conflict       *string `json:"conflict"`
	DeliveryID     string  `json:"delivery_id"`
	OccurredAt     *string `json:"occurred_at"`
	CreatedAt      string  `json:"created_at"`
	UpdatedAt      string  `json:"updated_at"`
}

// NewWalletTransaction returns the view of a wallet's row and of what its delivery says
// beyond it. Customers are masked, names too, unless whole numbers are wanted.
func NewWalletTransaction(w store.WalletRow, m payment.WalletMovement, showPhone bool) WalletTransaction {
	customer := m.Customer
	if !showPhone {
		customer = initials(customer)
	}
	return WalletTransaction{
		ID: w.TransactionID, Provider: string(w.Provider), Wallet: payment.OrNull(w.Wallet), Direction: payment.OrNull(m.Direction),
		Status: payment.OrNull(string(w.Status)), Amount: valueOrNull(w.Amount), Fee: valueOrNull(m.Fee), Total: valueOrNull(m.Total),
		Currency: payment.OrNull(string(w.Amount.Currency())), Type: payment.OrNull(m.Type), Method: payment.OrNull(m.Method),
		OrderID: payment.OrNull(m.OrderID), OrderReference: payment.OrNull(phones(m.OrderReference, showPhone)),
		Customer: payment.OrNull(customer), CustomerPhone: payment.OrNull(phones(m.CustomerPhone, showPhone)),
		Description: payment.OrNull(phones(m.Description, showPhone)), Conflict: payment.OrNull(w.Conflict), DeliveryID: w.DeliveryID,
		OccurredAt: timing.RFC3339OrNull(m.At), CreatedAt: timing.RFC3339(w.CreatedAt), UpdatedAt: timing.RFC3339(w.UpdatedAt),
	}
}

func valueOrNull(a payment.Amount) *string {
	if !a.HasValue() {
		return nil
	}
	return payment.OrNull(a.String())
}

// initials keeps the first letter of each part of a name.
func initials(name string) string {
	var out []string
	for part := range strings.FieldsSeq(name) {
		out = append(out, string([]rune(part)[:1])+"***")
	}
	return strings.Join(out, " ")
}

// WalletColumns head a list of a wallet's transactions.
func WalletColumns() []ui.Column {
	return []ui.Column{
		ui.Left("ID"), ui.Left("STATUS"), ui.Left("WAY").Dropped(3), ui.Right("AMOUNT"), ui.Right("FEE").Dropped(2),
		ui.Flexible("ORDER"), ui.Flexible("CUSTOMER").Dropped(4), ui.Left("PHONE").Dropped(1), ui.Left("CREATED").Dropped(5),
	}
}

// Cells are a transaction's columns.
func (v WalletTransaction) Cells() []ui.Span {
	id := ui.Plain(v.ID)
	if v.Conflict != nil {
		id = ui.Bad(v.ID + " !")
	}
	return []ui.Span{
		id, ui.Plain(payment.Or(v.Status, "-")), ui.Plain(payment.Or(v.Direction, "-")), ui.Plain(payment.Or(v.Amount, "-") + " " + payment.Or(v.Currency, "")), ui.Plain(payment.Or(v.Fee, "-")),
		ui.Plain(payment.Or(v.OrderReference, payment.Or(v.OrderID, "-"))), ui.Plain(payment.Or(v.Customer, "-")), ui.Plain(payment.Or(v.CustomerPhone, "-")), ui.When(v.CreatedAt),
	}
}
