package deposit

import (
	"context"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Sources are who can be asked about a deposit; nil fields are nobody.
type Sources struct {
	// Ask asks the provider how a deposit stands.
	Ask func(ctx context.Context, d payment.Deposit) (payment.Answer, error)
	// AnswerDecides says that the provider's answer ends a contradiction, whichever side
	// it takes (reference/wasaapay.md §11.6). Otherwise it must agree with the ledger.
	AnswerDecides bool
	// Hints returns payments that may be the deposit's.
	Hints func(ctx context.Context, d payment.Deposit) ([]payment.Hint, error)
	// Confirm asks what became of the transaction with a receipt and records it on the
	// deposit. paid says that it is completed and fits.
	Confirm func(ctx context.Context, d payment.Deposit, receipt string) (paid bool, err error)
}

// ResolveLedger is what resolving needs of the store.
type ResolveLedger interface {
	Recorder
	Get(ctx context.Context, id string) (payment.Deposit, error)
}

// Resolved is what resolving a deposit came to.
type Resolved struct {
	payment.Deposit
	// Open says that it is still in doubt.
	Open bool
	// Reason says why it is in doubt, or why it is not; Next is what to do about it.
	Reason, Next string
	Hints        []payment.Hint
}

// Doubtful reports whether a deposit is one that resolving is for: a contradiction, an
// unknown outcome, a refusal that nobody has looked at, or one that has been pending
// for longer than its prompt can live and some more.
func Doubtful(d payment.Deposit, now time.Time, olderThan time.Duration) bool {
	switch {
	case !d.Conflict.IsZero():
		return true
	case d.Status == payment.StatusUnknown, d.Status == payment.StatusPending:
		since := d.SentAt
		if since.IsZero() {
			since = d.CreatedAt
		}
		return now.Sub(since) >= olderThan
	}
	return d.Status == payment.StatusCreated && d.Failure != nil
}

// Resolve asks every source about one deposit, the strongest last, until nothing about
// it is in doubt. What callbacks proved is in the ledger already. Trouble with a source
// is part of the reason, never an error; errors are the ledger's.
func Resolve(ctx context.Context, ledger ResolveLedger, from Sources, d payment.Deposit, now func() time.Time) (Resolved, error) {
	r := Resolved{Deposit: d}
	if d.Status == payment.StatusCreated && d.Conflict.IsZero() {
		return r.unsent(), nil
	}
	if from.Ask != nil && d.ProviderID != "" && inDoubt(d) {
		if err := r.ask(ctx, ledger, from, now); err != nil {
			return r, err
		}
	}
	if from.Hints != nil && inDoubt(r.Deposit) && !r.Status.Final() {
		hints, err := from.Hints(ctx, r.Deposit)
		if err != nil {
			r.because("payments were not listed: " + err.Error())
		}
		for _, h := range hints {
			if h.Fits(r.Deposit) {
				r.Hints = append(r.Hints, h)
			}
		}
	}
	if receipt := r.receipt(); from.Confirm != nil && receipt != "" && inDoubt(r.Deposit) {
		if err := r.confirm(ctx, ledger, from, receipt, now); err != nil {
			return r, err
		}
	}
	return r.concluded(), nil
}

func inDoubt(d payment.Deposit) bool { return !d.Conflict.IsZero() || !d.Status.Final() }

func (r *Resolved) because(reason string) {
	reason = payment.Line(reason, mostReason)
	if r.Reason != "" {
		reason = r.Reason + "; " + reason
	}
	r.Reason = reason
}

func (r *Resolved) ask(ctx context.Context, ledger ResolveLedger, from Sources, now func() time.Time) error {
	answer, err := from.Ask(ctx, r.Deposit)
	if err != nil {
		r.because("the provider was asked in vain: " + err.Error())
		return nil //nolint:nilerr // it is part of the reason
	}
	if !answer.Status.Final() {
		said := "the provider says that it is undecided"
		if answer.Message != "" {
			said = "the provider says: " + answer.Message
		}
		r.because(said)
		return nil
	}
	c := ClaimOf(answer, payment.SourceQuery, now())
	c.Settles = from.AnswerDecides || answer.Status == r.Status
	r.Deposit, _, err = ledger.Apply(ctx, r.ID, c)
	return err
}

// receipt is the one receipt that can be asked about, "" if there is none or several.
func (r *Resolved) receipt() string {
	switch {
	case r.Receipt != "":
		return r.Receipt
	case len(r.Hints) == 1:
		return r.Hints[0].Receipt
	}
	return ""
}

func (r *Resolved) confirm(ctx context.Context, ledger ResolveLedger, from Sources, receipt string, now func() time.Time) error {
	paid, err := from.Confirm(ctx, r.Deposit, receipt)
	if err != nil {
		r.because("transaction status of " + receipt + ": " + err.Error())
	}
	d, err := ledger.Get(ctx, r.ID)
	if err != nil {
		return err
	}
	if paid && inDoubt(d) {
		d, _, err = ledger.Apply(ctx, d.ID, payment.Claim{
			Status: payment.StatusCompleted, By: payment.SourceTransaction, Receipt: receipt, Settles: true, At: now(),
		})
	}
	r.Deposit = d
	return err
}

// unsent is a deposit that certainly never reached the customer.
func (r Resolved) unsent() Resolved {
	r.Reason = "it was not sent"
	r.Next = "repeat \"payctl deposit create\" with --idempotency-key " + r.IdempotencyKey + ", or leave it"
	if r.Failure != nil {
		r.Reason = "it was not sent: " + r.Failure.Reason
	}
	return r
}

// concluded says what is left in doubt, why, and what to do about it.
func (r Resolved) concluded() Resolved {
	word := "payctl deposit resolve " + r.ID + " --as completed|failed --because TEXT"
	switch {
	case !r.Conflict.IsZero():
		r.Open = true
		r.Reason = payment.MaskDigits(r.Conflict.Reason)
		r.Next = "compare with the provider's portal or statement, then \"" + word + "\""
	case r.Status.Final():
		r.Reason = "settled by the " + string(r.DecidedBy)
	default:
		r.Open = true
		r.Next = "wait for its callback; when the statement is out, \"" + word + "\""
		if r.Reason == "" {
			r.Reason = "no source knows what became of it"
		}
		if len(r.Hints) > 0 {
			r.Next = "a payment that fits is " + r.Hints[0].Receipt + ": \"payctl transaction status " + r.Hints[0].Receipt + "\" proves it; or \"" + word + "\""
		}
	}
	return r
}

// Word records an operator's word on a deposit, which ends every doubt. Later proof
// against it is a conflict again.
func Word(ctx context.Context, ledger Recorder, d payment.Deposit, as payment.Status, receipt, because string, now time.Time) (Resolved, error) {
	c := payment.Claim{
		Status: as, By: payment.SourceOperator, Receipt: receipt, Because: because, Settles: true, At: now,
	}
	if as == payment.StatusFailed {
		c.Failure = &payment.Failure{Reason: because}
	}
	d, _, err := ledger.Apply(ctx, d.ID, c)
	r := Resolved{Deposit: d, Reason: "the operator's word: " + because}
	if err == nil && inDoubt(d) {
		return r.concluded(), nil
	}
	return r, err
}
