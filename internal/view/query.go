package view

import (
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// Query is a query with its result, if that came; its keys are the contract.
type Query struct {
	ID                       string        `json:"id"`
	Kind                     string        `json:"kind"`
	Provider                 string        `json:"provider"`
	Environment              string        `json:"environment"`
	QueryStatus              string        `json:"query_status"`
	Asked                    inquiry.Asked `json:"asked"`
	DepositID                *string       `json:"deposit_id"`
	ConversationID           *string       `json:"conversation_id"`
	OriginatorConversationID *string       `json:"originator_conversation_id"`
	Code                     *string       `json:"code"`
	Message                  *string       `json:"message"`
	ResultCode               *string       `json:"result_code"`
	ResultDesc               *string       `json:"result_desc"`
	TransactionStatus        *string       `json:"transaction_status"`
	Amount                   *string       `json:"amount"`
	Currency                 *string       `json:"currency"`
	Receipt                  *string       `json:"receipt"`
	TransactionID            *string       `json:"transaction_id"`
	DebitParty               *string       `json:"debit_party"`
	CreditParty              *string       `json:"credit_party"`
	DebitAccountType         *string       `json:"debit_account_type"`
	InitiatedAt              *string       `json:"initiated_at"`
	FinalisedAt              *string       `json:"finalised_at"`
	Charges                  *string       `json:"charges"`
	Reason                   *string       `json:"reason"`
	ReasonType               *string       `json:"reason_type"`
	Balances                 []Account     `json:"balances"`
	Notes                    []string      `json:"notes"`
	DeliveryID               *string       `json:"delivery_id"`
	CreatedAt                string        `json:"created_at"`
	UpdatedAt                string        `json:"updated_at"`
	AnsweredAt               *string       `json:"answered_at"`
}

// Account is one account of a balance; the documents do not name the figures
// (reference/daraja.md §10.2).
type Account struct {
	Account  string   `json:"account"`
	Currency *string  `json:"currency"`
	Figures  []string `json:"figures"`
}

// QueryColumns head a list of queries.
func QueryColumns() []ui.Column {
	return []ui.Column{
		ui.Left("ID"), ui.Left("KIND").Dropped(1), ui.Left("QUERY").Dropped(3), ui.Flexible("ABOUT"), ui.Left("STATUS"), ui.Left("RESULT"), ui.Left("CREATED").Dropped(2),
	}
}

// NewQuery returns the view of a query and its result.
func NewQuery(r inquiry.Result, showPhone bool) Query {
	q := r.Query
	v := Query{
		ID: q.ID, Kind: q.Kind, Provider: string(q.Provider), Environment: string(q.Environment), QueryStatus: string(q.Status),
		Asked: inquiry.AskedOf(q), DepositID: payment.OrNull(q.DepositID),
		ConversationID: payment.OrNull(q.ConversationID), OriginatorConversationID: payment.OrNull(q.OriginatorConversationID),
		Code: payment.OrNull(q.Code), Message: payment.OrNull(phones(q.Message, showPhone)), DeliveryID: payment.OrNull(q.DeliveryID),
		Balances: []Account{}, Notes: append([]string{}, r.Notes...),
		CreatedAt: timing.RFC3339(q.CreatedAt), UpdatedAt: timing.RFC3339(q.UpdatedAt), AnsweredAt: timing.RFC3339OrNull(q.AnsweredAt),
	}
	for _, text := range []**string{&v.Asked.Party, &v.Asked.Remarks, &v.Asked.Occasion} {
		if *text != nil {
			*text = payment.OrNull(phones(**text, showPhone))
		}
	}
	if r.Answer == nil {
		return v
	}
	a := r.Answer
	v.ResultCode, v.ResultDesc = payment.OrNull(a.ResultCode), payment.OrNull(phones(a.ResultDesc, showPhone))
	v.TransactionStatus, v.Receipt, v.TransactionID = payment.OrNull(a.TransactionStatus), payment.OrNull(a.Receipt), payment.OrNull(a.TransactionID)
	v.DebitParty, v.CreditParty = payment.OrNull(phones(a.DebitParty, showPhone)), payment.OrNull(phones(a.CreditParty, showPhone))
	v.DebitAccountType, v.Charges = payment.OrNull(a.DebitAccountType), payment.OrNull(a.Charges)
	v.Reason, v.ReasonType = payment.OrNull(phones(a.Reason, showPhone)), payment.OrNull(a.ReasonType)
	v.InitiatedAt, v.FinalisedAt = timing.RFC3339OrNull(a.InitiatedAt), timing.RFC3339OrNull(a.FinalisedAt)
	if a.Amount.HasValue() {
		v.Amount, v.Currency = payment.OrNull(a.Amount.String()), payment.OrNull(string(a.Amount.Currency()))
	}
	for _, b := range a.Balances {
		v.Balances = append(v.Balances, Account{Account: b.Name, Currency: payment.OrNull(string(b.Currency)), Figures: b.Figures})
	}
	return v
}

// Text writes a query and its result for people.
func (v Query) Text(t *ui.Text) {
	amount := payment.Or(v.Amount, "")
	if v.Currency != nil {
		amount += " " + *v.Currency
	}
	result := payment.Or(v.ResultDesc, "")
	if v.ResultCode != nil {
		result += " (" + *v.ResultCode + ")"
	}
	t.Fields(
		ui.KV("query", ui.Bold(v.ID), ui.Dim(" "+v.Kind)),
		ui.KV("query status", queryStatusSpan(v.QueryStatus)),
		ui.KV("asked about", ui.Plain(v.about())),
		ui.KV("result", ui.Plain(result)),
		ui.KV("status", transactionSpan(payment.Or(v.TransactionStatus, ""))),
		ui.KV("amount", ui.Plain(amount)),
		ui.KV("receipt", ui.Plain(payment.Or(v.Receipt, ""))),
		ui.KV("from", ui.Plain(payment.Or(v.DebitParty, ""))),
		ui.KV("to", ui.Plain(payment.Or(v.CreditParty, ""))),
		ui.KV("initiated", ui.When(payment.Or(v.InitiatedAt, ""))),
		ui.KV("finalised", ui.When(payment.Or(v.FinalisedAt, ""))),
		ui.KV("charges", ui.Plain(payment.Or(v.Charges, ""))),
		ui.KV("reason", ui.Plain(payment.Or(v.Reason, ""))),
		ui.KV("type", ui.Plain(payment.Or(v.ReasonType, ""))),
		ui.KV("deposit", ui.Plain(payment.Or(v.DepositID, ""))),
		ui.KV("delivery", ui.Dim(payment.Or(v.DeliveryID, ""))),
	)
	if len(v.Balances) > 0 {
		rows := make([][]ui.Span, len(v.Balances))
		for i, b := range v.Balances {
			rows[i] = []ui.Span{ui.Plain(b.Account), ui.Plain(payment.Or(b.Currency, "-"))}
			for _, figure := range b.Figures {
				rows[i] = append(rows[i], ui.Plain(figure))
			}
		}
		t.Table([]ui.Column{ui.Left("ACCOUNT"), ui.Left(""), ui.Right(""), ui.Right(""), ui.Right(""), ui.Right("")}, rows)
	}
	for _, note := range v.Notes {
		t.Line(ui.Warn(note))
	}
}

// about says in a few words what was asked.
func (v Query) about() string {
	for _, id := range []*string{v.Asked.Receipt, v.Asked.OriginalConversationID, v.Asked.Party} {
		if id != nil {
			return *id
		}
	}
	return ""
}

// Cells are a query's columns in a list.
func (v Query) Cells() []ui.Span {
	return []ui.Span{
		ui.Plain(v.ID), ui.Plain(v.Kind), queryStatusSpan(v.QueryStatus), ui.Plain(v.about()), transactionSpan(payment.Or(v.TransactionStatus, "-")),
		ui.Plain(payment.Or(v.ResultCode, "-")), ui.When(v.CreatedAt),
	}
}

func queryStatusSpan(status string) ui.Span {
	switch store.QueryStatus(status) {
	case store.QueryAnswered:
		return ui.OK(status)
	case store.QueryRefused:
		return ui.Bad(status)
	case store.QueryTimedOut:
		return ui.Warn(status)
	case store.QueryCreated, store.QueryAccepted:
	}
	return ui.Plain(status)
}

func transactionSpan(status string) ui.Span {
	switch status {
	case inquiry.Completed:
		return ui.OK(status)
	case inquiry.Cancelled, inquiry.Declined, inquiry.Expired, inquiry.Failed, inquiry.Reversed:
		return ui.Bad(status)
	}
	return ui.Plain(status)
}
