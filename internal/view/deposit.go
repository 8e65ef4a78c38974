package view

import (
	"reflect"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// Deposit is a deposit as scripts and people see it; its keys are the contract.
type Deposit struct {
	// ID is nil for a deposit that was not recorded.
	ID                *string   `json:"id"`
	Provider          string    `json:"provider"`
	Environment       string    `json:"environment"`
	Reference         *string   `json:"reference"`
	IdempotencyKey    *string   `json:"idempotency_key"`
	Status            string    `json:"status"`
	Amount            *string   `json:"amount"`
	Currency          string    `json:"currency"`
	Phone             *string   `json:"phone"`
	ProviderID        *string   `json:"provider_id"`
	MerchantRequestID *string   `json:"merchant_request_id"`
	Receipt           *string   `json:"receipt"`
	Failure           *Failure  `json:"failure"`
	DecidedBy         *string   `json:"decided_by"`
	Adopted           bool      `json:"adopted"`
	Conflict          *Conflict `json:"conflict"`
	Doubts            []Doubt   `json:"doubts"`
	Reversal          *Reversal `json:"reversal"`
	// Others are the other deposits of the reference that it was found by.
	Others    []string `json:"others"`
	CreatedAt string   `json:"created_at"`
	SentAt    *string  `json:"sent_at"`
	UpdatedAt string   `json:"updated_at"`
	PaidAt    *string  `json:"paid_at"`
	ExpiresAt *string  `json:"expires_at"`

	shownID string
	because string
	// beside says that an error tells of the failure.
	beside bool
}

// Failure is why a deposit failed, or why its request was refused before it could
// reach the customer. WasaaPay gives no codes.
type Failure struct {
	Code   *string `json:"code"`
	Reason *string `json:"reason"`
	Advice *string `json:"advice"`
}

// Conflict is a contradiction that nothing has ended yet.
type Conflict struct {
	Since   *string  `json:"since"`
	Between []string `json:"between"`
	Reason  string   `json:"reason"`
}

// Doubt is what came and moved nothing; no delivery brought a payment that fits.
type Doubt struct {
	DeliveryID *string `json:"delivery_id"`
	At         string  `json:"at"`
	Reason     string  `json:"reason"`
}

// From names the delivery that brought it, in parentheses, "" where none did.
func (d Doubt) From() string {
	if d.DeliveryID == nil {
		return ""
	}
	return " (" + *d.DeliveryID + ")"
}

// Reversal is what became of giving a deposit's money back.
type Reversal struct {
	Status  string  `json:"status"`
	Receipt *string `json:"receipt"`
	At      string  `json:"at"`
}

// NewDeposit returns the view of a deposit with its doubts.
func NewDeposit(d payment.Deposit, doubts []payment.Doubt, others []string, showPhone bool) Deposit {
	phone := d.Phone.String()
	if showPhone {
		phone = d.Phone.MSISDN()
	}
	v := Deposit{
		ID: payment.OrNull(d.ID), Provider: string(d.Provider), Environment: string(d.Environment),
		Reference: payment.OrNull(d.Reference), IdempotencyKey: payment.OrNull(d.IdempotencyKey),
		Status: string(d.Status), Amount: amountOrNull(d.Amount), Currency: string(d.Amount.Currency()),
		Phone: payment.OrNull(phone), ProviderID: payment.OrNull(d.ProviderID), MerchantRequestID: payment.OrNull(d.MerchantRequestID),
		Receipt: payment.OrNull(d.Receipt), DecidedBy: payment.OrNull(DecidedBy(d.DecidedBy)), Adopted: d.Adopted,
		Doubts: []Doubt{}, Others: append([]string{}, others...),
		CreatedAt: timing.RFC3339(d.CreatedAt), SentAt: timing.RFC3339OrNull(d.SentAt), UpdatedAt: timing.RFC3339(d.UpdatedAt),
		PaidAt: timing.RFC3339OrNull(d.PaidAt), ExpiresAt: timing.RFC3339OrNull(d.ExpiresAt),
		shownID: phones(d.ProviderID, showPhone), because: phones(d.Because, showPhone),
	}
	if f := d.Failure; f != nil {
		v.Failure = &Failure{Code: payment.OrNull(f.Code), Reason: payment.OrNull(f.Reason), Advice: payment.OrNull(f.Advice)}
	}
	if c := d.Conflict; !c.IsZero() {
		v.Conflict = &Conflict{Since: timing.RFC3339OrNull(c.Since), Between: []string{}, Reason: phones(c.Reason, showPhone)}
		for _, side := range c.Between {
			if side != "" {
				v.Conflict.Between = append(v.Conflict.Between, side)
			}
		}
	}
	for _, doubt := range doubts {
		v.Doubts = append(v.Doubts, Doubt{DeliveryID: payment.OrNull(doubt.DeliveryID), At: timing.RFC3339(doubt.At), Reason: phones(doubt.Reason, showPhone)})
	}
	if r := d.Reversal; r != (payment.Reversal{}) {
		v.Reversal = &Reversal{Status: string(r.Status), Receipt: payment.OrNull(r.Receipt), At: timing.RFC3339(r.At)}
	}
	return v
}

// Beside is the view beside an error that tells people why the deposit failed.
func (v Deposit) Beside(told bool) Deposit {
	v.beside = told
	return v
}

// Text writes a deposit for people.
func (v Deposit) Text(t *ui.Text) {
	receipt, reason, advice := payment.Or(v.Receipt, ""), "", ""
	if receipt == "" && v.Status == string(payment.StatusCompleted) {
		receipt = "pending: only the callback carries it"
	}
	if v.Failure != nil && !v.beside {
		reason, advice = v.Failure.text(), payment.Or(v.Failure.Advice, "")
	}
	conflict, adopted, reversal := "", "", ""
	if v.Conflict != nil {
		conflict = v.Conflict.Reason
	}
	if v.Adopted {
		adopted = "yes: asked for elsewhere"
	}
	if v.Reversal != nil {
		reversal = v.Reversal.Status + " " + payment.Or(v.Reversal.Receipt, "")
	}
	t.Fields(
		ui.KV("deposit", ui.Bold(payment.Or(v.ID, ""))),
		ui.KV("status", StatusSpan(v.Status)),
		ui.KV("amount", ui.Plain(v.money())),
		ui.KV("phone", ui.Plain(payment.Or(v.Phone, ""))),
		ui.KV("reference", ui.Plain(payment.Or(v.Reference, ""))),
		ui.KV("provider", ui.Plain(v.Provider+" ("+v.Environment+")")),
		ui.KV("provider id", ui.Plain(v.shownID)),
		ui.KV("adopted", ui.Plain(adopted)),
		ui.KV("receipt", ui.Plain(receipt)),
		ui.KV("reason", ui.Plain(reason)),
		ui.KV("advice", ui.Plain(advice)),
		ui.KV("decided by", ui.Plain(payment.Or(v.DecidedBy, ""))),
		ui.KV("because", ui.Plain(v.because)),
		ui.KV("conflict", ui.Bad(conflict)),
		ui.KV("reversal", ui.Plain(reversal)),
		ui.KV("created", ui.When(v.CreatedAt)),
	)
	for _, doubt := range v.Doubts {
		t.Line(ui.Warn("doubt: "), ui.Plain(doubt.Reason), ui.Dim(doubt.From()+" "), ui.When(doubt.At))
	}
}

// ReadsAs reports whether Text writes the same of both.
func (v Deposit) ReadsAs(other Deposit) bool {
	v.UpdatedAt = other.UpdatedAt // which it leaves out
	return reflect.DeepEqual(v, other)
}

// money is the amount with its currency.
func (v Deposit) money() string {
	if v.Amount == nil {
		return "unknown"
	}
	return *v.Amount + " " + v.Currency
}

// DepositColumns head a list of deposits.
func DepositColumns() []ui.Column {
	return []ui.Column{
		ui.Left("ID").Dropped(3), ui.Left("STATUS"), ui.Left("AMOUNT"), ui.Left("PHONE").Dropped(1),
		ui.Flexible("REFERENCE"), ui.Left("RECEIPT").Dropped(4), ui.Left("CREATED").Dropped(2),
	}
}

// Cells are a deposit's columns in a list. A conflict or a doubt is marked with "!".
func (v Deposit) Cells() []ui.Span {
	status := StatusSpan(v.Status)
	if v.Conflict != nil || len(v.Doubts) > 0 {
		status = ui.Bad(v.Status + " !")
	}
	return []ui.Span{
		ui.Plain(payment.Or(v.ID, "-")), status, ui.Plain(v.money()), ui.Plain(payment.Or(v.Phone, "-")),
		ui.Plain(payment.Or(v.Reference, "-")), ui.Plain(payment.Or(v.Receipt, "-")), ui.When(v.CreatedAt),
	}
}

func (f Failure) text() string {
	if f.Code == nil {
		return payment.Or(f.Reason, "")
	}
	return payment.Or(f.Reason, "") + " (" + *f.Code + ")"
}

// StatusSpan is a deposit's status in its colour.
func StatusSpan(status string) ui.Span {
	switch payment.Status(status) {
	case payment.StatusCompleted:
		return ui.OK(status)
	case payment.StatusFailed:
		return ui.Bad(status)
	case payment.StatusUnknown:
		return ui.Warn(status)
	case payment.StatusCreated, payment.StatusPending:
	}
	return ui.Plain(status)
}

// DecidedBy folds the finer sources into the contract's.
func DecidedBy(s payment.Source) string {
	switch s {
	case payment.SourceCallback, payment.SourceStream, payment.SourcePoll, payment.SourceQuery, payment.SourceOperator:
		return string(s)
	case payment.SourceTransaction, payment.SourceAnswer:
		return string(payment.SourceQuery)
	case payment.SourceHint: // decides nothing
	}
	return ""
}

// amountOrNull is a deposit's amount; one that was asked for elsewhere may have none
// that is known here.
func amountOrNull(a payment.Amount) *string {
	if a.Minor() == 0 {
		return nil
	}
	return payment.OrNull(a.String())
}
