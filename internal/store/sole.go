package store

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// contradict records a conflict that no claim of the deposit's own brings. delivery is
// the key of the delivery that brings it, or 0.
func (t depositTx) contradict(ctx context.Context, d depositRow, c payment.Conflict, delivery int64) (depositRow, error) {
	after := d
	after.Deposit = d.Contradict(c)
	if depositEqual(d.Deposit, after.Deposit) {
		return d, nil
	}
	if err := t.save(ctx, d, after); err != nil {
		return d, err
	}
	return after, t.note(ctx, note{
		deposit: d.seq, at: c.Since, status: d.Status, move: payment.MoveConflict, delivery: delivery, note: after.Conflict.Reason,
	})
}

// contradictBoth records the same conflict on two deposits, and returns the first.
func (t depositTx) contradictBoth(ctx context.Context, d, other depositRow, what string, at time.Time) (depositRow, error) {
	c := payment.Conflict{Since: at, Between: [2]string{d.ID, other.ID}, Reason: "two deposits have " + what + ": " + d.ID + " and " + other.ID}
	if _, err := t.contradict(ctx, other, c, 0); err != nil {
		return d, err
	}
	return t.contradict(ctx, d, c, 0)
}

// sole looks, after a claim has moved a deposit, whether another deposit has what must
// be one deposit's alone: its provider's id, or the payment. Names that the claim gave
// beside the deposit's own are kept as aliases.
func (t depositTx) sole(ctx context.Context, before, d depositRow, c payment.Claim) (depositRow, error) {
	if c.Receipt != "" && c.Receipt != d.Receipt {
		if err := t.alias(ctx, d, c.Receipt); err != nil {
			return d, err
		}
	}
	var ids []string
	if c.ProviderID != "" && c.ProviderID != d.ProviderID {
		if err := t.alias(ctx, d, c.ProviderID); err != nil {
			return d, err
		}
		ids = append(ids, c.ProviderID)
	}
	if before.ProviderID == "" && d.ProviderID != "" {
		ids = append(ids, d.ProviderID)
	}
	for _, id := range ids {
		others, err := t.byProviderID(ctx, d.Provider, id)
		if err != nil {
			return d, err
		}
		for _, o := range others {
			if o.seq == d.seq || o.Environment != d.Environment || reused(o, d) {
				continue
			}
			if d, err = t.contradictBoth(ctx, d, o, "the provider's id "+id, c.At); err != nil {
				return d, err
			}
		}
	}
	if d.Status == payment.StatusCompleted && before.Status != payment.StatusCompleted && (d.twins || d.Adopted) {
		return t.soleSuccess(ctx, d, c.At)
	}
	return d, nil
}

// reused reports whether the emulator, started again with the same seed, gave an id of
// an earlier run again: the earlier deposit was over before this one was sent.
func reused(earlier, d depositRow) bool {
	return d.Environment == payment.Local && earlier.Status.Final() && d.SentAt.After(earlier.UpdatedAt)
}

// soleSuccess looks for another deposit that the same customer has paid for the same
// within a day, without anybody having asked for that.
func (t depositTx) soleSuccess(ctx context.Context, d depositRow, at time.Time) (depositRow, error) {
	twins, err := t.twins(ctx, d)
	if err != nil {
		return d, err
	}
	for _, o := range twins {
		meant := o.Repeats != "" || d.Repeats != ""
		apart := d.CreatedAt.Sub(o.CreatedAt).Abs()
		if o.Status != payment.StatusCompleted || meant || apart >= payment.RepeatWindow || o.Receipt != "" && o.Receipt == d.Receipt {
			continue
		}
		if d, err = t.contradictBoth(ctx, d, o, "been paid for the same reference, customer and amount", at); err != nil {
			return d, err
		}
	}
	return d, nil
}

// soleReceipt looks for another deposit that has a receipt which no callback brought;
// see checkReceipt for those.
func (t depositTx) soleReceipt(ctx context.Context, d depositRow, at time.Time) (depositRow, error) {
	k, err := t.holders(ctx, d.Receipt)
	if err != nil {
		return d, err
	}
	other := k.otherHolder(d, d.Receipt, d.ProviderID)
	if other == nil {
		return d, nil
	}
	return t.contradictBoth(ctx, d, *other, "the receipt "+d.Receipt, at)
}

// alias keeps a name that a source gave a deposit beside its own.
func (t depositTx) alias(ctx context.Context, d depositRow, name string) error {
	if t.known != nil {
		t.known.receipt.enter(name, d.seq)
	}
	err := t.exec(ctx, "INSERT INTO aliases (name, deposit) VALUES (?, ?) ON CONFLICT (name, deposit) DO NOTHING", name, d.seq)
	return err
}

// sqlMostFound bounds what one name may find. A limit that is a parameter would
// have SQLite plan the statement anew at every call, at thrice its cost.
const sqlMostFound = " LIMIT 100"

const sqlByProviderID = "provider_id = ? AND provider_id <> '' AND provider = ? ORDER BY seq DESC" + sqlMostFound

// byProviderID returns the deposits with a provider's id, newest first.
func (t depositTx) byProviderID(ctx context.Context, provider payment.ProviderID, id string) ([]depositRow, error) {
	return t.rare(ctx, sqlByProviderID, id, string(provider))
}

// rare is depositsBy for what is hardly ever found: the driver spells out all
// columns of a query, rows or none, so that a look costs less.
func (t depositTx) rare(ctx context.Context, where string, args ...any) ([]depositRow, error) {
	var found bool
	err := t.row(ctx, sqlAnyDeposit(where), args, &found)
	if err != nil || !found {
		return nil, err
	}
	return t.db.depositsBy(ctx, t.tx, where, args...)
}

func sqlAnyDeposit(where string) string {
	return "SELECT EXISTS (SELECT 1 FROM deposits WHERE " + where + ")"
}
