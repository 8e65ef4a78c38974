package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"

	"github.com/payctl/payctl/internal/payment"
)

// sqlMostOrphans bounds how many waiting deliveries are judged again at once; see
// sqlMostFound.
const sqlMostOrphans = " LIMIT 256"

// orphan is a delivery that proves itself and found nothing that it could be
// about when it came.
type orphan struct {
	seq, at, size int64
	// same is the hash of its meaning, as it was known without a deposit.
	same   int64
	kind   kind
	kindID int64
	event  payment.Event
}

// orphans returns the waiting deliveries about a thing, oldest first.
func (t *tx) orphans(ctx context.Context, provider payment.ProviderID, thing int64) ([]orphan, error) {
	rows, err := t.rows(ctx, `SELECT v.seq, v.same, v.received_at, v.size + length(v.header), v.kind, k.route, k.event, k.verdict,
			k.status, k.duplicate, coalesce(v.provider_id, ''), coalesce(v.reference, ''), coalesce(v.receipt, ''),
			v.amount, coalesce(v.currency, ''), coalesce(v.detail, '{}'), v.orphan
		FROM deliveries AS v JOIN kinds AS k ON k.id = v.kind
		WHERE v.thing = ? AND v.deposit IS NULL AND v.query IS NULL AND v.orphan IS NOT NULL AND v.same IS NOT NULL AND k.provider = ?
		ORDER BY v.seq`+sqlMostOrphans, thing, string(provider))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []orphan
	for rows.Next() {
		var o orphan
		var verdict, status, currency, more string
		var det detail
		var duplicate int64
		var amount sql.NullInt64
		e := &o.event
		err := rows.Scan(&o.seq, &o.same, &o.at, &o.size, &o.kindID, &o.kind.route, &o.kind.event, &verdict, &status, &duplicate,
			&e.ProviderID, &e.Reference, &e.Receipt, &amount, &currency, &more, &e.Key)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(more), &det); err != nil {
			return nil, err
		}
		o.kind.provider, o.kind.verdict = provider, payment.Verdict(verdict)
		o.kind.status, o.kind.duplicate = payment.Status(status), duplicate != 0
		e.Provider, e.Name, e.Status = provider, o.kind.event, o.kind.status
		e.MerchantRequestID, e.ShortCode, e.Failure, e.Environment = det.MerchantRequestID, det.ShortCode, det.Failure, det.Environment
		if amount.Valid {
			e.Amount = payment.AmountOf(amount.Int64, payment.Currency(currency))
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// adoptOrphans judges the signed events that came before the answer which names
// their deposit. Daraja's callbacks never wait:
// their token finds their deposit, and without it nothing makes them true.
func (t *tx) adoptOrphans(ctx context.Context, d depositRow) (depositRow, error) {
	waiting, err := t.orphans(ctx, d.Provider, t.db.hashID(d.Provider, d.ProviderID)|math.MinInt64)
	if err != nil {
		return d, err
	}
	for _, o := range waiting {
		if o.event.ProviderID != d.ProviderID || !o.event.MayConcern(d.Deposit) {
			continue
		}
		j := judged{verdict: o.kind.verdict, deposit: d}
		j.distrust(payment.Trust(d.Deposit, o.event, ""))
		if j.counts() {
			if err := t.checkReceipt(ctx, d, &o.event, &j); err != nil {
				return d, err
			}
		}
		err := t.adopt(ctx, o, j, func() (move payment.Move, err error) {
			d, move, err = t.apply(ctx, d, *claimOf(&o.event, fromMicros(micros(t.now))))
			return move, err
		})
		if err != nil {
			return d, err
		}
	}
	return d, nil
}

// adopt gives an orphan to its deposit. Where it counts, and its event
// has not counted before, effect is called for the move.
func (t *tx) adopt(ctx context.Context, o orphan, j judged, effect func() (payment.Move, error)) error {
	k, duplicateOf, move := o.kind, any(nil), payment.MoveNone
	k.verdict = j.verdict
	// What counts is known by its event from now on; the rest stays known by its bytes.
	hash := o.same
	if j.counts() {
		hash = t.sameEvent(k.provider, meaning(&o.event), j.deposit.seq, 0)
	}
	same := any(hash)
	var first int64
	err := t.row(ctx, "SELECT seq FROM deliveries WHERE thing = ? AND same = ?", []any{j.thing(0), hash}, &first)
	switch {
	case err == nil:
		k.duplicate, duplicateOf, same = true, first, nil
	case !errors.Is(err, sql.ErrNoRows):
		return err
	case j.counts():
		if move, err = effect(); err != nil {
			return err
		}
	}
	kindID, err := t.kindID(ctx, k)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `UPDATE deliveries SET kind = ?, thing = ?, same = ?, deposit = ?, duplicate_of = ?,
		move = ?, reason = ?, orphan = NULL WHERE seq = ?`,
		kindID, j.thing(0), same, nullKey(j.deposit.seq), duplicateOf, int64(move), nullText(j.reason), o.seq)
	if err != nil {
		return err
	}
	if kindID != o.kindID {
		t.countDelivery(o.kind, o.kindID, o.at, -1, -o.size)
		t.countDelivery(k, kindID, o.at, 1, o.size)
	}
	return nil
}
