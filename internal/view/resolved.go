package view

import (
	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// Resolved is what "payctl deposit resolve" came to about one deposit.
type Resolved struct {
	// Resolved says that nothing about it is left in doubt.
	Resolved bool    `json:"resolved"`
	Reason   string  `json:"reason"`
	Next     *string `json:"next"`
	Hints    []Hint  `json:"hints"`
	Deposit  Deposit `json:"deposit"`
}

// Hint is a payment that may be the deposit's.
type Hint struct {
	Source    string  `json:"source"`
	Receipt   string  `json:"receipt"`
	Amount    string  `json:"amount"`
	Phone     *string `json:"phone"`
	Reference *string `json:"reference"`
	At        string  `json:"at"`
}

// NewResolved returns the view of what resolving came to.
func NewResolved(r deposit.Resolved, doubts []payment.Doubt, showPhone bool) Resolved {
	v := Resolved{
		Resolved: !r.Open, Reason: phones(r.Reason, showPhone), Next: payment.OrNull(r.Next), Hints: []Hint{},
		Deposit: NewDeposit(r.Deposit, doubts, nil, showPhone),
	}
	for _, h := range r.Hints {
		v.Hints = append(v.Hints, Hint{
			Source: h.Source, Receipt: h.Receipt, Amount: h.Amount.String(), Phone: payment.OrNull(phone(h.Phone, showPhone)),
			Reference: payment.OrNull(phones(h.Reference, showPhone)), At: timing.RFC3339(h.At),
		})
	}
	return v
}

// ResolvedColumns head a list of what was resolved.
func ResolvedColumns() []ui.Column {
	return []ui.Column{ui.Left("ID").Dropped(1), ui.Flexible("REFERENCE"), ui.Left("STATUS"), ui.Flexible("WHY"), ui.Flexible("NEXT").Dropped(2)}
}

// Cells are a row of that list.
func (v Resolved) Cells() []ui.Span {
	status := StatusSpan(v.Deposit.Status)
	if !v.Resolved {
		status = ui.Warn(v.Deposit.Status + " !")
	}
	return []ui.Span{
		ui.Plain(payment.Or(v.Deposit.ID, "-")), ui.Plain(payment.Or(v.Deposit.Reference, "-")), status, ui.Plain(v.Reason), ui.Dim(payment.Or(v.Next, "")),
	}
}
