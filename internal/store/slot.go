package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// ChangeSlot hands the numbers that are kept for a key to do, with the ledger's clock in
// microseconds, and keeps them where do returns true. Nobody else changes them meanwhile;
// do may be called more than once, each time with what is kept.
func (s *Store) ChangeSlot(ctx context.Context, key string, do func(kept *[6]int64, now int64) bool) error {
	sum := sha256.Sum256([]byte(key)) // it may name an app
	name := "budget/" + hex.EncodeToString(sum[:12]) + "/"
	return s.do(ctx, "keep the budget", func(ctx context.Context, t *tx) error {
		var kept [6]int64
		rows, err := t.rows(ctx, "SELECT name, next_at, updated_at FROM slots WHERE name IN (?, ?, ?)", name+"0", name+"1", name+"2")
		if err != nil {
			return err
		}
		type row struct {
			name   string
			values [2]int64
		}
		found, err := scanAll(rows, func(r *row, to []column) []column {
			return append(to, column{"", (*text)(&r.name)}, column{"", (*integer)(&r.values[0])}, column{"", (*integer)(&r.values[1])})
		})
		if err != nil {
			return err
		}
		for _, r := range found {
			i := int(r.name[len(name)]-'0') * 2
			kept[i], kept[i+1] = r.values[0], r.values[1]
		}
		if !do(&kept, micros(t.now)) {
			return nil
		}
		for i, digit := range []string{"0", "1", "2"} {
			err := t.exec(ctx, `INSERT INTO slots (name, next_at, updated_at) VALUES (?, ?, ?)
				ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at, updated_at = excluded.updated_at`, name+digit, kept[2*i], kept[2*i+1])
			if err != nil {
				return err
			}
		}
		return nil
	})
}
