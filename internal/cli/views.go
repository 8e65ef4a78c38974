package cli

import (
	"reflect"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// depositView is a deposit as scripts and people see it; its keys are the contract.
type depositView struct {
	// ID is nil for a deposit that was not recorded.
	ID                *string      `json:"id"`
	Provider          string       `json:"provider"`
	Environment       string       `json:"environment"`
	Reference         *string      `json:"reference"`
	IdempotencyKey    *string      `json:"idempotency_key"`
	Status            string       `json:"status"`
	Amount            *string      `json:"amount"`
	Currency          string       `json:"currency"`
	Phone             *string      `json:"phone"`
	ProviderID        *string      `json:"provider_id"`
	MerchantRequestID *string      `json:"merchant_request_id"`
	Receipt           *string      `json:"receipt"`
	Failure           *failureView `json:"failure"`
	DecidedBy         *string      `json:"decided_by"`
	CreatedAt         string       `json:"created_at"`
	UpdatedAt         string       `json:"updated_at"`
	ExpiresAt         *string      `json:"expires_at"`

	conflict string
	masked   string
}

// failureView is why a deposit failed. WasaaPay gives no codes.
type failureView struct {
	Code   *string `json:"code"`
	Reason *string `json:"reason"`
	Advice *string `json:"advice"`
}

func newFailureView(f *payment.Failure) *failureView {
	if f == nil {
		return nil
	}
	return &failureView{Code: orNull(f.Code), Reason: orNull(f.Reason), Advice: orNull(f.Advice)}
}

func (a *app) depositView(d payment.Deposit) depositView {
	phone := d.Phone.String()
	if a.global.showPhone {
		phone = d.Phone.MSISDN()
	}
	masked := d.ProviderID
	if !a.global.showPhone {
		masked = payment.MaskDigits(masked)
	}
	return depositView{
		ID: orNull(d.ID), Provider: string(d.Provider), Environment: string(d.Environment),
		Reference: orNull(d.Reference), IdempotencyKey: orNull(d.IdempotencyKey),
		Status: string(d.Status), Amount: amountOrNull(d.Amount), Currency: string(d.Amount.Currency()),
		Phone: orNull(phone), ProviderID: orNull(d.ProviderID), MerchantRequestID: orNull(d.MerchantRequestID),
		Receipt: orNull(d.Receipt), Failure: newFailureView(d.Failure), DecidedBy: orNull(decidedBy(d.DecidedBy)),
		CreatedAt: rfc3339(d.CreatedAt), UpdatedAt: rfc3339(d.UpdatedAt), ExpiresAt: timeOrNull(d.ExpiresAt),
		conflict: d.Conflict, masked: masked,
	}
}

// Text writes a deposit for people.
func (v depositView) Text(t *ui.Text) {
	receipt, reason, advice := or(v.Receipt, ""), "", ""
	if receipt == "" && v.Status == string(payment.StatusCompleted) {
		receipt = "pending: only the callback carries it"
	}
	if v.Failure != nil {
		reason, advice = v.Failure.text(), or(v.Failure.Advice, "")
	}
	t.Fields(
		ui.KV("deposit", ui.Bold(or(v.ID, ""))),
		ui.KV("status", statusSpan(v.Status)),
		ui.KV("amount", ui.Plain(v.money())),
		ui.KV("phone", ui.Plain(or(v.Phone, ""))),
		ui.KV("reference", ui.Plain(or(v.Reference, ""))),
		ui.KV("provider", ui.Plain(v.Provider+" ("+v.Environment+")")),
		ui.KV("provider id", ui.Plain(v.masked)),
		ui.KV("receipt", ui.Plain(receipt)),
		ui.KV("reason", ui.Plain(reason)),
		ui.KV("advice", ui.Plain(advice)),
		ui.KV("decided by", ui.Plain(or(v.DecidedBy, ""))),
		ui.KV("conflict", ui.Bad(v.conflict)),
		ui.KV("created", ui.Plain(v.CreatedAt)),
	)
}

// readsAs tells whether Text writes the same of both.
func (v depositView) readsAs(other depositView) bool {
	v.UpdatedAt = other.UpdatedAt // which it leaves out
	return reflect.DeepEqual(v, other)
}

// money is the amount with its currency.
func (v depositView) money() string {
	if v.Amount == nil {
		return "unknown"
	}
	return *v.Amount + " " + v.Currency
}

// amountOrNull is a deposit's amount; one that was asked for elsewhere has none
// that is known here.
func amountOrNull(a payment.Amount) *string {
	if a.Minor() == 0 {
		return nil
	}
	text := a.String()
	return &text
}

// Cells are a deposit's columns in a list.
func (v depositView) Cells() []ui.Span {
	return []ui.Span{
		ui.Plain(or(v.ID, "-")), statusSpan(v.Status), ui.Plain(v.money()), ui.Plain(or(v.Phone, "-")),
		ui.Plain(or(v.Reference, "-")), ui.Plain(or(v.Receipt, "-")), ui.Plain(v.CreatedAt),
	}
}

func (f failureView) text() string {
	if f.Code == nil {
		return or(f.Reason, "")
	}
	return or(f.Reason, "") + " (" + *f.Code + ")"
}

func statusSpan(status string) ui.Span {
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

// decidedBy folds the finer sources into the contract's four.
func decidedBy(s payment.Source) string {
	switch s {
	case payment.SourceCallback, payment.SourceStream, payment.SourcePoll, payment.SourceQuery:
		return string(s)
	case payment.SourceTransaction, payment.SourceAnswer:
		return string(payment.SourceQuery)
	}
	return ""
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func or(s *string, otherwise string) string {
	if s == nil {
		return otherwise
	}
	return *s
}

func rfc3339(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func timeOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := rfc3339(t)
	return &s
}
