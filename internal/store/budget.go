package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

var _ payment.Budget = (*Budget)(nil)

// ReserveWithin books the next free slot under key, shared by all processes of the
// ledger, for somebody who waits at most so long: a slot that is further off is not
// booked, or questions that are never asked would keep others from asking. Its Wait
// tells how far off it is. per is the interval of one slot; 0 or less means no limit
// and touches nothing. A slot that is not used after all goes back with Unreserve.
func (h *Budget) ReserveWithin(ctx context.Context, key string, per, most time.Duration) (payment.Slot, error) {
	if per <= 0 {
		return payment.Slot{}, nil
	}
	var slot payment.Slot
	err := h.do(ctx, "reserve a slot of the rate budget", func(ctx context.Context, t *tx) error {
		now := micros(t.now)
		next, err := t.slot(ctx, key, now)
		if err != nil {
			return err
		}
		at := max(now, next)
		slot = payment.Slot{Key: key, Per: per, Wait: time.Duration(at-now) * time.Microsecond}
		if slot.Wait > most {
			return nil
		}
		slot.At = time.UnixMicro(at)
		return t.setSlot(ctx, key, at+per.Microseconds(), now)
	})
	return slot, err
}

// Unreserve gives back a slot that was not used, at most once. It is free again if
// nobody has booked or held the budget since; otherwise the next ones stay where
// they are, since their times have been told. A slot that was not booked is
// nothing to give back.
func (h *Budget) Unreserve(ctx context.Context, slot payment.Slot) error {
	if slot.At.IsZero() {
		return nil
	}
	return h.do(ctx, "give back a slot of the rate budget", func(ctx context.Context, t *tx) error {
		now := micros(t.now)
		next, err := t.slot(ctx, slot.Key, now)
		if err != nil || next != micros(slot.At)+slot.Per.Microseconds() {
			return err
		}
		return t.setSlot(ctx, slot.Key, micros(slot.At), now)
	})
}

// Hold keeps everybody from key's slots until a time. A slot that ends later has
// covered that time; it is moved by a microsecond, so that Unreserve, which takes
// only the last one back, does not take the hold with it.
func (h *Budget) Hold(ctx context.Context, key string, until time.Time) error {
	return h.do(ctx, "hold the rate budget", func(ctx context.Context, t *tx) error {
		now := micros(t.now)
		next, err := t.slot(ctx, key, now)
		if err != nil || micros(until) <= now {
			return err
		}
		return t.setSlot(ctx, key, max(next+1, micros(until)), now)
	})
}

// slot returns when the next slot is free. If the clock has been set back since
// the slots were last used, they move with it: nobody waits for an hour that the
// clock repeats.
func (t *tx) slot(ctx context.Context, key string, now int64) (int64, error) {
	var next, updated int64
	err := t.row(ctx, "SELECT next_at, updated_at FROM slots WHERE name = ?", []any{key}, &next, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return next - max(0, updated-now), err
}

func (t *tx) setSlot(ctx context.Context, key string, next, now int64) error {
	_, err := t.exec(ctx, `INSERT INTO slots (name, next_at, updated_at) VALUES (?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at, updated_at = excluded.updated_at`, key, next, now)
	return err
}
