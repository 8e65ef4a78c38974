package store

import (
	"context"

	"github.com/payctl/payctl/internal/payment"
)

// Bound is a number of deliveries and their bytes.
type Bound struct{ Rows, Bytes int64 }

// Quarantine bounds what deliveries that nobody vouches for may take, so that
// junk cannot fill the disk: beyond it the oldest go. Forgeries that are well
// formed have bounds of their own, or plain junk could push them out.
type Quarantine struct {
	// Junk bounds deliveries that are malformed, whose proof does not fit, or that came
	// to no route, each.
	Junk Bound
	// Untrusted bounds well-formed deliveries that the ledger contradicts, among
	// them callbacks for pushes that it does not know.
	Untrusted Bound
}

// DefaultQuarantine returns bounds that leave room for a long look at an attack
// on a small disk.
func DefaultQuarantine() Quarantine {
	return Quarantine{
		Junk:      Bound{Rows: 100_000, Bytes: 256 << 20},
		Untrusted: Bound{Rows: 1_000_000, Bytes: 2 << 30},
	}
}

func (q Quarantine) bound(v payment.Verdict) (Bound, bool) {
	switch v {
	case payment.VerdictMalformed, payment.VerdictMismatch, payment.VerdictStray:
		return q.Junk, true
	case payment.VerdictUntrusted:
		return q.Untrusted, true
	case payment.VerdictValid, payment.VerdictUnsigned:
	}
	return Bound{}, false
}

// junk tells whether a delivery of this kind is quarantined.
func (k kind) junk() bool {
	_, is := Quarantine{}.bound(k.verdict)
	return is
}

// The quarantine is looked at once in so many rows or bytes of junk, and then
// shrunk by at least as much below its bounds; but a commit drops no more than
// mostDropped rows, far more than one brings, and leaves the rest to the next.
const (
	junkRows    = 128
	junkBytes   = 4 << 20
	mostDropped = 4096
)

// bound drops the oldest junk beyond the bounds.
func (t pruneTx) bound(ctx context.Context) error {
	step := t.db.quarantine.step()
	if t.junk.n < step.Rows && t.junk.sum < step.Bytes && !t.crowded {
		return nil
	}
	t.junk, t.crowded = count{}, false
	left := int64(mostDropped)
	for _, v := range []payment.Verdict{payment.VerdictMalformed, payment.VerdictMismatch, payment.VerdictStray, payment.VerdictUntrusted} {
		bound, _ := t.db.quarantine.bound(v)
		if err := t.shrink(ctx, v, bound, &left); err != nil {
			return err
		}
	}
	return nil
}

// step is how much junk may come between two looks: less for small bounds.
func (q Quarantine) step() Bound {
	return Bound{
		Rows:  max(1, min(junkRows, q.Junk.Rows/4, q.Untrusted.Rows/4)),
		Bytes: max(1, min(junkBytes, q.Junk.Bytes/4, q.Untrusted.Bytes/4)),
	}
}

// quarantined returns the kinds of a verdict and what they hold, this
// transaction included.
func (t pruneTx) quarantined(ctx context.Context, v payment.Verdict) ([]kindRow, count, error) {
	var held count
	err := t.row(ctx, `SELECT CAST(coalesce(sum(s.n), 0) AS BIGINT), CAST(coalesce(sum(s.bytes), 0) AS BIGINT) FROM `+t.db.held()+` AS s
		WHERE s.kind IN (SELECT k.id FROM kinds AS k WHERE k.verdict = ?)`, []any{string(v)}, &held.n, &held.sum)
	if err != nil {
		return nil, held, err
	}
	kinds, err := t.db.tables.kinds.all(ctx, t.tx, "WHERE verdict = ?", string(v))
	return kinds, held, err
}

// shrink drops the oldest deliveries of a verdict, at most left of them, and
// counts left down.
func (t pruneTx) shrink(ctx context.Context, v payment.Verdict, bound Bound, left *int64) error {
	kinds, held, err := t.quarantined(ctx, v)
	if err != nil || held.n <= bound.Rows && held.sum <= bound.Bytes {
		return err
	}
	step := t.db.quarantine.step()
	goal := Bound{Rows: max(bound.Rows-step.Rows, 1), Bytes: max(bound.Bytes-step.Bytes, 1)}
	for held.n > goal.Rows || held.sum > goal.Bytes {
		before := held
		for _, k := range kinds {
			// Each kind gives up the same share, so that none starves another.
			share := max(1, (before.n-goal.Rows)/int64(len(kinds))+1)
			if err := t.dropOldest(ctx, k, share, goal, &held, left); err != nil {
				return err
			}
		}
		if held == before {
			break // what is left cannot go
		}
	}
	t.crowded = t.crowded || *left == 0
	return nil
}

// dropOldest drops a share of one kind, and as much more as the bytes ask for,
// until the goal is reached or nothing is left to drop.
func (t pruneTx) dropOldest(ctx context.Context, k kindRow, share int64, goal Bound, held *count, left *int64) error {
	most := min(2*junkRows, *left)
	if most == 0 || held.n <= goal.Rows && held.sum <= goal.Bytes {
		return nil
	}
	oldest, err := t.oldest(ctx, k.id, most)
	if err != nil {
		return err
	}
	for i, o := range oldest {
		if held.sum <= goal.Bytes && (held.n <= goal.Rows || int64(i) >= share) {
			break
		}
		if err := t.drop(ctx, k, o); err != nil {
			return err
		}
		held.n--
		held.sum -= o.size
		*left--
	}
	return nil
}

// storedRow is a delivery as pruning sees it.
type storedRow struct{ seq, at, size int64 }

// oldest returns the oldest deliveries of a kind. The newest row of the table is
// not among them: its key must not be given again.
func (t pruneTx) oldest(ctx context.Context, kindID, most int64) ([]storedRow, error) {
	rows, err := t.rows(ctx, `SELECT seq, received_at, size + length(header) FROM deliveries
		WHERE kind = ? AND seq < (SELECT max(seq) FROM deliveries) ORDER BY received_at, seq LIMIT ?`, kindID, most)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []storedRow
	for rows.Next() {
		var r storedRow
		if err := rows.Scan(&r.seq, &r.at, &r.size); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// drop deletes a delivery and what refers to it. The daily statistics
// keep it: it was received.
func (t pruneTx) drop(ctx context.Context, k kindRow, r storedRow) error {
	for _, q := range []string{
		"DELETE FROM forwards WHERE delivery = ?",
		"DELETE FROM attempts WHERE delivery = ?",
		"DELETE FROM failing WHERE seq = ?",
		"DELETE FROM deliveries WHERE seq = ?",
	} {
		if err := t.exec(ctx, q, r.seq); err != nil {
			return err
		}
	}
	add(t.tally.dropped, k.id, 1, r.size)
	return nil
}
