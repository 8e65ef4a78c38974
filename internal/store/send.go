package store

import (
	"cmp"
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// ClaimSend marks the CREATED deposit with as's ID as UNKNOWN, with SentAt and
// ExpiresAt, just before its request leaves, and takes over as's ShortCode and
// Wallet: a deposit that was released may be sent with corrected ones, and its
// callback is held against those it was sent with. False means that another
// process has done so, or that it is decided: the request must not be sent. What
// another deposit has asked for since is KindConflict, as in Create.
func (h *Deposits) ClaimSend(ctx context.Context, as payment.Deposit) (payment.Deposit, bool, error) {
	var got depositRow
	var mine bool
	err := h.changeAs(ctx, "claim the deposit", as, func(ctx context.Context, t *tx, d depositRow) error {
		got, mine = d, false
		if d.Status != payment.StatusCreated {
			return nil
		}
		now := fromMicros(micros(t.now))
		after := d
		after.Status, after.SentAt, after.UpdatedAt, after.Failure = payment.StatusUnknown, now, now, nil
		after.ExpiresAt = now.Add(payment.PromptLifetime)
		after.ShortCode, after.Wallet = as.ShortCode, as.Wallet
		twins, err := t.deposits.twins(ctx, after)
		if err != nil {
			return err
		}
		meant := after.Deposit
		meant.Repeats = cmp.Or(d.Repeats, as.Repeats)
		if after.Repeats, err = t.deposits.repeated(meant, twins); err != nil {
			return err
		}
		if err := t.deposits.save(ctx, d, after); err != nil {
			return err
		}
		got, mine = after, true
		if err := t.act(ctx, "deposit send", d.ID, ""); err != nil {
			return err
		}
		return t.deposits.note(ctx, note{deposit: d.seq, at: now, status: after.Status, move: payment.MoveApply, note: "sent"})
	})
	return got.Deposit, mine, err
}

// ClaimRepeat notes, just before it happens, that the request of an UNKNOWN
// deposit is sent again under its key. SentAt stays that of the first attempt;
// UpdatedAt is this one's, and ExpiresAt counts from it. False means that the
// deposit is no longer as seen, because another process repeats it or anything
// was heard of it: the request must not be sent.
func (h *Deposits) ClaimRepeat(ctx context.Context, seen payment.Deposit) (payment.Deposit, bool, error) {
	var got depositRow
	var mine bool
	err := h.changeAs(ctx, "claim the deposit", payment.Deposit{ID: seen.ID}, func(ctx context.Context, t *tx, d depositRow) error {
		got, mine = d, false
		if d.Status != payment.StatusUnknown || d.ProviderID != "" || !d.UpdatedAt.Equal(seen.UpdatedAt) {
			return nil
		}
		now := fromMicros(micros(t.now))
		after := d
		after.UpdatedAt, after.ExpiresAt = now, now.Add(payment.PromptLifetime)
		if err := t.deposits.save(ctx, d, after); err != nil {
			return err
		}
		got, mine = after, true
		if err := t.act(ctx, "deposit send", d.ID, "again, under its key"); err != nil {
			return err
		}
		return t.deposits.note(ctx, note{deposit: d.seq, at: now, status: after.Status, move: payment.MoveNone, note: "sent again"})
	})
	return got.Deposit, mine, err
}

// ReleaseSend makes an UNKNOWN deposit CREATED again, keeps why, and returns it. It is
// for requests that certainly did not reach the customer. A deposit that anything has
// been heard of stays; one that is settled is in conflict with that.
func (h *Deposits) ReleaseSend(ctx context.Context, id string, why *payment.Failure) (payment.Deposit, error) {
	var got depositRow
	err := h.change(ctx, "release the deposit", id, func(ctx context.Context, t *tx, d depositRow) error {
		got = d
		now := fromMicros(micros(t.now))
		if d.Status.Final() {
			var err error
			got, err = t.deposits.contradict(ctx, d, refusedBut(d.Deposit, why, now), 0)
			return err
		}
		if d.Status != payment.StatusUnknown || d.ProviderID != "" {
			return nil
		}
		after := d
		after.Status, after.UpdatedAt, after.Failure = payment.StatusCreated, now, why
		after.SentAt, after.ExpiresAt = time.Time{}, time.Time{}
		if err := t.deposits.save(ctx, d, after); err != nil {
			return err
		}
		got = after
		if err := t.act(ctx, "deposit release", d.ID, "it was not sent"); err != nil {
			return err
		}
		return t.deposits.note(ctx, note{deposit: d.seq, at: now, status: after.Status, move: payment.MoveApply, note: "not sent after all"})
	})
	return got.Deposit, err
}

// NotSent keeps why the request of a CREATED deposit could not be sent, and returns the
// deposit; one that another process has sent meanwhile stays as it is.
func (h *Deposits) NotSent(ctx context.Context, id string, why *payment.Failure) (payment.Deposit, error) {
	var got depositRow
	err := h.change(ctx, "keep why the deposit was not sent", id, func(ctx context.Context, t *tx, d depositRow) error {
		got = d
		if d.Status != payment.StatusCreated {
			return nil
		}
		after := d
		after.Failure, after.UpdatedAt = why, fromMicros(micros(t.now))
		got = after
		return t.deposits.save(ctx, d, after)
	})
	return got.Deposit, err
}

// mostReason bounds a provider's text within a conflict's reason, in bytes.
const mostReason = 200

// refusedBut is the conflict of a request that was refused, for a deposit that is
// settled all the same.
func refusedBut(d payment.Deposit, why *payment.Failure, at time.Time) payment.Conflict {
	reason := "it was not sent"
	if why != nil {
		reason = payment.Line(why.Reason, mostReason)
	}
	return payment.Conflict{
		Since: at, Between: [2]string{"answer refused", string(d.DecidedBy) + " " + string(d.Status)},
		Reason: "the request was refused (" + reason + "), and the " + string(d.DecidedBy) + " says " + string(d.Status),
	}
}
