package cli

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

func newTransaction(a *app) *cobra.Command {
	return group("transaction", "Ask M-PESA what became of a transaction",
		`Sends Daraja's Transaction Status query and waits for the result, which comes by
callback. Every query is kept in the ledger, beside those of "payctl daraja balance"
and "payctl daraja reversal": "list" and "get" read them.`,
		newTransactionStatus(a), newTransactionList(a), newTransactionGet(a))
}

// The kinds of query that the ledger holds.
const (
	kindTransaction = "transaction_status"
	kindBalance     = "balance"
	kindReversal    = "reversal"
)

// asked is what a query asks, as the ledger keeps it: enough to show it and to
// ask again, and no secret.
type asked struct {
	Receipt                *string `json:"receipt"`
	OriginalConversationID *string `json:"original_conversation_id"`
	Party                  *string `json:"party"`
	IdentifierType         *string `json:"identifier_type"`
	Amount                 *string `json:"amount"`
	Remarks                *string `json:"remarks"`
	Occasion               *string `json:"occasion"`
}

// transactionView is a query with its result, if that came; its keys are the
// contract.
type transactionView struct {
	ID                       string        `json:"id"`
	Kind                     string        `json:"kind"`
	Provider                 string        `json:"provider"`
	Environment              string        `json:"environment"`
	QueryStatus              string        `json:"query_status"`
	Asked                    asked         `json:"asked"`
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
	Balances                 []accountView `json:"balances"`
	Notes                    []string      `json:"notes"`
	DeliveryID               *string       `json:"delivery_id"`
	CreatedAt                string        `json:"created_at"`
	UpdatedAt                string        `json:"updated_at"`
	AnsweredAt               *string       `json:"answered_at"`
}

// accountView is one account of a balance; the documents do not name the
// figures (reference/daraja.md §10.2).
type accountView struct {
	Account  string   `json:"account"`
	Currency *string  `json:"currency"`
	Figures  []string `json:"figures"`
}

// transactionView shows a query alone; answered adds its result.
func (a *app) transactionView(q store.Query) transactionView {
	v := transactionView{
		ID: q.ID, Kind: q.Kind, Provider: string(q.Provider), Environment: string(q.Environment), QueryStatus: string(q.Status),
		DepositID: orNull(q.DepositID), ConversationID: orNull(q.ConversationID), OriginatorConversationID: orNull(q.OriginatorConversationID),
		Code: orNull(q.Code), Message: orNull(a.phoneText(q.Message)), DeliveryID: orNull(q.DeliveryID), Balances: []accountView{}, Notes: []string{},
		CreatedAt: rfc3339(q.CreatedAt), UpdatedAt: rfc3339(q.UpdatedAt), AnsweredAt: timeOrNull(q.AnsweredAt),
	}
	v.Asked = askedOf(q)
	if v.Asked.Party != nil {
		party := a.phoneText(*v.Asked.Party)
		v.Asked.Party = &party
	}
	return v
}

// askedOf reads what a query asked; an unreadable one asked nothing.
func askedOf(q store.Query) asked {
	var out asked
	if json.Unmarshal(q.Request, &out) != nil {
		return asked{}
	}
	return out
}

func (a *app) answered(v transactionView, r daraja.TransactionResult) transactionView {
	v.ResultCode, v.ResultDesc = orNull(r.ResultCode), orNull(a.phoneText(r.ResultDesc))
	v.TransactionStatus, v.Receipt, v.TransactionID = orNull(r.TransactionStatus), orNull(r.Receipt), orNull(r.TransactionID)
	v.DebitParty, v.CreditParty = orNull(a.phoneText(r.DebitParty)), orNull(a.phoneText(r.CreditParty))
	v.DebitAccountType, v.Charges = orNull(r.DebitAccountType), orNull(r.Charges)
	v.Reason, v.ReasonType = orNull(a.phoneText(r.Reason)), orNull(r.ReasonType)
	v.InitiatedAt, v.FinalisedAt = timeOrNull(r.InitiatedAt), timeOrNull(r.FinalisedAt)
	if r.Amount.HasValue() {
		v.Amount, v.Currency = orNull(r.Amount.String()), orNull(string(r.Amount.Currency()))
	}
	for _, b := range r.Balances {
		v.Balances = append(v.Balances, accountView{Account: b.Name, Currency: orNull(string(b.Currency)), Figures: b.Figures})
	}
	v.Notes = append(v.Notes, r.Notes...)
	return v
}

// Text writes a query and its result for people.
func (v transactionView) Text(t *ui.Text) {
	amount := or(v.Amount, "")
	if v.Currency != nil {
		amount += " " + *v.Currency
	}
	result := or(v.ResultDesc, "")
	if v.ResultCode != nil {
		result += " (" + *v.ResultCode + ")"
	}
	t.Fields(
		ui.KV("query", ui.Bold(v.ID), ui.Dim(" "+v.Kind)),
		ui.KV("query status", queryStatusSpan(v.QueryStatus)),
		ui.KV("asked about", ui.Plain(v.about())),
		ui.KV("result", ui.Plain(result)),
		ui.KV("status", transactionSpan(or(v.TransactionStatus, ""))),
		ui.KV("amount", ui.Plain(amount)),
		ui.KV("receipt", ui.Plain(or(v.Receipt, ""))),
		ui.KV("from", ui.Plain(or(v.DebitParty, ""))),
		ui.KV("to", ui.Plain(or(v.CreditParty, ""))),
		ui.KV("initiated", ui.Plain(or(v.InitiatedAt, ""))),
		ui.KV("finalised", ui.Plain(or(v.FinalisedAt, ""))),
		ui.KV("charges", ui.Plain(or(v.Charges, ""))),
		ui.KV("reason", ui.Plain(or(v.Reason, ""))),
		ui.KV("type", ui.Plain(or(v.ReasonType, ""))),
		ui.KV("deposit", ui.Plain(or(v.DepositID, ""))),
		ui.KV("delivery", ui.Dim(or(v.DeliveryID, ""))),
	)
	if len(v.Balances) > 0 {
		rows := make([][]ui.Span, len(v.Balances))
		for i, b := range v.Balances {
			rows[i] = []ui.Span{ui.Plain(b.Account), ui.Plain(or(b.Currency, "-"))}
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
func (v transactionView) about() string {
	for _, id := range []*string{v.Asked.Receipt, v.Asked.OriginalConversationID, v.Asked.Party} {
		if id != nil {
			return *id
		}
	}
	return ""
}

// Cells are a query's columns in a list.
func (v transactionView) Cells() []ui.Span {
	return []ui.Span{
		ui.Plain(v.ID), ui.Plain(v.Kind), queryStatusSpan(v.QueryStatus), ui.Plain(v.about()), transactionSpan(or(v.TransactionStatus, "-")),
		ui.Plain(or(v.ResultCode, "-")), ui.Plain(v.CreatedAt),
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

// The final words of TransactionStatus (reference/daraja.md §6.3).
const (
	wireCompleted = "Completed"
	wireCancelled = "Cancelled"
	wireDeclined  = "Declined"
	wireExpired   = "Expired"
)

func transactionSpan(status string) ui.Span {
	switch status {
	case wireCompleted:
		return ui.OK(status)
	case wireCancelled, wireDeclined, wireExpired:
		return ui.Bad(status)
	}
	return ui.Plain(status)
}

// withResult shows a query with the result that the ledger holds of it. The
// result is nil where there is none, or where its delivery was pruned.
func (a *app) withResult(ctx context.Context, ledger *store.Store, q store.Query) (transactionView, *daraja.TransactionResult, error) {
	v := a.transactionView(q)
	if q.Status != store.QueryAnswered || q.DeliveryID == "" {
		return v, nil, nil
	}
	d, err := ledger.Deliveries.Get(ctx, q.DeliveryID)
	if payment.KindOf(err) == payment.KindNotFound && err != nil {
		v.Notes = append(v.Notes, "the result's delivery is no longer in the ledger")
		return v, nil, nil //nolint:nilerr // the note says it
	}
	if err != nil {
		return v, nil, err
	}
	r, err := daraja.ParseResult(d.Body)
	if err != nil {
		return v, nil, err
	}
	v = a.answered(v, r)
	if q.Kind == kindTransaction && q.Receipt != "" && r.Receipt != "" && !strings.EqualFold(q.Receipt, r.Receipt) {
		v.Notes = append(v.Notes, "the result is about receipt "+payment.MaskDigits(r.Receipt)+", not about the one that was asked for")
	}
	// What the adapter itself says of every such delivery is no news.
	if d.Reason != "" && d.Reason != (daraja.Receiver{}).Inspect(d.Delivery).Reason {
		v.Notes = append(v.Notes, d.Reason)
	}
	return v, &r, nil
}
