package store

import (
	"context"
	"slices"

	"github.com/payctl/payctl/internal/payment"
)

// create records an intent that nobody has asked for before, or that is meant
// to be asked for again.
func (t depositTx) create(ctx context.Context, d payment.Deposit) (depositRow, error) {
	twins, err := t.twins(ctx, depositRow{Deposit: d})
	if err != nil {
		return depositRow{}, err
	}
	if d.Repeats, err = t.repeated(d, twins); err != nil {
		return depositRow{}, err
	}
	got, err := t.insert(ctx, d)
	if err != nil || len(twins) == 0 {
		return got, err
	}
	got.twins = true
	for _, twin := range append(twins, got) {
		if err := t.exec(ctx, "UPDATE deposits SET twins = 1 WHERE seq = ?", twin.seq); err != nil {
			return got, err
		}
	}
	return got, nil
}

// fresh reports whether nothing is like a deposit that is to be made: none has its key, none
// asks the same. It is one look for what is hardly ever there; over a network, where both
// are foreseen, it is false.
func (t depositTx) fresh(ctx context.Context, d payment.Deposit) (bool, error) {
	where, args := twinsOf(d)
	if t.remote() || where == "" || d.Repeats != "" {
		return false, nil
	}
	var like bool
	err := t.row(ctx, "SELECT EXISTS (SELECT 1 FROM deposits WHERE "+sqlByIdempotency+") OR EXISTS (SELECT 1 FROM deposits WHERE "+where+")",
		append([]any{d.IdempotencyKey, string(d.Provider), string(d.Environment)}, args...), &like)
	return err == nil && !like, err
}

// twins returns the deposits, newest first, that ask the same customer for the same.
func (t depositTx) twins(ctx context.Context, d depositRow) ([]depositRow, error) {
	where, args := twinsOf(d.Deposit)
	if where == "" {
		return nil, nil
	}
	found, err := t.rare(ctx, where, args...)
	return slices.DeleteFunc(found, func(o depositRow) bool { return o.seq == d.seq }), err
}

// twinsOf is the condition for twins, "" where a deposit can have none.
func twinsOf(d payment.Deposit) (where string, args []any) {
	if d.Reference == "" || d.Phone.IsZero() {
		return "", nil
	}
	where = `phone = ? AND reference = ? AND reference <> '' AND provider = ? AND environment = ? AND amount = ? AND currency = ?
		AND short_code = ? AND wallet = ? ORDER BY seq DESC` + sqlMostFound
	return where, []any{
		d.Phone.MSISDN(), d.Reference, string(d.Provider), string(d.Environment), d.Amount.Minor(), string(d.Amount.Currency()),
		d.ShortCode, d.Wallet,
	}
}

// repeated returns the id of the deposit that d asks for again, "" for none. Where
// asking again is not meant, it is KindConflict.
func (t depositTx) repeated(d payment.Deposit, twins []depositRow) (string, error) {
	for _, twin := range twins {
		switch {
		case !d.AskedBefore(twin.Deposit, t.now):
		case d.Repeats == "":
			return "", payment.RepeatError(twin.Deposit)
		default:
			return twin.ID, nil
		}
	}
	return "", nil
}

// Forget removes a deposit that was recorded and never sent, because another process
// asked for the same in between. Any other stays.
func (h *Deposits) Forget(ctx context.Context, id string) error {
	return h.change(ctx, "remove the deposit", id, func(ctx context.Context, t *tx, d depositRow) error {
		if d.Status != payment.StatusCreated {
			return nil
		}
		n, err := t.changed(ctx, "DELETE FROM deposits WHERE seq = ? AND NOT EXISTS (SELECT 1 FROM claims WHERE deposit = ?)", d.seq, d.seq)
		if err != nil || n == 0 {
			return err
		}
		t.tally.deposit(d, -1)
		return t.act(ctx, "deposit forget", d.ID, "it was not sent: another process asked for the same")
	})
}
