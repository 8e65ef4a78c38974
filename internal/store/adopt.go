package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"slices"

	"github.com/payctl/payctl/internal/payment"
)

// Adopt enters a deposit that was asked for elsewhere and is known by its provider's
// id, with what a source says of it. One that is there already only gets the claim.
// Deliveries about it that came before are its own from now on.
func (h *Deposits) Adopt(ctx context.Context, d payment.Deposit, c payment.Claim) (payment.Deposit, payment.Move, error) {
	d.Adopted, d.IdempotencyKey, d.CallbackToken = true, "adopted-"+d.ProviderID, ""
	if err := checkDeposit(d); err != nil {
		return payment.Deposit{}, payment.MoveNone, err
	}
	var got depositRow
	var move payment.Move
	err := h.do(ctx, "adopt the deposit", func(ctx context.Context, t *tx) error {
		claim := c
		if claim.At.IsZero() {
			claim.At = t.now
		}
		claim.At = fromMicros(micros(claim.At))
		found, err := t.deposits.byProviderID(ctx, d.Provider, d.ProviderID)
		if err != nil {
			return err
		}
		found = slices.DeleteFunc(found, func(o depositRow) bool { return o.Environment != d.Environment })
		if len(found) > 0 {
			if got, move, err = t.deposits.apply(ctx, found[0], claim); err != nil {
				return err
			}
			return t.deposits.actOn(ctx, found[0], got, claim)
		}
		if got, err = t.deposits.insert(ctx, d); err != nil {
			return err
		}
		if err := t.deposits.linkUnproved(ctx, got); err != nil {
			return err
		}
		if got, move, err = t.deposits.apply(ctx, got, claim); err != nil {
			return err
		}
		got, err = t.orphans.judge(ctx, got)
		return err
	})
	return got.Deposit, move, err
}

// Seek looks for a deposit by its provider's id, in d's provider and environment. Where
// there is none, but a delivery that proves itself is about it, it is entered. heard
// says that some delivery names the id, believed or not.
func (h *Deposits) Seek(ctx context.Context, d payment.Deposit) (got payment.Deposit, heard bool, err error) {
	found, err := h.depositsBy(ctx, h.database,
		"provider_id = ? AND provider_id <> '' AND provider = ? AND environment = ? ORDER BY seq DESC LIMIT 1",
		d.ProviderID, string(d.Provider), string(d.Environment))
	if err != nil || len(found) > 0 {
		if err == nil {
			return found[0].Deposit, true, nil
		}
		return payment.Deposit{}, false, h.kinded("find the deposit", err)
	}
	var proved sql.NullInt64
	err = h.read.QueryRowContext(ctx, "SELECT max(CASE WHEN orphan IS NOT NULL THEN 1 ELSE 0 END) FROM deliveries WHERE subject = ? AND provider_id = ?",
		h.hashID(d.Provider, d.ProviderID)|math.MinInt64, d.ProviderID).Scan(&proved)
	if err != nil || proved.Int64 == 0 {
		return payment.Deposit{}, proved.Valid, h.kinded("find the deliveries", err)
	}
	got, _, err = h.Adopt(ctx, d, payment.Claim{Status: payment.StatusPending, By: payment.SourceCallback})
	return got, true, err
}

// linkUnproved gives an adopted deposit the deliveries that came before it and prove
// nothing, so that they show as its doubts.
func (t depositTx) linkUnproved(ctx context.Context, d depositRow) error {
	return errors.Join(t.exec(ctx, `UPDATE deliveries SET subject = ?, deposit = ?, reason = ?
		WHERE subject = ? AND provider_id = ? AND deposit IS NULL AND query IS NULL AND orphan IS NULL AND reason = ?
		AND kind IN (SELECT id FROM kinds WHERE provider = ? AND verdict = ?)
		AND NOT EXISTS (SELECT 1 FROM deliveries AS o WHERE o.subject = ? AND o.dedup = deliveries.dedup)`,
		d.seq, d.seq, payment.Unproved, t.db.hashID(d.Provider, d.ProviderID)|math.MinInt64, d.ProviderID,
		reasonNoPush, string(d.Provider), string(payment.VerdictUntrusted), d.seq), t.forwards.renewFailing(ctx, sqlAboutSubject, d.seq))
}

// unproved is what a callback tells that proves nothing by itself.
type unproved struct {
	receipt, currency, more string
	amount                  sql.NullInt64
}

// fromUnproved completes a final claim about an adopted deposit from the callbacks that
// prove nothing by themselves, where they are of one mind: what the provider has confirmed
// on being asked, they tell in full. They stay its doubts.
func (t depositTx) fromUnproved(ctx context.Context, d depositRow, c payment.Claim) (payment.Claim, error) {
	if !d.Adopted || !c.Status.Final() || c.By == payment.SourceCallback {
		return c, nil
	}
	rows, err := t.rows(ctx, `SELECT coalesce(v.receipt, ''), v.amount, coalesce(v.currency, ''), coalesce(v.detail, '{}')
		FROM deliveries AS v JOIN kinds AS k ON k.id = v.kind
		WHERE v.subject = ? AND k.verdict = ? AND k.status = ? AND v.reason = ? ORDER BY v.seq`+sqlMostFound,
		d.seq, string(payment.VerdictUntrusted), string(c.Status), payment.Unproved)
	if err != nil {
		return c, err
	}
	var told []unproved
	for rows.Next() {
		var u unproved
		if err := rows.Scan(&u.receipt, &u.amount, &u.currency, &u.more); err != nil {
			return c, errors.Join(err, rows.Close())
		}
		told = append(told, u)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(told) == 0 {
		return c, err
	}
	for _, u := range told[1:] {
		if u.differs(told[0]) {
			return c, nil // one of them is not true, and nothing tells which
		}
	}
	return told[0].complete(c)
}

// differs reports whether two callbacks cannot both be true; what is not told cannot differ.
func (u unproved) differs(o unproved) bool {
	return u.receipt != "" && o.receipt != "" && u.receipt != o.receipt ||
		u.amount.Int64 != 0 && o.amount.Int64 != 0 && u.amount.Int64 != o.amount.Int64
}

// complete fills in what a claim lacks.
func (u unproved) complete(c payment.Claim) (payment.Claim, error) {
	var det detail
	if err := json.Unmarshal([]byte(u.more), &det); err != nil {
		return c, err
	}
	c.Receipt = cmp.Or(c.Receipt, u.receipt)
	if !c.Amount.HasValue() && u.amount.Valid {
		c.Amount = payment.AmountOf(u.amount.Int64, payment.Currency(u.currency))
	}
	if c.Phone.IsZero() {
		c.Phone, _ = payment.ParsePhone(det.Phone)
	}
	c.MerchantRequestID = cmp.Or(c.MerchantRequestID, det.MerchantRequestID)
	return c, nil
}
