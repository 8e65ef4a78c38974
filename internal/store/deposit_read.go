package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
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
const mostFound = 100

// Find returns the deposits that carry an identifier of any sort: local
// id, reference, CheckoutRequestID, MerchantRequestID, WasaaPay id, receipt or
// idempotency key; newest first, at most 100, none without error.
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
		UNION SELECT seq FROM deposits WHERE receipt = ? AND receipt <> ''
		UNION SELECT seq FROM (SELECT seq FROM deposits WHERE reference = ? ORDER BY seq DESC LIMIT ?) AS recent
		) ORDER BY seq DESC LIMIT ?`, seq, anyID, anyID, anyID, anyID, anyID, mostFound, mostFound)
	return deposits(found), h.kinded("find the deposit", err)
}

func deposits(rows []depositRow) []payment.Deposit {
	out := make([]payment.Deposit, len(rows))
	for i, r := range rows {
		out[i] = r.Deposit
	}
	return out
}

// DepositFilter chooses deposits; zero fields let everything pass.
type DepositFilter struct {
	Statuses    []payment.Status
	Provider    payment.ProviderID
	Environment payment.Environment
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
		page, err := h.depositPositions(ctx, f, w)
		if err != nil || len(page) == 0 {
			return page, err
		}
		rows, err := h.depositsBy(ctx, h, "seq"+sqlInList, seqs(page))
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

func (db *database) depositPositions(ctx context.Context, f DepositFilter, w window) ([]position, error) {
	if len(f.Statuses) == 0 && f.Provider == "" && f.Environment == "" && !w.timed() {
		return pageByKey(ctx, db.read, "deposits", "created_at", w)
	}
	rows, err := db.read.QueryContext(ctx, "SELECT id, provider, environment, status FROM shelves")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var runs []indexRun
	for rows.Next() {
		var id int64
		var provider, environment, status string
		if err := rows.Scan(&id, &provider, &environment, &status); err != nil {
			return nil, err
		}
		if f.Provider != "" && string(f.Provider) != provider || f.Environment != "" && string(f.Environment) != environment ||
			len(f.Statuses) > 0 && !slices.Contains(f.Statuses, payment.Status(status)) {
			continue
		}
		runs = append(runs, indexRun{table: "deposits", at: "created_at", where: "shelf = ?", args: []any{id}})
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	_ = rows.Close()
	return positions(ctx, db.read, runs, w)
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
