package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

var _ payment.Budget = (*Store)(nil)

// Reserve takes the next free slot under key, shared by all processes of the
// ledger, and returns how long to wait before using it. per is the interval of
// one slot; 0 or less means no limit and touches nothing.
func (s *Store) Reserve(ctx context.Context, key string, per time.Duration) (time.Duration, error) {
	if per <= 0 {
		return 0, nil
	}
	var wait time.Duration
	err := s.do(ctx, "reserve a slot of the rate budget", func(ctx context.Context, t *tx) error {
		now := micros(t.now)
		next, err := t.slot(ctx, key, now)
		if err != nil {
			return err
		}
		at := max(now, next)
		wait = time.Duration(at-now) * time.Microsecond
		return t.setSlot(ctx, key, at+per.Microseconds(), now)
	})
	return wait, err
}

// Hold keeps everybody from key's slots until a time.
func (s *Store) Hold(ctx context.Context, key string, until time.Time) error {
	return s.do(ctx, "hold the rate budget", func(ctx context.Context, t *tx) error {
		now := micros(t.now)
		next, err := t.slot(ctx, key, now)
		if err != nil {
			return err
		}
		return t.setSlot(ctx, key, max(next, micros(until)), now)
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
