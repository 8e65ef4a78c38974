package store

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/payctl/payctl/internal/payment"
)

// sqlMostOrphans bounds how many waiting deliveries are judged again at once. A limit
// that is a parameter would have SQLite plan the statement anew at every call, at
// thrice its cost.
const sqlMostOrphans = " LIMIT 256"

// orphan is a delivery that proves itself and found nothing that it could be
// about when it came.
type orphan struct {
	row        deliveryRow
	kind       kindRow
	headerSize int64
	event      payment.Event
}

func orphanColumns(o *orphan, to []column) []column {
	return append(kindColumns(&o.kind, deliveryHead(&o.row, to)), column{"", (*integer)(&o.headerSize)})
}

// sqlOrphans is a query for the waiting deliveries about a subject, oldest first.
func sqlOrphans() string {
	var o orphan
	return "SELECT " + names("v.", deliveryHead(&o.row, nil)) + ", " + names("k.", kindColumns(&o.kind, nil)) + `, length(v.header)
		FROM deliveries AS v JOIN kinds AS k ON k.id = v.kind
		WHERE v.subject = ? AND v.deposit IS NULL AND v.query IS NULL AND v.orphan IS NOT NULL AND v.dedup IS NOT NULL AND k.provider = ?
		ORDER BY v.seq` + sqlMostOrphans
}

// about returns the waiting deliveries about a subject, oldest first.
func (t orphanTx) about(ctx context.Context, provider payment.ProviderID, subject int64) ([]orphan, error) {
	rows, err := t.rows(ctx, sqlOrphans(), subject, string(provider))
	if err != nil {
		return nil, err
	}
	found, err := scanAll(rows, orphanColumns)
	if err != nil {
		return nil, err
	}
	for i := range found {
		o := &found[i]
		e, _, err := o.row.inspected(o.kind.kind)
		if err != nil {
			return nil, err
		}
		if e != nil {
			o.event = *e
		}
		o.event.Key = o.row.orphan.String
	}
	return found, nil
}

// judge judges the signed events that came before the answer which names
// their deposit. Daraja's callbacks never wait:
// their token finds their deposit, and without it nothing makes them true.
func (t orphanTx) judge(ctx context.Context, d depositRow) (depositRow, error) {
	waiting, err := t.about(ctx, d.Provider, t.db.hashID(d.Provider, d.ProviderID)|math.MinInt64)
	if err != nil {
		return d, err
	}
	for _, o := range waiting {
		if o.event.ProviderID != d.ProviderID || !o.event.MayConcern(d.Deposit) {
			continue
		}
		j := &judged{verdict: o.kind.verdict, deposit: d}
		j.distrust(payment.Trust(d.Deposit, o.event, ""))
		if j.counts() {
			k, err := t.holders(ctx, o.event.Receipt)
			if err != nil {
				return d, err
			}
			k.checkReceipt(d, &o.event, j, fromMicros(micros(t.now)))
		}
		if err := t.deposits.contradictRivals(ctx, j, o.row.seq); err != nil {
			return d, err
		}
		err := t.adopt(ctx, o, j, func() (move payment.Move, err error) {
			if d, move, err = t.deposits.apply(ctx, d, *claimOf(&o.event, fromMicros(micros(t.now)), false)); err != nil {
				return move, err
			}
			heard := d
			heard.hears(&o.event, o.row.receivedAt)
			d, err = t.deposits.saveMove(ctx, d, heard, payment.Claim{})
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
func (t orphanTx) adopt(ctx context.Context, o orphan, j *judged, effect func() (payment.Move, error)) error {
	k, after := o.kind.kind, o.row
	k.verdict = j.verdict
	after.subject, after.deposit, after.reason, after.orphan = j.subject(), j.deposit.seq, j.reason, sql.NullString{}
	// What counts is known by its event from now on; the rest stays known by its bytes.
	if j.counts() {
		after.dedup.Int64 = t.sameEvent(k.provider, meaning(&o.event), j.deposit.seq, 0)
	}
	err := t.row(ctx, "SELECT seq FROM deliveries WHERE subject = ? AND dedup = ?", []any{after.subject, after.dedup.Int64}, &after.duplicateOf)
	switch {
	case err == nil:
		k.duplicate, after.dedup = true, sql.NullInt64{}
	case !errors.Is(err, sql.ErrNoRows):
		return err
	case j.counts():
		if after.move, err = effect(); err != nil {
			return err
		}
	}
	if after.kind, err = t.dict.kind(ctx, k); err != nil {
		return err
	}
	if err := t.db.tables.deliveries.update(ctx, t.tx, &o.row, &after); err != nil {
		return err
	}
	if err := t.exec(ctx, "UPDATE forwards SET subject = ? WHERE delivery = ?", after.subject, o.row.seq); err != nil {
		return err
	}
	if err := t.forwards.renewFailing(ctx, "seq = ?", o.row.seq); err != nil {
		return err
	}
	if after.kind != o.row.kind {
		at, size := micros(o.row.receivedAt), o.row.size+o.headerSize
		t.countDelivery(o.kind.kind, o.row.kind, at, -1, -size)
		t.countDelivery(k, after.kind, at, 1, size)
	}
	return nil
}
