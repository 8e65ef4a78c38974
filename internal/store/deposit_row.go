package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/payctl/payctl/internal/payment"
)

const depositColumns = `seq, provider, environment, reference, description, idempotency_key, status, amount,
	currency, phone, short_code, wallet, provider_id, merchant_request_id, receipt, failure, decided_by, conflict,
	callback_token, sent_at, created_at, updated_at, expires_at, fields_hash`

// row is what Scan comes from: *sql.Rows and *sql.Row alike.
type row interface{ Scan(into ...any) error }

// depositRow is a deposit with its key.
type depositRow struct {
	seq int64
	payment.Deposit
}

// depositScan is the landing place of a deposit's columns.
type depositScan struct {
	d                        depositRow
	provider, environment    string
	status, currency, phone  string
	decidedBy                string
	failure                  sql.NullString
	amount, created, updated int64
	sent, expires            sql.NullInt64
}

func (c *depositScan) into() []any {
	d := &c.d.Deposit
	return []any{
		&c.d.seq, &c.provider, &c.environment, &d.Reference, &d.Description, &d.IdempotencyKey, &c.status, &c.amount,
		&c.currency, &c.phone, &d.ShortCode, &d.Wallet, &d.ProviderID, &d.MerchantRequestID, &d.Receipt, &c.failure,
		&c.decidedBy, &d.Conflict, &d.CallbackToken, &c.sent, &c.created, &c.updated, &c.expires, &d.FieldsHash,
	}
}

// deposit turns the columns into a deposit. A value that does not parse is an
// error: it is never taken for a zero.
func (db *database) deposit(c *depositScan) (depositRow, error) {
	d := c.d
	d.ID = db.id(depositPrefix, d.seq)
	d.Provider, d.Environment = payment.ProviderID(c.provider), payment.Environment(c.environment)
	d.Status, d.DecidedBy = payment.Status(c.status), payment.Source(c.decidedBy)
	d.Amount = payment.AmountOf(c.amount, payment.Currency(c.currency))
	if !d.Status.Valid() {
		return d, fmt.Errorf("deposit %s: the ledger holds the unknown status %s", d.ID, payment.Quote(c.status, 60))
	}
	if c.phone != "" {
		phone, err := payment.ParsePhone(c.phone)
		if err != nil {
			return d, fmt.Errorf("deposit %s: the ledger holds a phone that is none", d.ID)
		}
		d.Phone = phone
	}
	if c.failure.Valid {
		d.Failure = &payment.Failure{}
		if err := json.Unmarshal([]byte(c.failure.String), d.Failure); err != nil {
			return d, fmt.Errorf("deposit %s: the ledger holds a failure that cannot be read", d.ID)
		}
	}
	d.SentAt, d.ExpiresAt = fromNullMicros(c.sent), fromNullMicros(c.expires)
	d.CreatedAt, d.UpdatedAt = fromMicros(c.created), fromMicros(c.updated)
	return d, nil
}

func (db *database) scanDeposit(r row) (depositRow, error) {
	var c depositScan
	if err := r.Scan(c.into()...); err != nil {
		return depositRow{}, err
	}
	return db.deposit(&c)
}

// readDeposits runs a query for depositColumns.
func (db *database) readDeposits(ctx context.Context, query string, args ...any) ([]depositRow, error) {
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out, err := db.scanDeposits(rows)
	if err != nil {
		return nil, err
	}
	return out, rows.Err()
}

// scanDeposits reads and closes rows.
func (db *database) scanDeposits(rows rowSet) ([]depositRow, error) {
	defer func() { _ = rows.Close() }()
	var out []depositRow
	for rows.Next() {
		d, err := db.scanDeposit(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

func failureText(f *payment.Failure) (any, error) {
	if f == nil {
		return nil, nil
	}
	b, err := json.Marshal(f)
	return string(b), err
}

// depositBy loads one deposit inside a transaction; where is a condition with
// one placeholder per arg. sql.ErrNoRows when there is none.
func (t *tx) depositBy(ctx context.Context, where string, args ...any) (depositRow, error) {
	var c depositScan
	if err := t.row(ctx, "SELECT "+depositColumns+" FROM deposits WHERE "+where, args, c.into()...); err != nil {
		return depositRow{}, err
	}
	return t.db.deposit(&c)
}

func (t *tx) depositsBy(ctx context.Context, where string, args ...any) ([]depositRow, error) {
	rows, err := t.rows(ctx, "SELECT "+depositColumns+" FROM deposits WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	return t.db.scanDeposits(rows)
}

// save writes what may change of a deposit and counts the change of status. The
// usual move, to a final status, has a statement of its own: one that names a
// column writes that column's index anew, changed or not.
func (t *tx) save(ctx context.Context, before, after depositRow) error {
	failure, err := failureText(after.Failure)
	if err != nil {
		return err
	}
	shelf, err := t.shelfID(ctx, shelfOf(after.Deposit))
	if err != nil {
		return err
	}
	usual := before.ProviderID == after.ProviderID && before.MerchantRequestID == after.MerchantRequestID &&
		before.Conflict == after.Conflict && before.SentAt.Equal(after.SentAt) && before.ExpiresAt.Equal(after.ExpiresAt) &&
		before.ShortCode == after.ShortCode && before.Wallet == after.Wallet
	switch {
	case usual && before.Receipt == after.Receipt:
		_, err = t.exec(ctx, "UPDATE deposits SET shelf = ?, status = ?, failure = ?, decided_by = ?, updated_at = ? WHERE seq = ?",
			shelf, string(after.Status), failure, string(after.DecidedBy), micros(after.UpdatedAt), after.seq)
	case usual:
		_, err = t.exec(ctx, "UPDATE deposits SET shelf = ?, status = ?, receipt = ?, failure = ?, decided_by = ?, updated_at = ? WHERE seq = ?",
			shelf, string(after.Status), after.Receipt, failure, string(after.DecidedBy), micros(after.UpdatedAt), after.seq)
	default:
		_, err = t.exec(ctx, `UPDATE deposits SET shelf = ?, status = ?, provider_id = ?, merchant_request_id = ?, receipt = ?,
			failure = ?, decided_by = ?, conflict = ?, sent_at = ?, updated_at = ?, expires_at = ?, short_code = ?, wallet = ?
			WHERE seq = ?`,
			shelf, string(after.Status), after.ProviderID, after.MerchantRequestID, after.Receipt, failure, string(after.DecidedBy),
			after.Conflict, nullMicros(after.SentAt), micros(after.UpdatedAt), nullMicros(after.ExpiresAt), after.ShortCode,
			after.Wallet, after.seq)
	}
	if err != nil {
		return err
	}
	t.ahead.saved(before, after)
	if before.Status != after.Status {
		t.countDeposit(before, -1)
		t.countDeposit(after, 1)
	}
	return nil
}

func (t *tx) countDeposit(d depositRow, n int64) {
	add(t.tally.deposits, depositCell{
		day: dayOf(micros(d.CreatedAt)), provider: d.Provider, environment: d.Environment,
		currency: d.Amount.Currency(), status: d.Status,
	}, n, n*d.Amount.Minor())
}

// note writes a line of a deposit's history.
func (t *tx) note(ctx context.Context, deposit int64, n note, delivery any) error {
	_, err := t.exec(ctx, `INSERT INTO claims (deposit, at, source, status, move, delivery, note)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		deposit, micros(n.at), string(n.source), string(n.status), int64(n.move), delivery, n.text)
	return err
}
