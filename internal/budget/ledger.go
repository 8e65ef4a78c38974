package budget

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Keeper is a shared ledger as far as it keeps budgets: it hands the numbers that it has
// for a key to do, alone, with its clock in microseconds, and keeps them where do returns
// true. do may be called more than once, each time with what is kept.
type Keeper interface {
	ChangeSlot(ctx context.Context, key string, do func(kept *[6]int64, now int64) bool) error
}

// Ledger is a budget that all who work with a shared ledger have in common.
type Ledger struct {
	Keeper Keeper
	// Else is asked where the ledger does not answer.
	Else payment.Budget
}

var _ payment.Budget = Ledger{}

func (l Ledger) change(ctx context.Context, key string, do func(s *state, now int64) bool) error {
	return l.Keeper.ChangeSlot(ctx, key, func(kept *[6]int64, now int64) bool {
		s := state{Next: kept[0], Updated: kept[1], Per: kept[2], Learned: kept[3], LearnedAt: kept[4], Held: kept[5]}
		changed := s.change(now, do)
		*kept = [6]int64{s.Next, s.Updated, s.Per, s.Learned, s.LearnedAt, s.Held}
		return changed
	})
}

// ReserveWithin implements payment.Budget.
func (l Ledger) ReserveWithin(ctx context.Context, key string, per, most time.Duration) (payment.Slot, error) {
	slot, err := keeping(l.change).ReserveWithin(ctx, key, per, most)
	if payment.KindOf(err) == payment.KindUnavailable {
		return l.Else.ReserveWithin(ctx, key, per, most)
	}
	return slot, err
}

// Unreserve implements payment.Budget.
func (l Ledger) Unreserve(ctx context.Context, slot payment.Slot) error {
	return keeping(l.change).Unreserve(ctx, slot)
}

// Hold implements payment.Budget.
func (l Ledger) Hold(ctx context.Context, key string, until time.Time) error {
	err := keeping(l.change).Hold(ctx, key, until)
	if payment.KindOf(err) == payment.KindUnavailable {
		return l.Else.Hold(ctx, key, until)
	}
	return err
}
