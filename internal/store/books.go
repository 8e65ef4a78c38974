package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// BookSource says what a row of the books is.
type BookSource uint8

// The sources.
const (
	// BookDeposit is money that was asked for.
	BookDeposit BookSource = iota
	// BookNotice is a C2B confirmation: money that came unasked.
	BookNotice
	// BookWallet is a movement of a wallet.
	BookWallet
	// BookQuery is a transaction that the provider was asked about and says is completed.
	BookQuery
)

// BookRow is what the books need of a payment.
type BookRow struct {
	Source BookSource
	// Key is the ledger's own; Books.ID spells it.
	Key       int64
	Receipt   string
	Status    payment.Status
	Amount    payment.Amount
	Reference string
	// Phone is as it is known, perhaps masked.
	Phone     string
	ShortCode string
	// Type is the transaction type of a C2B notice, "" for other sources.
	Type string
	// At is when it was asked for, or when it came.
	At time.Time
	// Reversed says that the ledger knows that it was taken back, Out that the money of
	// a wallet's transaction went out.
	Reversed, Out bool
}

// BookScope says whose books are read.
type BookScope struct {
	Provider    payment.ProviderID
	Environment payment.Environment
	// ShortCodes keeps rows of these alone; rows that name none are kept. Empty is all.
	ShortCodes []string
}

func (s *BookScope) keeps(shortCode string) bool {
	return shortCode == "" || len(s.ShortCodes) == 0 || slices.Contains(s.ShortCodes, shortCode)
}

// Books reads payments for comparing them with others' books.
type Books struct{ *database }

// ID spells the id of a row.
func (h *Books) ID(source BookSource, key int64) string {
	switch source {
	case BookNotice, BookWallet:
		return h.id(deliveryPrefix, key)
	case BookQuery:
		return h.id(queryPrefix, key)
	case BookDeposit:
	}
	return h.id(depositPrefix, key)
}

// bookPage is how many rows are read at once: no read transaction stays open while
// the rows are worked on.
const bookPage = 4000

// Between calls each with what was asked for, or came, from a time to another,
// exclusive, in no particular order.
func (h *Books) Between(ctx context.Context, s BookScope, from, to time.Time, each func(BookRow) error) error {
	if err := h.depositsBetween(ctx, s, from, to, each); err != nil {
		return err
	}
	if err := h.noticesBetween(ctx, s, from, to, each); err != nil {
		return err
	}
	return h.walletBetween(ctx, s, from, to, each)
}

// depositsBetween reads status by status, along the index of the lists. A deposit may be
// settled meanwhile: the undecided are read first, so that it is met there or later, and
// what was met is not told again.
func (h *Books) depositsBetween(ctx context.Context, s BookScope, from, to time.Time, each func(BookRow) error) error {
	met := map[int64]bool{}
	for _, status := range payment.Statuses() {
		at, after := micros(from), int64(0)
		for {
			rows, err := h.bookDeposits(ctx, `WHERE shelf = (SELECT id FROM shelves WHERE provider = ? AND environment = ? AND status = ?)
				AND created_at >= ? AND created_at < ? AND (created_at > ? OR seq > ?) ORDER BY created_at, seq LIMIT ?`,
				string(s.Provider), string(s.Environment), string(status), at, micros(to), at, after, bookPage)
			if err != nil {
				return h.kinded("read the deposits", err)
			}
			for i := range rows {
				r := &rows[i]
				if met[r.Key] {
					continue
				}
				if !status.Final() {
					met[r.Key] = true
				}
				if err := eachKept(&s, &r.BookRow, each); err != nil {
					return err
				}
			}
			if len(rows) < bookPage {
				break
			}
			last := &rows[len(rows)-1]
			at, after = last.created, last.Key
		}
	}
	return nil
}

// bookDeposit is a deposit of the books, with when it was asked for.
type bookDeposit struct {
	BookRow
	created int64
}

func eachKept(s *BookScope, r *BookRow, each func(BookRow) error) error {
	if !s.keeps(r.ShortCode) {
		return nil
	}
	return each(*r)
}

// WithReceipts calls each with what has one of the receipts, whenever it was. The
// case of letters does not matter.
func (h *Books) WithReceipts(ctx context.Context, s BookScope, receipts []string, each func(BookRow) error) error {
	for page := range slices.Chunk(receipts, bookPage) {
		names := make([]string, 0, 2*len(page))
		for _, r := range page {
			names = append(names, strings.ToUpper(r))
			if low := strings.ToLower(r); low != r {
				names = append(names, low)
			}
		}
		rows, err := h.bookDeposits(ctx, "WHERE receipt <> '' AND "+h.engine.In("receipt")+" AND provider = ? AND environment = ?",
			h.engine.Texts(names), string(s.Provider), string(s.Environment))
		if err != nil {
			return h.kinded("read the deposits", err)
		}
		for i := range rows {
			if err := eachKept(&s, &rows[i].BookRow, each); err != nil {
				return err
			}
		}
		if err := h.askedAbout(ctx, s, names, each); err != nil {
			return err
		}
	}
	return nil
}

// askedAbout calls each with what transaction status proved of receipts that no
// deposit has: whoever asked knows of the payment.
func (h *Books) askedAbout(ctx context.Context, s BookScope, receipts []string, each func(BookRow) error) error {
	rows, err := h.query(ctx, `SELECT q.seq, v.receipt, v.amount, v.currency, v.received_at
		FROM queries AS q JOIN deliveries AS v ON v.seq = q.delivery JOIN kinds AS k ON k.id = v.kind
		WHERE q.receipt <> '' AND `+h.engine.In("q.receipt")+` AND q.provider = ? AND q.environment = ? AND q.deposit IS NULL
		AND q.kind = 'transaction_status' AND k.status = ? AND k.verdict IN (?, ?) AND v.amount IS NOT NULL ORDER BY q.seq`,
		h.engine.Texts(receipts), string(s.Provider), string(s.Environment), string(payment.StatusCompleted),
		string(payment.VerdictValid), string(payment.VerdictUnsigned))
	if err != nil {
		return h.kinded("read the queries", err)
	}
	defer func() { _ = rows.Close() }()
	seen := map[string]bool{}
	for rows.Next() {
		r := BookRow{Source: BookQuery, Status: payment.StatusCompleted}
		var receipt, currency sql.NullString
		var amount, at int64
		if err := rows.Scan(&r.Key, &receipt, &amount, &currency, &at); err != nil {
			return h.kinded("read the queries", err)
		}
		if r.Receipt = receipt.String; r.Receipt == "" || seen[r.Receipt] {
			continue // asked again is no second payment
		}
		seen[r.Receipt] = true
		r.Amount, r.At = payment.AmountOf(amount, payment.Currency(currency.String)), fromMicros(at)
		if err := each(r); err != nil {
			return err
		}
	}
	return h.kinded("read the queries", rows.Err())
}

func (h *Books) bookDeposits(ctx context.Context, where string, args ...any) ([]bookDeposit, error) {
	rows, err := h.query(ctx, `SELECT seq, receipt, status, amount, currency, reference, phone, short_code,
		coalesce(sent_at, created_at), reversal, created_at FROM deposits `+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []bookDeposit
	for rows.Next() {
		var r bookDeposit
		var status, currency string
		var amount, at int64
		var back reversal
		if err := rows.Scan(&r.Key, &r.Receipt, &status, &amount, &currency, &r.Reference, &r.Phone, &r.ShortCode, &at, &back, &r.created); err != nil {
			return nil, err
		}
		r.Status, r.Amount, r.At = payment.Status(status), payment.AmountOf(amount, payment.Currency(currency)), fromMicros(at)
		r.Reversed = back.Status == payment.StatusCompleted
		out = append(out, r)
	}
	return out, rows.Err()
}

// noticesBetween reads C2B confirmations that were believed. What is not in a column
// is in the body.
func (h *Books) noticesBetween(ctx context.Context, s BookScope, from, to time.Time, each func(BookRow) error) error {
	f := DeliveryFilter{
		Provider: s.Provider, Event: "c2b.confirmation", OnlyFirst: true, Since: from, Until: to,
		Verdicts: []payment.Verdict{payment.VerdictValid, payment.VerdictUnsigned},
	}
	d := Deliveries{h.database}
	return d.Each(ctx, f, func(v StoredDelivery) error {
		key, ok := h.key(deliveryPrefix, v.ID)
		if !ok || v.Event == nil || v.Event.Receipt == "" {
			return nil
		}
		var body struct{ TransactionType, MSISDN string }
		_ = json.Unmarshal(v.Body, &body) // a hashed number, or none, is no phone
		r := BookRow{
			Source: BookNotice, Key: key, Receipt: v.Event.Receipt, Status: payment.StatusCompleted, Amount: v.Event.Amount,
			Reference: v.Event.Reference, Phone: body.MSISDN, ShortCode: v.Event.ShortCode, Type: body.TransactionType, At: v.ReceivedAt,
		}
		if !v.Event.OccurredAt.IsZero() {
			r.At = v.Event.OccurredAt
		}
		return eachKept(&s, &r, each)
	})
}

func (h *Books) walletBetween(ctx context.Context, s BookScope, from, to time.Time, each func(BookRow) error) error {
	rows, err := h.query(ctx, `SELECT delivery, transaction_id, wallet, status, amount, currency, created_at, direction
		FROM wallet_transactions WHERE provider = ? AND created_at >= ? AND created_at < ?`, string(s.Provider), micros(from), micros(to))
	if err != nil {
		return h.kinded("read the wallet transactions", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		r := BookRow{Source: BookWallet}
		var status, currency, direction string
		var amount sql.NullInt64
		var at int64
		if err := rows.Scan(&r.Key, &r.Receipt, &r.ShortCode, &status, &amount, &currency, &at, &direction); err != nil {
			return h.kinded("read the wallet transactions", err)
		}
		r.Status, r.Amount, r.At = payment.Status(status), payment.AmountOf(amount.Int64, payment.Currency(currency)), fromMicros(at)
		r.Out = direction == "debit"
		if err := eachKept(&s, &r, each); err != nil {
			return err
		}
	}
	return h.kinded("read the wallet transactions", rows.Err())
}

// WalletRow is the latest word on one transaction of a wallet.
type WalletRow struct {
	Provider              payment.ProviderID
	Wallet, TransactionID string
	Status                payment.Status
	Amount                payment.Amount
	Conflict              string
	// DeliveryID is the delivery that said it.
	DeliveryID           string
	CreatedAt, UpdatedAt time.Time
}

// Wallet returns transactions of a provider's wallets, newest first, at most limit, 0
// for all.
func (h *Books) Wallet(ctx context.Context, provider payment.ProviderID, status payment.Status, limit int) ([]WalletRow, error) {
	if limit <= 0 {
		limit = idMostKey
	}
	found, err := h.tables.wallet.all(ctx, h, "WHERE provider = ? AND (? = '' OR status = ?) ORDER BY seq DESC LIMIT ?",
		string(provider), string(status), string(status), limit)
	out := make([]WalletRow, len(found))
	for i, w := range found {
		out[i] = WalletRow{
			Provider: w.provider, Wallet: w.wallet, TransactionID: w.transactionID, Status: w.status, Amount: w.amount, Conflict: w.conflict,
			DeliveryID: h.id(deliveryPrefix, w.delivery), CreatedAt: w.createdAt, UpdatedAt: w.updatedAt,
		}
	}
	return out, h.kinded("read the wallet transactions", err)
}
