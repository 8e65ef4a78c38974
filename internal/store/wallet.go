package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// walletTransaction is the latest word on one transaction of a wallet
// (reference/sevi.md §8).
type walletTransaction struct {
	seq                   int64
	provider              payment.ProviderID
	wallet, transactionID string
	// status is "" when no delivery stated one (older payload forms).
	status payment.Status
	amount payment.Amount
	// conflict says what contradicted what, "" if nothing did.
	conflict string
	// direction is "credit", "debit", or "" where no delivery said so.
	direction            string
	delivery             int64
	createdAt, updatedAt time.Time
}

func walletColumns(w *walletTransaction, to []column) []column {
	return append(to, []column{
		{"seq", (*integer)(&w.seq)},
		{"provider", (*text)(&w.provider)},
		{"wallet", (*text)(&w.wallet)},
		{"transaction_id", (*text)(&w.transactionID)},
		{"status", (*text)(&w.status)},
		{"amount", (*minor)(&w.amount)},
		{"currency", (*money)(&w.amount)},
		{"conflict", (*text)(&w.conflict)},
		{"direction", (*text)(&w.direction)},
		{"delivery", (*integer)(&w.delivery)},
		{"created_at", (*instant)(&w.createdAt)},
		{"updated_at", (*instant)(&w.updatedAt)},
	}...)
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
	if way := walletDirection(e.Name); w.direction == "" {
		w.direction = way
	}
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

// walletDirection is what the name of an event says of where its money went.
func walletDirection(event string) string {
	switch _, way, _ := strings.Cut(event, "."); way {
	case "credit", "debit":
		return way
	}
	return ""
}

// walletID tells a wallet transaction from every other.
type walletID struct {
	provider              payment.ProviderID
	wallet, transactionID string
}

func walletOf(e *payment.Event) walletID { return walletID{e.Provider, e.ShortCode, e.ProviderID} }

const sqlWalletOf = "WHERE transaction_id = ? AND wallet = ? AND provider = ?"

// before returns the transaction of an event as it stands; sql.ErrNoRows when there
// is none.
func (t walletTx) before(ctx context.Context, e *payment.Event) (walletTransaction, error) {
	if w, known := t.known.wallets[walletOf(e)]; known {
		if w == nil {
			return walletTransaction{}, sql.ErrNoRows
		}
		return *w, nil
	}
	return t.db.tables.wallet.one(ctx, t.tx, sqlWalletOf, e.ProviderID, e.ShortCode, string(e.Provider))
}

// upsert keeps one row per wallet and transaction id. The wallet is the
// event's ShortCode: the account the event was sent for. It returns the
// conflict that this event has made, if it made one.
func (t walletTx) upsert(ctx context.Context, e *payment.Event, delivery int64) (string, error) {
	rows := t.db.tables.wallet
	before, err := t.before(ctx, e)
	if errors.Is(err, sql.ErrNoRows) {
		w := mergeWallet(walletTransaction{
			provider: e.Provider, wallet: e.ShortCode, transactionID: e.ProviderID, delivery: delivery, createdAt: t.now, updatedAt: t.now,
		}, e)
		t.tally.addWallet(&w, 1)
		if t.remote() {
			w.seq, _, err = rows.add(ctx, t.tx, &w)
			t.known.wallets[walletOf(e)] = &w
			return "", err
		}
		return "", rows.put(ctx, t.tx, &w)
	}
	if err != nil {
		return "", err
	}
	after := mergeWallet(before, e)
	if after == before {
		return "", nil
	}
	after.delivery, after.updatedAt = delivery, t.now
	t.tally.addWallet(&before, -1)
	t.tally.addWallet(&after, 1)
	if t.remote() {
		t.known.wallets[walletOf(e)] = &after
	}
	if err := rows.update(ctx, t.tx, &before, &after); err != nil || after.conflict == before.conflict {
		return "", err
	}
	return after.conflict, nil
}

func nullMinor(a payment.Amount) any {
	if !a.HasValue() {
		return nil
	}
	return a.Minor()
}
