package sevi

import (
	"fmt"

	"github.com/payctl/payctl/internal/payment"
)

// Change is what a further payload does to a transaction that is known.
type Change uint8

// The changes.
const (
	// Duplicate says nothing new.
	Duplicate Change = iota
	// Updated moves the status forward.
	Updated
	// Late is a weaker status after a stronger one; it changes nothing.
	Late
	// Conflict contradicts what is known; the operator must look.
	Conflict
)

// Merge applies what came later to what is known of the same (WalletID, ID),
// by the rules of reference/sevi.md §8: a final state is never overwritten,
// COMPLETED against FAILED and a changed amount or currency are conflicts, and
// the text says which. On a conflict the known transaction stays.
func Merge(known, next Transaction) (Transaction, Change, string) {
	switch {
	case known.ID != next.ID || known.WalletID != next.WalletID:
		return known, Conflict, "another transaction"
	case known.HasAmount && next.HasAmount && known.Amount.Minor() != next.Amount.Minor():
		return known, Conflict, fmt.Sprintf("the amount %s became %s", known.Amount, next.Amount)
	case known.Currency != "" && next.Currency != "" && known.Currency != next.Currency:
		return known, Conflict, fmt.Sprintf("the currency %s became %s", known.Currency, next.Currency)
	}
	before, after := rank(known.Status), rank(next.Status)
	switch {
	case known.Status == next.Status:
		return known, Duplicate, ""
	case before == rankFinal && after == rankFinal:
		return known, Conflict, fmt.Sprintf("the status %s became %s", known.Status, next.Status)
	case after < before:
		return known, Late, ""
	}
	return next, Updated, ""
}

// rankFinal is the rank of a state that ends a transaction.
const rankFinal = 3

// rank orders statuses by what they settle: unstated, unknown words, PENDING, final.
func rank(status string) int {
	switch payment.Status(status) {
	case payment.StatusCompleted, payment.StatusFailed:
		return rankFinal
	case payment.StatusPending:
		return 2
	case payment.StatusCreated, payment.StatusUnknown:
		return 1
	case "":
		return 0
	}
	return 1
}
