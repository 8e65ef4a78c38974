package view

import (
	"fmt"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// PlanRow is what became of one line of a plan.
type PlanRow struct {
	Type      string  `json:"type"`
	Line      int     `json:"line"`
	DepositID *string `json:"deposit_id"`
	Reference *string `json:"reference"`
	Status    *string `json:"status"`
	ExitCode  int     `json:"exit_code"`
	Error     *string `json:"error"`
}

// NewPlanRow returns the view of a row.
func NewPlanRow(r deposit.Row, reference string, exitCode int, showPhone bool) PlanRow {
	v := PlanRow{
		Type: "row", Line: r.Line, DepositID: payment.OrNull(r.Deposit.ID), Reference: payment.OrNull(reference),
		Status: payment.OrNull(string(r.Deposit.Status)), ExitCode: exitCode,
	}
	if r.Err != nil {
		v.Error = payment.OrNull(phones(payment.Line(r.Err.Error(), mostPlanError), showPhone))
	}
	return v
}

// mostPlanError bounds a row's error, in bytes.
const mostPlanError = 500

// Text writes a row for people.
func (v PlanRow) Text(t *ui.Text) {
	spans := []ui.Span{
		ui.Dim(fmt.Sprintf("line %d  ", v.Line)), ui.Plain(payment.Or(v.Reference, "-") + "  "), StatusSpan(payment.Or(v.Status, "not asked")),
		ui.Dim("  " + payment.Or(v.DepositID, "")),
	}
	if v.Error != nil {
		spans = append(spans, ui.Plain("  "+*v.Error))
	}
	t.Line(spans...)
}

// PlanSum sums a plan up.
type PlanSum struct {
	Type      string `json:"type"`
	Total     int    `json:"total"`
	Completed int    `json:"completed"`
	Pending   int    `json:"pending"`
	Failed    int    `json:"failed"`
	Refused   int    `json:"refused"`
	Unknown   int    `json:"unknown"`
	// NotSent are those whose request was not taken, or not made.
	NotSent  int    `json:"not_sent"`
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// NewPlanSum returns the sum of a plan of so many lines and so much money.
func NewPlanSum(total int, amount payment.Amount) PlanSum {
	return PlanSum{Type: "summary", Total: total, Amount: amount.String(), Currency: string(amount.Currency())}
}

// Add counts a row; refused says that it was asked for before.
func (v *PlanSum) Add(r deposit.Row, refused bool) {
	switch {
	case refused:
		v.Refused++
	case r.Deposit.Status == payment.StatusCompleted:
		v.Completed++
	case r.Deposit.Status == payment.StatusPending:
		v.Pending++
	case r.Deposit.Status == payment.StatusFailed:
		v.Failed++
	case r.Deposit.Status == payment.StatusUnknown:
		v.Unknown++
	default:
		v.NotSent++
	}
}

// Text writes the sum for people.
func (v PlanSum) Text(t *ui.Text) {
	t.Linef("%d lines, %s %s: %d completed, %d pending, %d failed, %d refused as asked before, %d unknown, %d not sent",
		v.Total, v.Amount, v.Currency, v.Completed, v.Pending, v.Failed, v.Refused, v.Unknown, v.NotSent)
}
