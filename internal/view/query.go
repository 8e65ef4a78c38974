package view

import (
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/store"
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
	return []ui.Column{ui.Left("ID"), ui.Left("KIND"), ui.Left("QUERY"), ui.Left("ABOUT"), ui.Left("STATUS"), ui.Left("RESULT"), ui.Left("CREATED")}
}

// NewQuery returns the view of a query and its result.
func NewQuery(r inquiry.Result, showPhone bool) Query {
	q := r.Query
	v := Query{
		ID: q.ID, Kind: q.Kind, Provider: string(q.Provider), Environment: string(q.Environment), QueryStatus: string(q.Status),
		Asked: inquiry.AskedOf(q), DepositID: textOrNull(q.DepositID),
		ConversationID: textOrNull(q.ConversationID), OriginatorConversationID: textOrNull(q.OriginatorConversationID),
		Code: textOrNull(q.Code), Message: textOrNull(phones(q.Message, showPhone)), DeliveryID: textOrNull(q.DeliveryID),
		Balances: []Account{}, Notes: append([]string{}, r.Notes...),
		CreatedAt: utc(q.CreatedAt), UpdatedAt: utc(q.UpdatedAt), AnsweredAt: utcOrNull(q.AnsweredAt),
	}
	for _, text := range []**string{&v.Asked.Party, &v.Asked.Remarks, &v.Asked.Occasion} {
		if *text != nil {
			*text = textOrNull(phones(**text, showPhone))
		}
	}
	if r.Answer == nil {
		return v
	}
	a := r.Answer
	v.ResultCode, v.ResultDesc = textOrNull(a.ResultCode), textOrNull(phones(a.ResultDesc, showPhone))
	v.TransactionStatus, v.Receipt, v.TransactionID = textOrNull(a.TransactionStatus), textOrNull(a.Receipt), textOrNull(a.TransactionID)
	v.DebitParty, v.CreditParty = textOrNull(phones(a.DebitParty, showPhone)), textOrNull(phones(a.CreditParty, showPhone))
	v.DebitAccountType, v.Charges = textOrNull(a.DebitAccountType), textOrNull(a.Charges)
	v.Reason, v.ReasonType = textOrNull(phones(a.Reason, showPhone)), textOrNull(a.ReasonType)
	v.InitiatedAt, v.FinalisedAt = utcOrNull(a.InitiatedAt), utcOrNull(a.FinalisedAt)
	if a.Amount.HasValue() {
		v.Amount, v.Currency = textOrNull(a.Amount.String()), textOrNull(string(a.Amount.Currency()))
	}
	for _, b := range a.Balances {
		v.Balances = append(v.Balances, Account{Account: b.Name, Currency: textOrNull(string(b.Currency)), Figures: b.Figures})
	}
	return v
}

// Text writes a query and its result for people.
func (v Query) Text(t *ui.Text) {
	amount := textOr(v.Amount, "")
	if v.Currency != nil {
		amount += " " + *v.Currency
	}
	result := textOr(v.ResultDesc, "")
	if v.ResultCode != nil {
		result += " (" + *v.ResultCode + ")"
	}
	t.Fields(
		ui.KV("query", ui.Bold(v.ID), ui.Dim(" "+v.Kind)),
		ui.KV("query status", queryStatusSpan(v.QueryStatus)),
		ui.KV("asked about", ui.Plain(v.about())),
		ui.KV("result", ui.Plain(result)),
		ui.KV("status", transactionSpan(textOr(v.TransactionStatus, ""))),
		ui.KV("amount", ui.Plain(amount)),
		ui.KV("receipt", ui.Plain(textOr(v.Receipt, ""))),
		ui.KV("from", ui.Plain(textOr(v.DebitParty, ""))),
		ui.KV("to", ui.Plain(textOr(v.CreditParty, ""))),
		ui.KV("initiated", ui.Plain(textOr(v.InitiatedAt, ""))),
		ui.KV("finalised", ui.Plain(textOr(v.FinalisedAt, ""))),
		ui.KV("charges", ui.Plain(textOr(v.Charges, ""))),
		ui.KV("reason", ui.Plain(textOr(v.Reason, ""))),
		ui.KV("type", ui.Plain(textOr(v.ReasonType, ""))),
		ui.KV("deposit", ui.Plain(textOr(v.DepositID, ""))),
		ui.KV("delivery", ui.Dim(textOr(v.DeliveryID, ""))),
	)
	if len(v.Balances) > 0 {
		rows := make([][]ui.Span, len(v.Balances))
		for i, b := range v.Balances {
			rows[i] = []ui.Span{ui.Plain(b.Account), ui.Plain(textOr(b.Currency, "-"))}
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
		ui.Plain(v.ID), ui.Plain(v.Kind), queryStatusSpan(v.QueryStatus), ui.Plain(v.about()), transactionSpan(textOr(v.TransactionStatus, "-")),
		ui.Plain(textOr(v.ResultCode, "-")), ui.Plain(v.CreatedAt),
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
