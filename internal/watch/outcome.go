package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/payctl/payctl/internal/payment"
)

// Result is where a watched deposit stood at the end.
type Result struct {
	Deposit payment.Deposit
	// Doubts are what came about it and moved nothing.
	Doubts []payment.Doubt
	// Questions counts the questions asked about it.
	Questions int
	// unknown is the error of a deposit that neither the ledger nor the provider knows.
	unknown error
}

// Err returns what the result means to a script, as Outcome does.
func (r Result) Err() error {
	if r.unknown != nil {
		return r.unknown
	}
	return Outcome(r.Deposit)
}

// Results are the results of a watch, one for each distinct id, in order.
type Results []Result

// Err returns the worst outcome: nil when every deposit is COMPLETED.
func (rs Results) Err() error {
	errs := make([]error, len(rs))
	open := 0
	for i, r := range rs {
		if errs[i] = r.Err(); errs[i] != nil {
			open++
		}
	}
	err := worst(errs)
	var e *payment.Error
	if open > 1 && errors.As(err, &e) {
		summed := *e
		summed.Message += fmt.Sprintf(" (and %d more of %d deposits are not cleanly paid)", open-1, len(rs))
		return &summed
	}
	return err
}

// Outcome returns what a deposit's state means to a script that waited for its
// end: nil for COMPLETED, KindDeclined for FAILED, KindConflict for a recorded
// contradiction, KindPending for anything undecided.
func Outcome(d payment.Deposit) error {
	e := &payment.Error{Provider: d.Provider}
	switch {
	case !d.Conflict.IsZero():
		e.Kind, e.Message = payment.KindConflict, name(d)+": contradicting results: "+payment.MaskDigits(d.Conflict.Reason)
		e.Hint = `check the statement before delivering or paying back, then end it with "payctl deposit resolve ` + d.ID + `"`
	case d.Status == payment.StatusCompleted:
		return nil
	case d.Status == payment.StatusFailed:
		e.Kind, e.Message = payment.KindDeclined, name(d)+": not paid"
		if d.Failure != nil {
			e.Message += because(d.Failure)
			e.Hint, e.ProviderCode = d.Failure.Advice, d.Failure.Code
		}
	case d.Status == payment.StatusCreated:
		e.Kind, e.Message = payment.KindPending, name(d)+": nobody was asked"
		e.Hint = `ask with "payctl deposit create" and --idempotency-key ` + d.IdempotencyKey
		if d.Failure != nil {
			e.Message += because(d.Failure)
			e.Hint, e.ProviderCode = cmp.Or(d.Failure.Advice, e.Hint), d.Failure.Code
		}
	default:
		e.Kind, e.Message = payment.KindPending, fmt.Sprintf("%s: still undecided (%s)", name(d), d.Status)
		e.Hint = `this is not a failure: go on with "payctl status watch ` + cmp.Or(d.ID, d.ProviderID) + `"`
	}
	return e
}

// because words a failure: the provider's text, then its code.
func because(f *payment.Failure) string {
	text := ""
	if f.Reason != "" {
		text = ": " + tidy(f.Reason)
	}
	if f.Code != "" {
		text += " (" + tidy(f.Code) + ")"
	}
	return text
}

func name(d payment.Deposit) string {
	switch {
	case d.ID == "":
		return "deposit " + payment.MaskDigits(d.ProviderID)
	case d.Reference == "":
		return "deposit " + d.ID
	}
	return "deposit " + d.ID + " (" + tidy(d.Reference) + ")"
}

// tidy returns outside text fit for a note or an error.
func tidy(text string) string { return payment.Line(text, 200) }

// worst returns the error that decides the exit code.
func worst(errs []error) error {
	var found error
	for _, err := range errs {
		if err != nil && (found == nil || severity(err) > severity(found)) {
			found = err
		}
	}
	return found
}

// severity orders errors of several deposits: what stops the work outranks a
// contradiction, which outranks a decline, which outranks what is still open.
func severity(err error) int {
	switch payment.KindOf(err) {
	case payment.KindInternal:
		return 9
	case payment.KindInterrupted:
		return 8
	case payment.KindUsage:
		return 7
	case payment.KindUnauthorized:
		return 6
	case payment.KindNotFound:
		return 5
	case payment.KindConflict, payment.KindBadSignature:
		return 4
	case payment.KindDeclined:
		return 3
	case payment.KindUnavailable:
		return 2
	case payment.KindPending:
		return 1
	}
	return 9
}

// stopped words the end of ctx: the operator's doing, or a deadline's.
func stopped(ctx context.Context, ids string) error {
	cause := ctx.Err()
	if cause == nil {
		return nil
	}
	e := &payment.Error{
		Kind: payment.KindInterrupted, Message: "watch: stopped before the outcome was known", Err: cause,
		Hint: `nothing is lost: go on with "payctl status watch ` + ids + `"`,
	}
	if errors.Is(cause, context.DeadlineExceeded) {
		e.Kind, e.Message = payment.KindPending, "watch: the time was over before the outcome was known"
	}
	return e
}
