package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Get returns the deposit with a local id; KindNotFound if there is none.
func (h *Deposits) Get(ctx context.Context, id string) (payment.Deposit, error) {
	seq, ok := h.key(depositPrefix, id)
	if !ok {
		return payment.Deposit{}, noSuch("deposit", id)
	}
	d, err := h.depositBy(ctx, h, "seq = ?", seq)
	if errors.Is(err, sql.ErrNoRows) {
		return payment.Deposit{}, noSuch("deposit", id)
	}
	return d.Deposit, h.kinded("read the deposit", err)
}

// mostFound bounds what one identifier may find: a reference may be used often.
const mostFound = 1000

// Find returns the deposits that carry an identifier of any sort: local id, reference,
// CheckoutRequestID, MerchantRequestID, WasaaPay id, receipt in any letter case,
// idempotency key, or an id or a receipt that a source gave beside their own; newest
// first, none without error. Of more than 1000, those are left out that were not sent
// or have failed.
func (h *Deposits) Find(ctx context.Context, anyID string) ([]payment.Deposit, error) {
	if anyID == "" {
		return nil, nil
	}
	seq, _ := h.key(depositPrefix, anyID)
	// One look-up for each index; the conditions repeat those of partial indices.
	found, err := h.depositsBy(ctx, h, `seq IN (
		SELECT seq FROM deposits WHERE seq = ?
		UNION SELECT seq FROM deposits WHERE idempotency_key = ?
		UNION SELECT seq FROM deposits WHERE provider_id = ? AND provider_id <> ''
		UNION SELECT seq FROM deposits WHERE merchant_request_id = ? AND merchant_request_id <> ''
		UNION SELECT seq FROM deposits WHERE receipt IN (?, ?) AND receipt <> ''
		UNION SELECT deposit FROM aliases WHERE name IN (?, ?)
		UNION SELECT seq FROM deposits WHERE reference = ?
		) ORDER BY status IN ('CREATED', 'FAILED'), seq DESC LIMIT ?`,
		seq, anyID, anyID, anyID, anyID, strings.ToUpper(anyID), anyID, strings.ToUpper(anyID), anyID, mostFound)
	slices.SortFunc(found, func(a, b depositRow) int { return cmp.Compare(b.seq, a.seq) })
	return deposits(found), h.kinded("find the deposit", err)
}

func deposits(rows []depositRow) []payment.Deposit {
	out := make([]payment.Deposit, len(rows))
	for i, r := range rows {
		out[i] = r.Deposit
	}
	return out
}

// Doubts returns what came about deposits and moved nothing, oldest first, by deposit
// id: deliveries that are not believed or settle nothing, once each, and those that
// speak against it without being about it alone; and payments that fit it, until one of
// them turns out to be its own.
func (h *Deposits) Doubts(ctx context.Context, ids ...string) (map[string][]payment.Doubt, error) {
	keys := make([]position, 0, len(ids))
	for _, id := range ids {
		if seq, ok := h.key(depositPrefix, id); ok {
			keys = append(keys, position{seq: seq})
		}
	}
	out := map[string][]payment.Doubt{}
	if len(keys) == 0 {
		return out, nil
	}
	list := h.engine.Numbers(seqs(keys))
	rows, err := h.query(ctx, `SELECT v.subject, v.seq, v.received_at, coalesce(v.reason, '')
		FROM deliveries AS v JOIN kinds AS k ON k.id = v.kind
		WHERE `+h.engine.In("v.subject")+` AND v.dedup IS NOT NULL AND k.verdict = ?
		UNION ALL SELECT c.deposit, c.delivery, c.at, c.note
		FROM claims AS c WHERE `+h.engine.In("c.deposit")+` AND c.note <> '' AND (c.delivery IS NOT NULL AND c.source <> ? OR c.source = ?
			AND NOT EXISTS (SELECT 1 FROM deposits AS d WHERE d.seq = c.deposit AND d.receipt <> '' AND c.note LIKE '%' || d.receipt || '%'))
		ORDER BY 3, 2`, list, string(payment.VerdictUntrusted), list, string(payment.SourceHint), string(payment.SourceHint))
	if err != nil {
		return nil, h.kinded("read the doubts", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var deposit, at int64
		var delivery sql.NullInt64
		var reason string
		if err := rows.Scan(&deposit, &delivery, &at, &reason); err != nil {
			return nil, h.kinded("read the doubts", err)
		}
		id := h.id(depositPrefix, deposit)
		doubt := payment.Doubt{DeliveryID: h.id(deliveryPrefix, delivery.Int64), At: fromMicros(at), Reason: reason}
		if n := len(out[id]); n > 0 && delivery.Valid && out[id][n-1].DeliveryID == doubt.DeliveryID {
			continue
		}
		out[id] = append(out[id], doubt)
	}
	return out, h.kinded("read the doubts", rows.Err())
}

// DepositFilter chooses deposits; zero fields let everything pass.
type DepositFilter struct {
	Statuses    []payment.Status
	Provider    payment.ProviderID
	Environment payment.Environment
	// Phone, Reference and Receipt keep what has just these; a receipt in capitals too.
	Phone              payment.Phone
	Reference, Receipt string
	// Conflict keeps those with a contradiction that nothing has ended; it goes with
	// Environment and the times alone.
	Conflict bool
	// Since and Until bound CreatedAt; Until is exclusive.
	Since, Until time.Time
	// Limit is how many at most, 0 for all.
	Limit int
	// Cursor continues after an earlier page.
	Cursor string
}

// List returns deposits, newest first, and the cursor of the next page,
// "" after the last. A cursor that no list gave is KindUsage.
func (h *Deposits) List(ctx context.Context, f DepositFilter) ([]payment.Deposit, string, error) {
	var w window
	var err error
	w.since, w.until = f.Since, f.Until
	if w.from, w.hasFrom, err = parseCursor(f.Cursor); err != nil {
		return nil, "", err
	}
	out := []payment.Deposit{}
	next, err := paged(w, f.Limit, func(w window) ([]position, error) {
		s, err := h.depositStretch(ctx, f, w.timed())
		if err != nil {
			return nil, err
		}
		page, err := h.page(ctx, s, w)
		if err != nil || len(page) == 0 {
			return page, err
		}
		rows, err := h.depositsBy(ctx, h, h.engine.In("seq"), h.engine.Numbers(seqs(page)))
		if err != nil {
			return nil, err
		}
		bySeq := make(map[int64]payment.Deposit, len(rows))
		for _, r := range rows {
			bySeq[r.seq] = r.Deposit
		}
		for _, p := range page {
			if d, ok := bySeq[p.seq]; ok {
				out = append(out, d)
			}
		}
		return page, nil
	})
	return out, next, h.kinded("list the deposits", err)
}

// RecentSends returns the deposits whose request left for a phone at or after a
// time, newest first: those of one amount, or of any if amount is the zero
// Amount. It serves the cool-down rules (reference/daraja.md §11 row 9).
func (h *Deposits) RecentSends(ctx context.Context, phone payment.Phone, amount payment.Amount, since time.Time) ([]payment.Deposit, error) {
	if phone.IsZero() {
		return nil, nil
	}
	where := "phone = ? AND sent_at >= ?"
	args := []any{phone.MSISDN(), micros(since)}
	if amount.HasValue() {
		where += " AND amount = ? AND currency = ?"
		args = append(args, amount.Minor(), string(amount.Currency()))
	}
	found, err := h.depositsBy(ctx, h, where+" ORDER BY sent_at DESC, seq DESC LIMIT ?", append(args, mostFound)...)
	return deposits(found), h.kinded("read recent deposits", err)
}
