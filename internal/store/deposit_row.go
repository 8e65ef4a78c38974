package store

import (
	"context"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// depositRow is a deposit with its keys.
type depositRow struct {
	seq int64
	// shelf numbers where it stands among the others; see shelf.
	shelf int64
	// twins says that another deposit asked the same customer for the same.
	twins bool
	// calledBack says whether its own callback ever came.
	calledBack calledBack
	payment.Deposit
}

func depositColumns(d *depositRow, to []column) []column {
	return append(to, []column{
		{"seq", (*integer)(&d.seq)},
		{"shelf", (*integer)(&d.shelf)},
		{"provider", (*text)(&d.Provider)},
		{"environment", (*text)(&d.Environment)},
		{"reference", (*text)(&d.Reference)},
		{"description", (*text)(&d.Description)},
		{"idempotency_key", (*text)(&d.IdempotencyKey)},
		{"status", (*status)(&d.Status)},
		{"amount", (*cents)(&d.Amount)},
		{"currency", (*money)(&d.Amount)},
		{"phone", (*msisdn)(&d.Phone)},
		{"short_code", (*text)(&d.ShortCode)},
		{"wallet", (*text)(&d.Wallet)},
		{"provider_id", (*text)(&d.ProviderID)},
		{"merchant_request_id", (*text)(&d.MerchantRequestID)},
		{"receipt", (*text)(&d.Receipt)},
		{"failure", failure{&d.Failure}},
		{"decided_by", (*text)(&d.DecidedBy)},
		{"conflict", (*conflict)(&d.Conflict)},
		{"callback_token", (*text)(&d.CallbackToken)},
		{"fields_hash", (*text)(&d.FieldsHash)},
		{"sent_at", (*moment)(&d.SentAt)},
		{"created_at", (*instant)(&d.CreatedAt)},
		{"updated_at", (*instant)(&d.UpdatedAt)},
		{"expires_at", (*moment)(&d.ExpiresAt)},
		{"paid_at", (*moment)(&d.PaidAt)},
		{"adopted", (*boolean)(&d.Adopted)},
		{"by_reference", (*boolean)(&d.ByReference)},
		{"repeats", (*text)(&d.Repeats)},
		{"because", (*text)(&d.Because)},
		{"reversal", (*reversal)(&d.Reversal)},
		{"twins", (*boolean)(&d.twins)},
		{"called_back", (*integer)(&d.calledBack)},
	}...)
}

// wholeColumns leaves out what no rule asks for.
func wholeColumns(d *depositRow, to []column) []column {
	for _, c := range depositColumns(d, nil) {
		switch c.name {
		case "description", "idempotency_key", "fields_hash", "expires_at":
		default:
			to = append(to, c)
		}
	}
	return to
}

// judgedRow is a deposit as far as most judgements need it. more says that there is more to
// it: what is not in judgedColumns has a value.
type judgedRow struct {
	depositRow
	more bool
}

// judgedColumns are what a deposit has that waits for its callback, and whether it has
// more. Its phone and its wallet are asked for only where it has.
func judgedColumns(d *judgedRow, to []column) []column {
	for _, c := range wholeColumns(&d.depositRow, nil) {
		if c.name != "phone" && c.name != "wallet" && !rare(c.name) {
			to = append(to, c)
		}
	}
	return append(to, column{"", (*boolean)(&d.more)})
}

// rare reports whether a column is empty in a deposit that waits for its callback.
func rare(column string) bool {
	switch column {
	case "receipt", "failure", "decided_by", "conflict", "paid_at", "adopted", "by_reference", "repeats", "because", "reversal", "twins", "called_back":
		return true
	}
	return false
}

// sqlJudged selects judgedColumns.
func sqlJudged() string {
	columns := judgedColumns(new(judgedRow), nil)
	more := []string{"status = 'UNKNOWN'"} // an event may be about it by reference and phone
	for _, c := range wholeColumns(new(depositRow), nil) {
		if !rare(c.name) {
			continue
		}
		switch c.at.bind().(type) {
		case nil:
			more = append(more, c.name+" IS NOT NULL")
		case int64:
			more = append(more, c.name+" <> 0")
		default:
			more = append(more, c.name+" <> ''")
		}
	}
	return names("", columns[:len(columns)-1]) + ", " + strings.Join(more, " OR ")
}

// depositBy returns the deposit that a condition finds; sql.ErrNoRows when there is
// none.
func (db *database) depositBy(ctx context.Context, q querier, where string, args ...any) (depositRow, error) {
	d, err := db.tables.deposits.one(ctx, q, "WHERE "+where, args...)
	d.ID = db.id(depositPrefix, d.seq)
	return d, err
}

// depositsBy returns the deposits that a condition finds.
func (db *database) depositsBy(ctx context.Context, q querier, where string, args ...any) ([]depositRow, error) {
	found, err := db.tables.deposits.all(ctx, q, "WHERE "+where, args...)
	for i := range found {
		found[i].ID = db.id(depositPrefix, found[i].seq)
	}
	return found, err
}

// save writes what changed of a deposit and counts the change of status.
func (t depositTx) save(ctx context.Context, before, after depositRow) error {
	var err error
	if after.shelf, err = t.dict.shelf(ctx, shelfOf(after.Deposit)); err != nil {
		return err
	}
	t.before, t.after = before, after
	if err := t.db.tables.deposits.update(ctx, t.tx, &t.before, &t.after); err != nil {
		return err
	}
	if before.Phone != after.Phone {
		if err := t.forwards.renewFailing(ctx, sqlAboutSubject, after.seq); err != nil {
			return err
		}
	}
	t.known.set(after)
	t.tally.settled(&before, &after)
	if before.Status != after.Status || before.Amount != after.Amount {
		t.tally.deposit(before, -1)
		t.tally.deposit(after, 1)
	}
	return nil
}

// deposit counts n deposits of the day, amount and status of one.
func (y *tally) deposit(d depositRow, n int64) {
	add(y.deposits, depositCell{
		day: dayOf(micros(d.CreatedAt)), provider: d.Provider, environment: d.Environment,
		currency: d.Amount.Currency(), status: d.Status,
	}, n, n*d.Amount.Minor())
	y.band(&d, n)
}
