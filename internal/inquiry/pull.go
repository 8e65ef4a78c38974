package inquiry

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// Pulled is a payment that M-PESA lists, and what the ledger knows of it.
type Pulled struct {
	daraja.PullRow
	// DepositID is the deposit with its receipt, "" where there is none.
	DepositID string
	// Confirmed reports that a C2B confirmation of it came.
	Confirmed bool
	// Fits are the deposits that it may be; each has been told of it.
	Fits []payment.Deposit
}

// Known reports whether the ledger knows the payment.
func (p Pulled) Known() bool { return p.DepositID != "" || p.Confirmed }

// Puller holds what M-PESA lists against the ledger.
type Puller struct {
	Ledger      *store.Store
	Environment payment.Environment
	// Since is when the listed payments begin.
	Since time.Time

	confirmed map[string]bool
}

// Look looks for one payment in the ledger. A deposit that it fits is told of it, unless
// the ledger can only be read.
func (p *Puller) Look(ctx context.Context, row daraja.PullRow) (Pulled, error) {
	out := Pulled{PullRow: row}
	if p.confirmed == nil {
		// A payment is confirmed after it was made, so older deliveries are not about it.
		confirmations, err := confirmations(ctx, p.Ledger, p.Since.Add(-time.Hour))
		if err != nil {
			return out, err
		}
		p.confirmed = map[string]bool{}
		for _, c := range confirmations {
			p.confirmed[c.Event.Receipt] = true
		}
	}
	deposits, err := p.Ledger.Deposits.Find(ctx, row.Receipt)
	if err != nil {
		return out, err
	}
	if len(deposits) > 0 {
		out.DepositID = deposits[0].ID
		return out, nil
	}
	out.Confirmed = p.confirmed[row.Receipt]
	if !p.Ledger.ReadOnly() {
		out.Fits, err = p.Ledger.Deposits.See(ctx, p.Environment, pullHint(row))
	}
	return out, err
}

// confirmations are the C2B confirmations that came since some time and were not
// disbelieved; each has an event.
func confirmations(ctx context.Context, ledger *store.Store, since time.Time) ([]store.StoredDelivery, error) {
	found, _, err := ledger.Deliveries.List(ctx, store.DeliveryFilter{
		Provider: payment.Daraja, Event: daraja.EventC2BConfirmation, Since: since,
		Verdicts: []payment.Verdict{payment.VerdictValid, payment.VerdictUnsigned},
	})
	out := found[:0]
	for _, d := range found {
		if d.Event != nil {
			out = append(out, d)
		}
	}
	return out, err
}

// pullHint is what a row of the pull list tells of a deposit.
func pullHint(row daraja.PullRow) payment.Hint {
	return payment.Hint{
		Source: "pull", Provider: payment.Daraja, Receipt: row.Receipt, Amount: row.Amount, Phone: row.Phone, Reference: row.Reference, At: row.At,
	}
}

// Hints are the payments that M-PESA confirmed since a deposit was asked for, and those
// that it lists, which reaches back for daraja.PullWindow; each receipt once.
func Hints(ctx context.Context, ledger *store.Store, client *daraja.Client, d payment.Deposit, now time.Time) ([]payment.Hint, error) {
	since := d.SentAt.Add(-5 * time.Minute)
	confirmed, err := confirmations(ctx, ledger, since)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var out []payment.Hint
	add := func(h payment.Hint) {
		if !seen[h.Receipt] {
			seen[h.Receipt] = true
			out = append(out, h)
		}
	}
	for _, c := range confirmed {
		at := c.Event.OccurredAt
		if at.IsZero() || d.Environment == payment.Local {
			at = c.ReceivedAt
		}
		e := c.Event
		add(payment.Hint{Source: "c2b", Receipt: e.Receipt, Amount: e.Amount, Phone: e.Phone, Reference: e.Reference, At: at})
	}
	if now.Sub(since) > daraja.PullWindow {
		return out, nil
	}
	_, err = client.PullAll(ctx, since, now, func(row daraja.PullRow) error {
		add(pullHint(row))
		return nil
	})
	return out, err
}
