package inquiry

import (
	"strings"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// maxText is how much of a provider's text goes into a message, in bytes.
const maxText = 200

// The final words of TransactionStatus (reference/daraja.md §6.3).
const (
	Completed = "Completed"
	Cancelled = "Cancelled"
	Declined  = "Declined"
	Expired   = "Expired"
	// Failed and Reversed are claimed by some sources only.
	Failed   = "Failed"
	Reversed = "Reversed"
)

// verdict is the error that the end of a query means, by its kind what a script may
// conclude. A query that failed says nothing about the payment (reference/daraja.md §6.3).
func (i *Inquirer) verdict(result Result) error {
	q, r := result.Query, result.Answer
	name := Name(q)
	switch {
	case q.Status == store.QueryRefused:
		return &payment.Error{
			Kind: payment.KindUsage, Provider: payment.Daraja, ProviderCode: q.Code, Message: name + ": was refused: " + payment.Cut(payment.Escape(i.mask(q.Message)), maxText),
			Hint: "ask again with " + i.again(q),
		}
	case q.Status == store.QueryTimedOut:
		return &payment.Error{
			Kind: payment.KindPending, Provider: payment.Daraja, Retryable: q.Kind != KindReversal,
			Message: name + ": expired in M-PESA's queue without an answer, which says nothing about the payment",
			Hint:    "ask again with " + i.again(q),
		}
	case q.Status != store.QueryAnswered:
		return &payment.Error{Kind: payment.KindPending, Provider: payment.Daraja, Message: name + ": no result yet", Hint: resumeHint(q)}
	case r == nil:
		return payment.NotFound(name+": its result is no longer in the ledger", "ask again with "+i.again(q))
	case r.ResultCode != "0":
		return failedQuery(name, q.Kind, r)
	case !asksStatus(q.Kind):
		return nil
	}
	differs := result.Differs
	if differs == "" && result.Deposit != nil {
		differs = payment.MaskDigits(result.Deposit.Conflict.Reason)
	}
	if differs != "" {
		return i.conflict(result, differs)
	}
	switch r.TransactionStatus {
	case Completed:
		return nil
	case Reversed:
		return &payment.Error{
			Kind: payment.KindDeclined, Provider: payment.Daraja, ProviderCode: r.TransactionStatus,
			Message: name + ": M-PESA says that this transaction was reversed", Hint: "it is final: the money went back",
		}
	case Cancelled, Declined, Expired, Failed:
		return &payment.Error{
			Kind: payment.KindDeclined, Provider: payment.Daraja, ProviderCode: r.TransactionStatus,
			Message: name + ": M-PESA says that this transaction is " + r.TransactionStatus, Hint: "it is final: no money moved",
		}
	}
	said := "M-PESA did not say how it stands"
	if r.TransactionStatus != "" {
		said = "M-PESA says " + payment.Line(r.TransactionStatus, maxText) + ", which is not one of the documented ends"
	}
	return &payment.Error{Kind: payment.KindPending, Provider: payment.Daraja, Message: name + ": " + said, Hint: "ask again later with " + i.again(q)}
}

// conflict is the error of a result that contradicts the question or the ledger.
func (i *Inquirer) conflict(r Result, differs string) error {
	e := &payment.Error{
		Kind: payment.KindConflict, Provider: payment.Daraja, ProviderCode: r.Answer.TransactionStatus, Message: Name(r.Query) + ": " + differs,
		Hint: "see the evidence with \"payctl webhook show " + r.Query.DeliveryID + "\"",
	}
	if r.Deposit != nil {
		e.Message += "; deposit " + r.Deposit.ID + " is " + string(r.Deposit.Status)
	}
	return e
}

// failedQuery is the error of a result other than 0: the question was not carried out.
func failedQuery(name, kind string, r *daraja.TransactionResult) error {
	e := &payment.Error{
		Kind: payment.KindPending, Provider: payment.Daraja, ProviderCode: r.ResultCode,
		Message: name + ": was not carried out: " + payment.Line(r.ResultDesc, 200) + " (" + r.ResultCode + ")",
		Hint:    "see \"payctl explain daraja " + r.ResultCode + " --api " + string(apiOf(kind)) + "\"; it says nothing about the payment",
	}
	found, known := daraja.Explain(string(apiOf(kind)), r.ResultCode, "")
	switch {
	case found.Class == daraja.ClassUnknown && saysMissing(r.ResultDesc):
		e.Kind = payment.KindNotFound
	case !known:
		return e
	default:
		e.Kind = found.Kind
		e.Retryable = e.Kind == payment.KindUnavailable && kind != KindReversal
	}
	if known {
		e.Hint = found.Meaning + "; try again: " + found.Retry + "; next: " + found.Next
	}
	return e
}

// saysMissing reports whether the words say that M-PESA has no such transaction, under a
// code that the catalogue does not give that meaning (reference/daraja.md §6.4).
func saysMissing(desc string) bool {
	lower := strings.ToLower(desc)
	return strings.Contains(lower, "not exist") || strings.Contains(lower, "not found")
}

func apiOf(kind string) daraja.API {
	switch kind {
	case KindBalance:
		return daraja.APIBalance
	case KindReversal:
		return daraja.APIReversal
	}
	return daraja.APITransaction
}

// again is the command that asks the same question once more.
func (i *Inquirer) again(q store.Query) string {
	asked := AskedOf(q)
	args := []string{"payctl", "transaction", "status"}
	add := func(flag string, value *string) {
		if value != nil {
			args = append(args, flag, i.mask(*value))
		}
	}
	switch q.Kind {
	case KindBalance:
		return "\"payctl daraja balance\""
	case KindReversal:
		// A reversal moves money: what is asked again is how it stands.
		add("--receipt", asked.Receipt)
		return "\"" + payment.CommandLine(args...) + "\" before reversing again"
	}
	add("--receipt", asked.Receipt)
	add("--conversation-id", asked.OriginalConversationID)
	add("--party", asked.Party)
	add("--identifier-type", asked.IdentifierType)
	return "\"" + payment.CommandLine(args...) + "\""
}
