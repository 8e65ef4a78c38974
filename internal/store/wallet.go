package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/payctl/payctl/internal/payment"
)

// walletTransaction is the latest word on one transaction of a wallet
// (reference/sevi.md §8).
type walletTransaction struct {
	// status is "" when no delivery stated one (older payload forms).
	status payment.Status
	amount payment.Amount
	// conflict says what contradicted what, "" if nothing did.
	conflict string
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
func mergeWallet(w walletTransaction, e *payment.Event) walletTransaction {
	old, next := w.status, e.Status
	switch {
	case old.Final() && next.Final() && old != next:
		w.conflict = fmt.Sprintf("the status was %s, a later delivery says %s", old, next)
	case walletRank(next) > walletRank(old):
		w.status = next
	}
	switch {
	case !e.Amount.HasValue():
	case !w.amount.HasValue():
		w.amount = e.Amount
	case w.amount != e.Amount:
		w.conflict = fmt.Sprintf("the amount was %s %s, a later delivery says %s %s",
			w.amount, w.amount.Currency(), e.Amount, e.Amount.Currency())
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
	w := walletTransaction{status: payment.Status(status), conflict: conflict}
	if amount.Valid {
		w.amount = payment.AmountOf(amount.Int64, payment.Currency(currency))
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		w = mergeWallet(walletTransaction{}, e)
		_, err = t.exec(ctx, `INSERT INTO wallet_transactions (provider, wallet, transaction_id, status, amount, currency,
			conflict, delivery, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, '', ?, ?, ?)`,
			string(e.Provider), e.ShortCode, e.ProviderID, string(w.status), nullMinor(w.amount),
			string(w.amount.Currency()), delivery, now, now)
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
		string(w.status), nullMinor(w.amount), string(w.amount.Currency()), w.conflict, delivery, now, seq)
	if w.conflict == before.conflict {
		return "", err
	}
	return w.conflict, err
}

func nullMinor(a payment.Amount) any {
	if !a.HasValue() {
		return nil
	}
	return a.Minor()
}
