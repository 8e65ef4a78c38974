package deposit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// Index finds deposits by any identifier.
type Index interface {
	// Find returns the deposits that carry an identifier of any sort, newest first.
	Find(ctx context.Context, anyID string) ([]payment.Deposit, error)
}

// Found is what an identifier means.
type Found struct {
	payment.Deposit
	// Others are the ids of the other deposits of the same reference, newest first.
	Others []string
}

// Find returns the deposit that an identifier means: payctl's own id, the
// provider's id, a receipt or a reference, in this order; the idempotency key comes
// last. Surrounding blanks and a receipt's letter case do not matter. Deposits of
// another environment than env ("" for any) are looked at only when env has none.
//
// Errors: KindNotFound when the ledger has none, KindConflict when a reference
// stands for several deposits that are not all COMPLETED.
func Find(ctx context.Context, in Index, env payment.Environment, id string) (Found, error) {
	id = strings.TrimSpace(id)
	if id == "" {
		return Found{}, payment.Usage("id: it is empty", "name a deposit by its id, receipt or reference")
	}
	found, err := in.Find(ctx, id)
	if err != nil {
		return Found{}, err
	}
	ours := slices.DeleteFunc(slices.Clone(found), func(d payment.Deposit) bool { return env != "" && d.Environment != env })
	if len(ours) == 0 {
		ours = found
	}
	for _, carries := range identifiers() {
		named := slices.DeleteFunc(slices.Clone(ours), func(d payment.Deposit) bool { return !carries(d, id) })
		if len(named) > 0 {
			return choose(id, named)
		}
	}
	return Found{}, NotFound(id)
}

// NotFound is the error of an id that the ledger does not know.
func NotFound(id string) error {
	return payment.NotFound("deposit "+payment.MaskDigits(id)+": not in the ledger",
		"list what is there with \"payctl deposit list\"; check --profile and --db")
}

// identifiers are the sorts of identifier, in the order in which they count.
func identifiers() []func(d payment.Deposit, id string) bool {
	return []func(d payment.Deposit, id string) bool{
		func(d payment.Deposit, id string) bool { return d.ID == id },
		func(d payment.Deposit, id string) bool { return d.ProviderID == id },
		func(d payment.Deposit, id string) bool { return d.MerchantRequestID == id },
		func(d payment.Deposit, id string) bool { return d.Receipt != "" && strings.EqualFold(d.Receipt, id) },
		func(d payment.Deposit, id string) bool { return d.Reference == id },
		func(d payment.Deposit, id string) bool { return d.IdempotencyKey == id },
		// What the ledger finds by another way: an id or a receipt of a conflict.
		func(payment.Deposit, string) bool { return true },
	}
}

// choose returns the deposit that several of one identifier stand for. CREATED and
// FAILED ones do not count beside one that may be paid.
func choose(id string, named []payment.Deposit) (Found, error) {
	count := slices.DeleteFunc(slices.Clone(named), func(d payment.Deposit) bool { return !d.Status.Stands() })
	if len(count) == 0 {
		count = named[:1]
	}
	if len(count) > 1 && slices.ContainsFunc(count, func(d payment.Deposit) bool { return d.Status != payment.StatusCompleted }) {
		each := make([]string, len(count))
		for i, d := range count {
			each[i] = d.ID + " " + string(d.Status)
		}
		return Found{}, &payment.Error{
			Kind:    payment.KindConflict,
			Message: fmt.Sprintf("%q: %d deposits carry it and may be paid: %s", payment.MaskDigits(id), len(count), strings.Join(each, ", ")),
			Hint:    "name one of them by its id",
		}
	}
	out := Found{Deposit: count[0]}
	for _, d := range named {
		if d.ID != out.ID {
			out.Others = append(out.Others, d.ID)
		}
	}
	return out, nil
}
