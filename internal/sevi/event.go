package sevi

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// The event names. Sevi names none; these are payctl's.
const (
	// EventCredit is money into the wallet.
	EventCredit = "wallet.credit"
	// EventDebit is money out of the wallet.
	EventDebit = "wallet.debit"
	// EventMovement is a wallet transaction that does not say which way.
	EventMovement = "wallet.transaction"
	// EventOrder is a snapshot of an order; it proves nothing about money.
	EventOrder = "order.updated"
)

// Events returns the names of all events.
func Events() []string { return []string{EventCredit, EventDebit, EventMovement, EventOrder} }

// Parse reads a payload of either family as an event. The error says why it
// means nothing that is known.
func Parse(body []byte) (*payment.Event, error) {
	f, err := top(body)
	switch {
	case err != nil:
		return nil, err
	case f.notID() != "":
		return nil, fmt.Errorf("%s is not a string, as every id is", f.notID())
	case f.isOrderEvent():
		return f.orderEvent(body), nil
	case f.isTransaction():
		t := f.transaction()
		return t.Event(), nil
	}
	return nil, errUnknown
}

// notID returns the name of an id that is no string, or "".
func (f fields) notID() string {
	if name := f.notText("id", "walletId", "orderId"); name != "" {
		return name
	}
	if name := object(f["order"]).notText("id", "referenceNumber", "platformReference"); name != "" {
		return "order." + name
	}
	return ""
}

// Event returns the transaction as an event: ShortCode holds the wallet, and
// Reference the seller's own order reference, else Sevi's.
func (t *Transaction) Event() *payment.Event {
	e := &payment.Event{
		Provider: payment.Sevi, Name: EventMovement, Key: t.Key(),
		ProviderID: t.ID, ShortCode: t.WalletID, Reference: t.Order.reference(),
		OccurredAt: t.CreatedAt, Notes: slices.Clone(t.Notes),
	}
	switch t.Direction {
	case Credit:
		e.Name = EventCredit
	case Debit:
		e.Name = EventDebit
	case Unstated:
	}
	if t.HasAmount {
		e.Amount = t.Amount
	}
	switch s := payment.Status(t.Status); s {
	case payment.StatusCompleted, payment.StatusPending, payment.StatusFailed:
		e.Status = s
	case "":
	default:
		e.Notes = append(e.Notes, "unknown status "+payment.Quote(t.Status, 40))
	}
	if e.Status == payment.StatusFailed {
		e.Failure = &payment.Failure{Reason: t.Description, Advice: "look the transaction up in admin.sevi.io"}
	}
	if len(t.Customer.Phones) > 0 {
		e.Phone = t.Customer.Phones[0]
	} else {
		e.Phone = t.Order.Phone
	}
	return e
}

// Key identifies what the transaction says: the same wallet, id, status,
// amount and currency is a duplicate, anything else is news to be merged
// (reference/sevi.md §8). The id may show on two wallets, so the wallet is in it.
func (t *Transaction) Key() string {
	amount := ""
	if t.HasAmount {
		amount = t.Amount.String()
	}
	return key("transaction", t.WalletID, t.ID, t.Status, amount, string(t.Currency))
}

// key joins parts so that no two lists give the same text. Parts that are long
// enough to be an attack on the ledger's index are replaced by their hash.
func key(parts ...string) string {
	var b strings.Builder
	b.WriteString("sevi")
	for _, p := range parts {
		if len(p) > 80 {
			sum := sha256.Sum256([]byte(p))
			p = "sha256=" + hex.EncodeToString(sum[:])
		}
		b.WriteByte(':')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(p, "%", "%25"), ":", "%3A"))
	}
	return b.String()
}

// orderEvent claims no status and no amount: PAID is not money received, and
// order.amount never is (reference/sevi.md §8). There is no version or time of
// change, so a snapshot is the same event only when its bytes are the same.
func (f fields) orderEvent(body []byte) *payment.Event {
	var notes []string
	raw := object(f["order"])
	order := raw.order()
	if order.PaymentStatus == "PAID" {
		notes = append(notes, notePaid)
	}
	sum := sha256.Sum256(body)
	e := &payment.Event{
		Provider: payment.Sevi, Name: EventOrder,
		Key:        key("order", order.ID, order.Status, order.PaymentStatus, hex.EncodeToString(sum[:8])),
		ProviderID: order.ID, Reference: order.reference(),
		OccurredAt: raw.when("createdAt", &notes), Phone: order.Phone,
	}
	if c := f.customer(); len(c.Phones) > 0 {
		e.Phone = c.Phones[0]
	}
	e.Notes = notes
	return e
}

// reference prefers the seller's own, the join key to the shop (reference/sevi.md §5).
func (o Order) reference() string {
	if o.PlatformReference != "" {
		return o.PlatformReference
	}
	return o.ReferenceNumber
}
