package daraja

import (
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// resultMore is the ResultType of a message after which more come.
const resultMore = "1"

// more tells that the result is not complete (§6.3 quirk 5).
func (r *TransactionResult) more() bool { return r.ResultType == resultMore }

// Claim is what the result says of the payment asked about: COMPLETED or FAILED
// where a transaction status query was carried out to its end and
// TransactionStatus is a documented final one, else "". A failed query moves
// nothing (§6.3).
func (r *TransactionResult) Claim() payment.Status {
	if r.API != APITransaction || r.ResultCode != "0" || r.more() || r.repeats("transactionstatus") || r.repeats("status") {
		return ""
	}
	switch r.TransactionStatus {
	case "Completed":
		return payment.StatusCompleted
	case "Cancelled", "Declined", "Expired", "Failed":
		return payment.StatusFailed
	}
	return ""
}

func inspectResult(r TransactionResult, body []byte) payment.Inspection {
	if r.ResultCode == "" {
		return malformed("the result has no ResultCode")
	}
	e := payment.Event{
		Name: eventName(r.API), ConversationID: r.ConversationID, OriginatorConversationID: r.OriginatorConversationID,
		Receipt: r.Receipt, Amount: r.Amount, OccurredAt: r.FinalisedAt, Status: r.Claim(), More: r.more(), Notes: r.Notes,
	}
	if e.Status == payment.StatusFailed {
		e.Failure = &payment.Failure{Code: r.TransactionStatus, Reason: payment.Line(r.Reason, maxText), Advice: "M-PESA itself says that this transaction is " + strings.ToLower(r.TransactionStatus)}
	}
	if r.API == APIReversal && !r.more() {
		e.Reversed = reversed(r.ResultCode)
	}
	if found, known := resultClass(apiOr(r.API, APITransaction), r.ResultCode, r.ResultDesc); r.ResultCode != "0" {
		note := "result code " + clip(r.ResultCode) + " says nothing about the payment"
		if known {
			note += ": " + found.meaning
		}
		e.Notes = append(e.Notes, note)
	}
	e.Key = e.Name + "/" + bodyKey(body)
	if r.ConversationID != "" {
		e.Key = joinKey(e.Name, r.ConversationID, r.ResultCode, r.TransactionStatus, r.Receipt, r.Amount.String())
	}
	if e.More {
		// What comes last may say the same, and is no repetition of this.
		e.Key += "/more"
		e.Notes = append(e.Notes, "ResultType 1: more messages follow, this one decides nothing")
	}
	return unsigned(e)
}

// codeReversed is the result of a reversal that was carried out before (§10.2).
const codeReversed = "R000001"

// reversed is what the result code of a reversal says of it.
func reversed(code string) payment.Status {
	if code == "0" || code == codeReversed {
		return payment.StatusCompleted
	}
	if found, known := Explain(string(APIReversal), code, ""); known && found.Final && found.Class != ClassDone {
		return payment.StatusFailed
	}
	return ""
}

func apiOr(api, otherwise API) API {
	if api == "" {
		return otherwise
	}
	return api
}

func eventName(api API) string {
	switch api {
	case APITransaction:
		return EventTransaction
	case APIBalance:
		return EventBalance
	case APIReversal:
		return EventReversal
	case APIB2C:
		return EventB2C
	case APIB2B:
		return EventB2B
	default:
		return EventUnknownEnvelope
	}
}
