package store

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// pruneRows is how many rows one transaction of a pruning takes: other writers
// get their turn in between.
const pruneRows = 200

// Pruned says what a pruning took.
type Pruned struct {
	Deliveries int64
	Bytes      int64
	// Kept is how many old deliveries stay as evidence, as a query's answer, or
	// because they are yet to be forwarded.
	Kept int64

	// told says that it is written down who prunes.
	told bool
}

// Prune deletes the deliveries received before a time, with their attempts, and
// gives the space back to the disk. What belongs to a deposit, a query or a wallet
// transaction that is open or disputed stays, as do a signed event that such a
// deposit may still turn out to be about, the answer that a query refers to and
// what is yet to be forwarded. Deposits, queries, wallet transactions, their
// histories and the statistics stay: they are small, and idempotency rests on
// them. What is about none of them, a C2B confirmation say, is forgotten with its
// delivery: a copy counts as new.
func (s *Store) Prune(ctx context.Context, before time.Time) (Pruned, error) {
	var out Pruned
	kinds, err := s.tables.kinds.all(ctx, s, "")
	if err != nil {
		return out, s.kinded("prune the ledger", err)
	}
	for _, k := range kinds {
		if err := s.pruneKind(ctx, k, before, &out); err != nil {
			return out, err
		}
	}
	return out, s.giveBack(ctx)
}

// pruneKind goes through the old deliveries of a kind, oldest first.
func (s *Store) pruneKind(ctx context.Context, k kindRow, before time.Time, out *Pruned) error {
	var from position
	from.at = -1 << 62
	for {
		var step Pruned
		var last position
		more := false
		err := s.do(ctx, "prune the ledger", func(ctx context.Context, t *tx) error {
			var err error
			step, last, more, err = t.prune.step(ctx, k, from, before)
			if err != nil || step.Deliveries == 0 || out.told {
				return err
			}
			return t.command(ctx, "", "deliveries received before "+before.UTC().Format(time.RFC3339)+" are deleted")
		})
		if err != nil {
			return err
		}
		out.told = out.told || step.Deliveries > 0
		out.Deliveries += step.Deliveries
		out.Bytes += step.Bytes
		out.Kept += step.Kept
		if !more {
			return nil
		}
		from = last
	}
}

func (t pruneTx) step(ctx context.Context, k kindRow, from position, before time.Time) (Pruned, position, bool, error) {
	var step Pruned
	old, keep, err := t.candidates(ctx, k, from, before)
	if err != nil || len(old) == 0 {
		return step, from, false, err
	}
	for i, r := range old {
		if keep[i] {
			step.Kept++
			continue
		}
		if err := t.drop(ctx, k, r); err != nil {
			return step, from, false, err
		}
		step.Deliveries++
		step.Bytes += r.size
	}
	last := old[len(old)-1]
	return step, position{at: last.at, seq: last.seq}, len(old) == pruneRows, nil
}

// sqlPruneCandidates reads the old deliveries of a kind and whether each is to be
// kept; its arguments are those of pruneArgs. Rows are looked up by their keys or
// by an index; the references that waiting events may be adopted by are gathered
// once. The newest row of the table is
// never old: its key must not be given again.
const sqlPruneCandidates = `SELECT v.seq, v.received_at, v.size + length(v.header),
		EXISTS (SELECT 1 FROM forwards AS f WHERE f.delivery = v.seq)
		OR EXISTS (SELECT 1 FROM deposits AS d WHERE d.seq = v.deposit
			AND (d.status NOT IN ('COMPLETED', 'FAILED') OR d.conflict <> ''))
		OR EXISTS (SELECT 1 FROM queries AS q LEFT JOIN deposits AS d ON d.seq = q.deposit WHERE q.seq = v.query
			AND (q.delivery = v.seq OR q.status NOT IN ('ANSWERED', 'REFUSED')
				OR d.status NOT IN ('COMPLETED', 'FAILED') OR d.conflict <> ''))
		OR ? = 1 AND (
			EXISTS (SELECT 1 FROM wallet_transactions AS w WHERE w.transaction_id = v.provider_id
				AND w.wallet = coalesce(v.wallet, '') AND w.provider = ?
				AND (w.status = 'PENDING' OR w.conflict <> ''))
			OR v.deposit IS NULL AND EXISTS (SELECT 1 FROM deposits AS d WHERE d.provider_id = v.provider_id
				AND d.provider_id <> '' AND d.provider = ?
				AND (d.status NOT IN ('COMPLETED', 'FAILED') OR d.conflict <> ''))
			OR v.orphan IS NOT NULL AND coalesce(v.reference, '') IN (SELECT d.reference FROM deposits AS d
				WHERE d.shelf IN (SELECT h.id FROM shelves AS h WHERE h.provider = ? AND h.status = 'UNKNOWN')
				AND d.provider_id = ''))
	FROM deliveries AS v WHERE v.kind = ? AND (v.received_at, v.seq) > (?, ?) AND v.received_at < ?
		AND v.seq < (SELECT max(seq) FROM deliveries)
	ORDER BY v.received_at, v.seq LIMIT ?`

func pruneArgs(k kindRow, from position, before time.Time) []any {
	provider := string(k.provider)
	return []any{
		boolInt(k.evidence()), provider, provider, provider,
		k.id, from.at, from.seq, micros(before), pruneRows,
	}
}

// evidence tells whether what a delivery of this kind says of itself is worth
// looking at: what does not prove itself can name any payment.
func (k kind) evidence() bool {
	switch k.verdict {
	case payment.VerdictValid, payment.VerdictUnsigned, payment.VerdictUntrusted:
		return true
	case payment.VerdictMismatch, payment.VerdictMalformed, payment.VerdictStray:
	}
	return false
}

// candidates returns old deliveries and which of them are to be kept.
func (t pruneTx) candidates(ctx context.Context, k kindRow, from position, before time.Time) ([]storedRow, []bool, error) {
	rows, err := t.rows(ctx, sqlPruneCandidates, pruneArgs(k, from, before)...)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = rows.Close() }()
	var old []storedRow
	var keep []bool
	for rows.Next() {
		var r storedRow
		var kept bool
		if err := rows.Scan(&r.seq, &r.at, &r.size, &kept); err != nil {
			return nil, nil, err
		}
		old, keep = append(old, r), append(keep, kept)
	}
	return old, keep, rows.Err()
}

// giveBack returns free space to the disk, a little at a time, so that other writers
// get their turn.
func (s *Store) giveBack(ctx context.Context) error {
	for before := int64(-1); ; {
		var left int64
		err := s.do(ctx, "shrink the ledger", func(ctx context.Context, t *tx) (err error) {
			left, err = t.conn.Shrink(ctx)
			return err
		})
		if err != nil || left == 0 || left == before {
			return err
		}
		before = left
	}
}
