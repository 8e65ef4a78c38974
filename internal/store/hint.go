package store

import (
	"context"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// hintAlias begins the alias of a receipt that a hint ties to a deposit: whoever asks for
// the receipt itself does not find it.
const hintAlias = "hint:"

// mostFits bounds the deposits that one hint is told of.
const mostFits = 10

// See takes in a payment that some source lists without naming a deposit. A deposit that
// it fits and that is COMPLETED without a receipt gets the receipt, where no other fits
// and the hint tells the reference; others that it fits are told of it, once, and not
// moved. It returns the deposits that it fits.
func (h *Deposits) See(ctx context.Context, env payment.Environment, hint payment.Hint) ([]payment.Deposit, error) {
	var fits []depositRow
	err := h.do(ctx, "take the payment in", func(ctx context.Context, t *tx) (err error) {
		if fits, err = t.deposits.fits(ctx, env, hint); err != nil {
			return err
		}
		if d, sole := soleWithoutReceipt(fits, hint); sole {
			claim := payment.Claim{
				Status: payment.StatusCompleted, By: payment.SourceQuery, Receipt: hint.Receipt, At: fromMicros(micros(t.now)), OccurredAt: hint.At,
			}
			if fits[0], _, err = t.deposits.apply(ctx, d, claim); err != nil {
				return err
			}
			return t.command(ctx, d.ID, "the receipt "+hint.Receipt+" is told by a payment that fits")
		}
		return t.deposits.hint(ctx, fits, hint, 0)
	})
	return deposits(fits), err
}

// Hinted returns the deposits that a hint has tied to a receipt, newest first.
func (h *Deposits) Hinted(ctx context.Context, receipt string) ([]payment.Deposit, error) {
	if receipt == "" {
		return nil, nil
	}
	found, err := h.depositsBy(ctx, h, "seq IN (SELECT deposit FROM aliases WHERE name = ?) ORDER BY seq DESC"+sqlMostFound, hintAlias+receipt)
	return deposits(found), h.kinded("find the deposit", err)
}

// fits returns the deposits without a receipt that a hint fits, newest first. They are
// looked for by the reference, or by the phone where that is told in full.
func (t depositTx) fits(ctx context.Context, env payment.Environment, hint payment.Hint) ([]depositRow, error) {
	if hint.Receipt == "" || !hint.Amount.HasValue() {
		return nil, nil
	}
	var known bool
	err := t.row(ctx, "SELECT EXISTS (SELECT 1 FROM deposits WHERE receipt = ? AND receipt <> '' AND provider = ?)",
		[]any{hint.Receipt, string(hint.Provider)}, &known)
	if err != nil || known {
		return nil, err
	}
	by, name := "reference = ? AND reference <> ''", hint.Reference
	if name == "" {
		phone, err := payment.ParsePhone(hint.Phone)
		if err != nil {
			return nil, nil //nolint:nilerr // what nothing names fits nothing
		}
		by, name = "phone = ?", phone.MSISDN()
	}
	found, err := t.rare(ctx, by+` AND provider = ? AND (? = '' OR environment = ?) AND receipt = '' AND status <> 'CREATED'
		AND amount = ? AND currency = ? ORDER BY seq DESC`+sqlMostFound,
		name, string(hint.Provider), string(env), string(env), hint.Amount.Minor(), string(hint.Amount.Currency()))
	found = slices.DeleteFunc(found, func(d depositRow) bool { return !hint.Fits(d.Deposit) })
	return found[:min(len(found), mostFits)], err
}

// soleWithoutReceipt returns the one deposit that a hint fits where it is COMPLETED and
// the hint tells the reference: what it lacks is the receipt.
func soleWithoutReceipt(fits []depositRow, hint payment.Hint) (depositRow, bool) {
	if len(fits) != 1 || hint.Reference == "" || fits[0].Status != payment.StatusCompleted {
		return depositRow{}, false
	}
	return fits[0], true
}

// hint tells deposits of a payment that fits them, each once for a receipt.
func (t depositTx) hint(ctx context.Context, fits []depositRow, hint payment.Hint, delivery int64) error {
	for _, d := range fits {
		n, err := t.changed(ctx, "INSERT INTO aliases (name, deposit) VALUES (?, ?) ON CONFLICT (name, deposit) DO NOTHING", hintAlias+hint.Receipt, d.seq)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		err = t.note(ctx, note{deposit: d.seq, at: fromMicros(micros(t.now)), source: payment.SourceHint, move: payment.MoveNone, delivery: delivery, note: hint.Tells()})
		if err != nil {
			return err
		}
	}
	return nil
}

// hintOf is the payment that a C2B confirmation tells of; when it came is by this
// machine's clock, as the deposits' times are.
func (p *arrival) hintOf(e *payment.Event, t *tx) payment.Hint {
	return payment.Hint{
		Source: "c2b", Provider: p.Delivery.Provider, Receipt: e.Receipt, Amount: e.Amount, Phone: e.Phone, Reference: e.Reference, At: p.at(t.now),
	}
}

// fitting looks, before a customer's payment that names no deposit is written, for those
// that it fits. One that lacks the receipt alone gets it, and the payment is its own; the
// others are to be told of it.
func (p *arrival) fitting(ctx context.Context, t *tx, j *judged) error {
	e := p.Inspection.Event
	if e == nil || !j.counts() || j.deposit.seq != 0 || !isPayment(e) {
		return nil
	}
	hint := p.hintOf(e, t)
	fits, err := t.deposits.fits(ctx, e.Environment, hint)
	if err != nil {
		return err
	}
	if d, sole := soleWithoutReceipt(fits, hint); sole {
		claim := payment.Claim{Status: payment.StatusCompleted, By: payment.SourceCallback, Receipt: hint.Receipt, At: p.at(t.now), OccurredAt: e.OccurredAt}
		j.deposit, _, err = t.deposits.apply(ctx, d, claim)
		j.after = j.deposit
		return err
	}
	j.fits, j.hint = fits, hint
	return nil
}

// isPayment reports whether an event tells of money that a customer paid unasked.
func isPayment(e *payment.Event) bool {
	return payment.TopicOf(e.Name) == payment.TopicCustomer && strings.HasSuffix(e.Name, ".confirmation")
}
