// Package inquiry asks Daraja the questions whose answer comes by callback: transaction
// status, balance and reversal. It records a question before it is sent, sends it once,
// sees to it that the result reaches the ledger, waits for it and says what it means. It
// leaves flags, confirmation by a person and what is shown to its caller.
package inquiry

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// Timeout bounds asking and waiting where the operator says nothing: results come within
// seconds, and what expired in the queue never does.
const Timeout = 60 * time.Second

// The kinds of query that the ledger holds.
const (
	KindTransaction = "transaction_status"
	KindBalance     = "balance"
	KindReversal    = "reversal"
	// KindCheck is transaction status asked to compare books: what it says moves no deposit
	// and enters nothing.
	KindCheck = "reconciliation"
)

// asksStatus reports whether a kind of query asks what became of a transaction.
func asksStatus(kind string) bool { return kind == KindTransaction || kind == KindCheck }

// Client sends the questions, each of them once. *daraja.Client is one.
type Client interface {
	QueryTransaction(ctx context.Context, q payment.TransactionQuery) (payment.Acceptance, error)
	AccountBalance(ctx context.Context, q daraja.BalanceQuery) (payment.Acceptance, error)
	Reversal(ctx context.Context, r daraja.ReversalRequest) (payment.Acceptance, error)
}

// Account is whose questions are asked.
type Account struct {
	Environment payment.Environment
	// Profile is named in messages.
	Profile         string
	ShortCode, Till string
	// CallbackURL is the public base URL of "payctl listen".
	CallbackURL string
}

// Inquirer asks questions of one account and keeps them in one ledger.
type Inquirer struct {
	Ledger  *store.Store
	Client  Client
	Account Account
	// Mailbox sees to it that results reach the ledger.
	Mailbox *Mailbox
	// Tell hears how it goes, in the order in which it happens; nil hears nothing.
	Tell func(Notice)
	// Mask hides phone numbers in what commands and messages repeat; nil hides all.
	Mask func(string) string
}

// Level says how a notice is meant.
type Level int

// The levels of a notice.
const (
	// Step is what is being done from now on.
	Step Level = iota
	// Note may be skipped.
	Note
	// Warning should be read.
	Warning
)

// Notice is something that a person may want to hear while a question is asked.
type Notice struct {
	Level Level
	Text  string
}

func (i *Inquirer) tell(level Level, text string) {
	if i.Tell != nil {
		i.Tell(Notice{level, text})
	}
}

func (i *Inquirer) mask(text string) string {
	if i.Mask == nil {
		return payment.MaskDigits(text)
	}
	return i.Mask(text)
}

// Asked is what a query asks, as the ledger keeps it: enough to show it and to ask
// again, and no secret. Its keys are the contract.
type Asked struct {
	Receipt                *string `json:"receipt"`
	OriginalConversationID *string `json:"original_conversation_id"`
	Party                  *string `json:"party"`
	IdentifierType         *string `json:"identifier_type"`
	Amount                 *string `json:"amount"`
	Remarks                *string `json:"remarks"`
	Occasion               *string `json:"occasion"`
}

// AskedOf reads what a query asked; an unreadable one asked nothing.
func AskedOf(q store.Query) Asked {
	var out Asked
	if json.Unmarshal(q.Request, &out) != nil {
		return Asked{}
	}
	return out
}

// Result is a query with what the ledger knows of its answer.
type Result struct {
	Query store.Query
	// Answer is nil where none came, or where its delivery was pruned.
	Answer *daraja.TransactionResult
	// Deposit is what was asked about, nil where the ledger has none.
	Deposit *payment.Deposit
	// Differs says how the answer is not one to the question, "" where it is.
	Differs string
	Notes   []string
}

// Name names a query in messages.
func Name(q store.Query) string { return strings.ReplaceAll(q.Kind, "_", " ") + " " + q.ID }

// Find finds one query by any of its identifiers, the newest of several; others is how
// many more carry the identifier. Blanks around it and a receipt's letter case do not
// matter. None is KindNotFound.
func Find(ctx context.Context, ledger *store.Store, id string) (_ store.Query, others int, err error) {
	id = strings.TrimSpace(id)
	found, err := ledger.Queries.Find(ctx, id)
	if err == nil && len(found) == 0 {
		found, err = ledger.Queries.Find(ctx, strings.ToUpper(id))
	}
	if err != nil {
		return store.Query{}, 0, err
	}
	if len(found) == 0 {
		return store.Query{}, 0, payment.NotFound("query "+payment.MaskDigits(id)+": not in the ledger",
			"list what is there with \"payctl transaction list\"; check --profile and --db")
	}
	for _, q := range found {
		if q.ID == id {
			return q, 0, nil
		}
	}
	return found[0], len(found) - 1, nil
}

// Read returns a query with the result that the ledger holds of it.
func Read(ctx context.Context, ledger *store.Store, q store.Query) (Result, error) {
	r := Result{Query: q}
	if q.Status != store.QueryAnswered || q.DeliveryID == "" {
		return r, nil
	}
	d, err := ledger.Deliveries.Get(ctx, q.DeliveryID)
	if payment.KindOf(err) == payment.KindNotFound && err != nil {
		r.Notes = append(r.Notes, "the result's delivery is no longer in the ledger")
		return r, nil //nolint:nilerr // the note says it
	}
	if err != nil {
		return r, err
	}
	answer, err := daraja.ParseResult(d.Body)
	if err != nil {
		return r, err
	}
	r.Answer = &answer
	r.Notes = append(r.Notes, answer.Notes...)
	if r.Differs = otherReceipt(q, answer); r.Differs != "" {
		r.Notes = append(r.Notes, r.Differs)
	}
	// What the adapter itself says of every such delivery is no news.
	if d.Reason != "" && d.Reason != (daraja.Receiver{}).Inspect(d.Delivery).Reason {
		r.Notes = append(r.Notes, d.Reason)
	}
	return r, nil
}

// ended is the result of a query that has come to its end, and what it means.
func (i *Inquirer) ended(ctx context.Context, q store.Query) (Result, error) {
	r, err := Read(ctx, i.Ledger, q)
	if err != nil {
		return Result{}, err
	}
	if r.Answer != nil && r.Differs == "" {
		if r.Differs = i.otherAccount(q, *r.Answer); r.Differs != "" {
			r.Notes = append(r.Notes, r.Differs)
		}
	}
	if q.DepositID == "" {
		return r, errors.Join(i.verdict(r), i.see(ctx, &r))
	}
	d, err := i.Ledger.Deposits.Get(ctx, q.DepositID)
	if err != nil {
		return Result{}, err
	}
	reason, err := i.dispute(ctx, r, d)
	if err == nil && reason != "" {
		d, _, err = i.Ledger.Deposits.Apply(ctx, d.ID, payment.Claim{Dispute: reason, By: payment.SourceTransaction, At: i.Mailbox.Now()})
	}
	if err != nil {
		return Result{}, err
	}
	r.Deposit = &d
	return r, i.verdict(r)
}

// see tells the deposits that a completed transaction fits of it, where the ledger knew of
// none that it was about.
func (i *Inquirer) see(ctx context.Context, r *Result) error {
	a := r.Answer
	if a == nil || r.Query.Kind != KindTransaction || a.ResultCode != "0" || a.TransactionStatus != Completed || r.Differs != "" {
		return nil
	}
	number, _, _ := strings.Cut(a.DebitParty, " ")
	hint := payment.Hint{Source: "transaction", Provider: payment.Daraja, Receipt: a.Receipt, Amount: a.Amount, Phone: number, At: a.InitiatedAt}
	if hint.At.IsZero() {
		hint.At = a.FinalisedAt
	}
	fits, err := i.Ledger.Deposits.See(ctx, i.Account.Environment, hint)
	for _, d := range fits {
		i.tell(Note, a.Receipt+" fits deposit "+d.ID+", which is "+string(d.Status)+"; \"payctl deposit resolve "+d.ID+"\" looks further")
	}
	return err
}
