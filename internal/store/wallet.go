package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// WalletTransaction is the latest word on one transaction of a wallet
// (reference/sevi.md §8).
type WalletTransaction struct {
	Provider payment.ProviderID
	// Wallet is the walletId, "" when the provider gave none.
	Wallet        string
	TransactionID string
	// Status is "" when no delivery stated one (older payload forms).
	Status payment.Status
	Amount payment.Amount
	// Conflict says what contradicted what, "" if nothing did.
	Conflict   string
	DeliveryID string
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// walletRank orders statuses: a later word of a lower rank changes nothing.
func walletRank(s payment.Status) int {
	switch s {
	case payment.StatusCreated, payment.StatusUnknown:
		return 0
	case payment.StatusPending:
		return 1
	case payment.StatusCompleted, payment.StatusFailed:
		return 2
	}
	return 0
}

// mergeWallet returns the row after an event of the same transaction.
func mergeWallet(w WalletTransaction, e *payment.Event) WalletTransaction {
	old, next := w.Status, e.Status
	switch {
	case old.Final() && next.Final() && old != next:
		w.Conflict = fmt.Sprintf("the status was %s, a later delivery says %s", old, next)
	case walletRank(next) > walletRank(old):
		w.Status = next
	}
	switch {
	case !e.Amount.HasValue():
	case !w.Amount.HasValue():
		w.Amount = e.Amount
	case w.Amount != e.Amount:
		w.Conflict = fmt.Sprintf("the amount was %s %s, a later delivery says %s %s",
			w.Amount, w.Amount.Currency(), e.Amount, e.Amount.Currency())
	}
	return w
}

// upsertWallet keeps one row per wallet and transaction id. The wallet is the
// event's ShortCode: the account the event was sent for. It returns the
// conflict that this event has made, if it made one.
func (t *tx) upsertWallet(ctx context.Context, e *payment.Event, delivery int64) (string, error) {
	now := micros(t.now)
	var seq int64
	var status, currency, conflict string
	var amount sql.NullInt64
	err := t.row(ctx, `SELECT seq, status, amount, currency, conflict FROM wallet_transactions
		WHERE transaction_id = ? AND wallet = ? AND provider = ?`,
		[]any{e.ProviderID, e.ShortCode, string(e.Provider)}, &seq, &status, &amount, &currency, &conflict)
	w := WalletTransaction{Status: payment.Status(status), Conflict: conflict}
	if amount.Valid {
		w.Amount = payment.AmountOf(amount.Int64, payment.Currency(currency))
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		w = mergeWallet(WalletTransaction{}, e)
		_, err = t.exec(ctx, `INSERT INTO wallet_transactions (provider, wallet, transaction_id, status, amount, currency,
			conflict, delivery, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, '', ?, ?, ?)`,
			string(e.Provider), e.ShortCode, e.ProviderID, string(w.Status), nullMinor(w.Amount),
			string(w.Amount.Currency()), delivery, now, now)
		return "", err
	case err != nil:
		return "", err
	}
	before := w
	w = mergeWallet(w, e)
	if w == before {
		return "", nil
	}
	_, err = t.exec(ctx, `UPDATE wallet_transactions SET status = ?, amount = ?, currency = ?, conflict = ?, delivery = ?,
		updated_at = ? WHERE seq = ?`,
		string(w.Status), nullMinor(w.Amount), string(w.Amount.Currency()), w.Conflict, delivery, now, seq)
	if w.Conflict == before.Conflict {
		return "", err
	}
	return w.Conflict, err
}

func nullMinor(a payment.Amount) any {
	if !a.HasValue() {
		return nil
	}
	return a.Minor()
}

// WalletTransactions returns the rows of a transaction id, one for each wallet
// that it was seen on.
func (s *Store) WalletTransactions(ctx context.Context, transactionID string) ([]WalletTransaction, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT provider, wallet, transaction_id, status, amount, currency, conflict,
		delivery, created_at, updated_at FROM wallet_transactions WHERE transaction_id = ? ORDER BY seq`, transactionID)
	if err != nil {
		return nil, s.kinded("read the wallet transaction", err)
	}
	defer func() { _ = rows.Close() }()
	var out []WalletTransaction
	for rows.Next() {
		var w WalletTransaction
		var provider, status, currency string
		var amount sql.NullInt64
		var delivery, created, updated int64
		err := rows.Scan(&provider, &w.Wallet, &w.TransactionID, &status, &amount, &currency, &w.Conflict, &delivery, &created, &updated)
		if err != nil {
			return nil, s.kinded("read the wallet transaction", err)
		}
		w.Provider, w.Status = payment.ProviderID(provider), payment.Status(status)
		if amount.Valid {
			w.Amount = payment.AmountOf(amount.Int64, payment.Currency(currency))
		}
		w.DeliveryID, w.CreatedAt, w.UpdatedAt = s.id(deliveryPrefix, delivery), fromMicros(created), fromMicros(updated)
		out = append(out, w)
	}
	return out, s.kinded("read the wallet transaction", rows.Err())
}
