package sevi

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Direction says which way a wallet moved.
type Direction string

// The directions.
const (
	// Credit puts money into the seller's wallet.
	Credit Direction = "credit"
	// Debit takes money out of it.
	Debit Direction = "debit"
	// Unstated is a payload that does not say.
	Unstated Direction = ""
)

// Transaction is one movement of a seller's wallet, from any of the payload
// forms (reference/sevi.md §4). Amounts are minor units; their currency is ""
// when the payload states none.
type Transaction struct {
	// ID and WalletID together are the identity (reference/sevi.md §8).
	ID       string
	WalletID string
	// Status is upper case, "" when unstated (older forms).
	Status    string
	Direction Direction
	Currency  payment.Currency
	// Amount is valid only with HasAmount: zero is an amount, and the currency may be missing.
	Amount    payment.Amount
	HasAmount bool
	Fee       payment.Amount
	Total     payment.Amount
	// PaymentType, TransactionType and Method are open sets, in upper case.
	PaymentType     string
	TransactionType string
	Method          string
	Description     string
	Name            string
	OrderID         string
	Order           Order
	Customer        Customer
	CreatedAt       time.Time
	// Notes are oddities found while reading.
	Notes []string
}

// Order is the part of a linked order that identifies it. Its amount is left
// out: it is never money received (reference/sevi.md §8).
type Order struct {
	ID                string
	ReferenceNumber   string
	PlatformReference string
	Status            string
	PaymentStatus     string
	Phone             string
}

// top reads the outermost object.
func top(body []byte) (fields, error) {
	body = trimBOM(body)
	if !json.Valid(body) {
		return nil, errNotJSON
	}
	f := object(body)
	if f == nil {
		return nil, errNotObject
	}
	return f, nil
}

// isOrderEvent and isTransaction tell the families apart by shape, since
// nothing names them (reference/sevi.md §9).
func (f fields) isOrderEvent() bool {
	return !f.has("amount") && object(f["order"]) != nil
}

func (f fields) isTransaction() bool {
	if f.text("id") == "" || f.isOrderEvent() {
		return false
	}
	return f.has("amount") || f.has("walletId") || f.has("transactionType") || f.has("paymentType")
}

func (f fields) transaction() Transaction {
	var notes []string
	currency := payment.Currency(f.upper("currency"))
	if currency != "" && !isCurrency(currency) {
		notes = append(notes, "currency is not three letters")
		currency = ""
	}
	t := Transaction{
		ID: f.text("id"), WalletID: f.text("walletId"), Status: f.upper("status"),
		Direction: f.direction(), Currency: currency,
		PaymentType: f.upper("paymentType"), TransactionType: f.upper("transactionType"), Method: f.upper("method"),
		Description: f.text("description"), Name: f.text("name"), OrderID: f.text("orderId"),
		CreatedAt: f.when("createdAt", &notes), Customer: f.customer(),
	}
	order := object(f["order"])
	t.Order = order.order()
	if t.OrderID == "" {
		t.OrderID = t.Order.ID
	} else if t.Order.ID != "" && t.Order.ID != t.OrderID {
		notes = append(notes, "order.id is not orderId")
	}
	t.Amount, t.HasAmount = f.money("amount", currency, &notes)
	var hasFee, hasTotal bool
	t.Fee, hasFee = f.money("fee", currency, &notes)
	t.Total, hasTotal = f.money("totalAmount", currency, &notes)
	if !t.HasAmount {
		notes = append(notes, "no usable amount")
	} else if currency == "" {
		notes = append(notes, "the amount "+t.Amount.String()+" states no currency")
	}
	// Whether the fee of a debit is on top or inside is not known, so a
	// difference is told and nothing more (reference/sevi.md §4).
	if t.HasAmount && hasFee && hasTotal && t.Total.Minor() != t.Amount.Minor()+t.Fee.Minor() {
		notes = append(notes, fmt.Sprintf("totalAmount %s is not amount %s plus fee %s", t.Total, t.Amount, t.Fee))
	}
	if t.Order.PaymentStatus == "PAID" {
		notes = append(notes, notePaid)
	}
	t.Notes = notes
	return t
}

// notePaid guards the reader against booking an order's state as money
// (reference/sevi.md §8, W8).
const notePaid = "order paymentStatus PAID says that the buyer paid, not that the wallet was credited"

// direction follows the rule of reference/sevi.md §4; sign and purpose never decide.
func (f fields) direction() Direction {
	for _, name := range []string{"transactionType", "paymentType"} {
		switch f.upper(name) {
		case "CREDIT":
			return Credit
		case "DEBIT":
			return Debit
		}
	}
	if f.upper("transactionType") == "TOP_UP" {
		return Credit
	}
	return Unstated
}

func (f fields) order() Order {
	return Order{
		ID: f.text("id"), ReferenceNumber: f.text("referenceNumber"), PlatformReference: f.text("platformReference"),
		Status: f.upper("status"), PaymentStatus: f.upper("paymentStatus"), Phone: f.text("phoneNumber"),
	}
}

func isCurrency(c payment.Currency) bool {
	if len(c) != 3 {
		return false
	}
	for i := range len(c) {
		if c[i] < 'A' || c[i] > 'Z' {
			return false
		}
	}
	return true
}
