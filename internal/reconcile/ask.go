package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile/statement"
	"github.com/payctl/payctl/internal/store"
)

// askOpen asks about deposits that neither files nor list decide.
func (r *run) askOpen(ctx context.Context) error {
	if r.in.Provider == nil {
		return nil
	}
	asked, left, rest := 0, 0, r.open[:0:0]
	for i := range r.open {
		e := r.open[i]
		status := e.ledgerStatus()
		if e.source != uint8(store.BookDeposit) || status != payment.StatusPending && status != payment.StatusUnknown {
			rest = append(rest, e)
			continue
		}
		if asked == mostAsked {
			left++
			rest = append(rest, e)
			continue
		}
		asked++
		says, err := r.in.Provider.Stands(ctx, r.books.ID(store.BookDeposit, e.number))
		if err != nil {
			r.asked("query", "could not be asked: "+err.Error(), false)
			rest = append(rest, r.open[i:]...)
			asked, left = asked-1, 0
			break
		}
		if !says.Final() {
			rest = append(rest, e)
			continue
		}
		r.ledgerTold++
		r.add(StatusDiffers, e.amount)
		d := r.ofLedger(StatusDiffers, Medium, &e)
		if says == payment.StatusCompleted {
			d.Severity = High
		}
		d.Detail, d.Next = string(status)+" in the ledger, "+string(says)+" by the provider's query", "payctl deposit resolve "+d.DepositID
		r.list(d)
	}
	if asked > 0 {
		r.asked("query", fmt.Sprintf("%d of %d undecided deposits", asked, asked+left), true)
	}
	r.open = rest
	return nil
}

// provable reports whether the provider's word on a transaction helps with a difference.
func (d *Difference) provable() bool {
	switch d.Category {
	case AmountDiffers, StatusDiffers, OnlyLedger, OnlyStatement, OnlyProvider, NotVerifiable, Reversed, ReversalUnmatched:
		return d.Receipt != "" && d.Severity != Low
	case Matched, Probable, DuplicateInLedger, FeeOnly, NotCustomerPayment, OutsidePeriod, Unreadable:
	}
	return false
}

// askAbout has the provider say what became of the transactions of differences, the
// worst first. What it says is added to them; categories stay, since they are of the books.
func (r *run) askAbout(ctx context.Context) error {
	if r.in.Provider == nil {
		return nil
	}
	slices.SortFunc(r.report.Differences, worse)
	asked, answered, total := 0, 0, 0
	stopped := ""
	for i := range r.report.Differences {
		d := &r.report.Differences[i]
		if !d.provable() {
			continue
		}
		total++
		if stopped != "" || asked == mostAsked {
			continue
		}
		says, err := r.in.Provider.Confirms(ctx, d.Receipt)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch kind := payment.KindOf(err); {
		case err == nil:
			d.Detail += "; transaction status says " + says.text()
		case kind == payment.KindNotFound:
			d.Detail += "; transaction status knows no such transaction"
		case kind == payment.KindConflict:
			d.Detail += "; transaction status answers about something else: " + err.Error()
		case kind == payment.KindPending && answered > 0:
			asked++
			continue
		default:
			// Whoever cannot ask, or hears nothing at the first question, would wait in vain
			// for each of the others.
			stopped = err.Error()
			continue
		}
		asked, answered = asked+1, answered+1
	}
	const what = "transaction status"
	switch {
	case total == 0:
	case stopped != "" && answered == 0:
		r.asked(what, "could not be asked: "+stopped, false)
	case stopped != "":
		r.asked(what, fmt.Sprintf("%d of %d differences, then: %s", answered, total, stopped), false)
	default:
		r.asked(what, fmt.Sprintf("%d of %d differences", answered, total), answered == total)
	}
	return nil
}

func (c Confirmed) text() string {
	if !c.HasAmount {
		return payment.Line(c.Word, 40)
	}
	return payment.Line(c.Word, 40) + " " + statement.Decimal(c.Amount)
}
