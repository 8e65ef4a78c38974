package daraja

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// inspectC2B reads a validation or confirmation, which have the same flat keys
// (reference/daraja.md §10.1). Where no route is known, an empty
// OrgAccountBalance is what tells a validation.
func inspectC2B(n node, route string) payment.Inspection {
	e := payment.Event{
		Name:       EventC2BConfirmation,
		Receipt:    n.get("transid").scalar(),
		Reference:  payment.Line(n.get("billrefnumber").scalar(), maxText),
		ShortCode:  n.get("businessshortcode").scalar(),
		Phone:      cut(n.get("msisdn").scalar()),
		OccurredAt: wireTime(n.get("transtime").scalar()),
	}
	switch {
	case route == routeC2BConfirmation:
	case route == routeC2BValidation, n.get("orgaccountbalance").scalar() == "":
		e.Name = EventC2BValidation
	}
	amount, err := payment.ParseWireAmount(n.get("transamount").scalar(), payment.KES)
	if err != nil {
		e.Notes = append(e.Notes, "the amount cannot be read")
	}
	e.Amount = amount
	if !isReceipt(e.Receipt) {
		e.Notes = append(e.Notes, "TransID is not 10 capital letters and digits")
	}
	e.Key = joinKey(e.Name, e.Receipt, amount.String())
	return unsigned(e)
}

// The codes that reject a C2B payment; each chooses the SMS that the customer
// gets (§10.1).
const (
	RejectMSISDN    = "C2B00011"
	RejectAccount   = "C2B00012"
	RejectAmount    = "C2B00013"
	RejectKYC       = "C2B00014"
	RejectShortCode = "C2B00015"
	RejectOther     = "C2B00016"
)

// ValidationRule decides C2B validation requests. The zero rule accepts all.
type ValidationRule struct {
	// Min and Max bound the amount; a zero Amount does not.
	Min, Max payment.Amount
	// Reference must match BillRefNumber wholly; nil accepts any.
	Reference *regexp.Regexp
	// ReferenceReject is the code for a reference that does not match;
	// "" is RejectAccount.
	ReferenceReject string
}

// Decide returns "" to accept the payment of a c2b.validation event, or the
// code to reject it with. A nil event, which could not be read, is accepted
// only by a rule that asks for nothing.
func (r ValidationRule) Decide(e *payment.Event) string {
	bounded := r.Min.HasValue() || r.Max.HasValue()
	switch {
	case e == nil && (bounded || r.Reference != nil):
		return RejectOther
	case e == nil:
		return ""
	case bounded && !e.Amount.HasValue(),
		r.Min.HasValue() && e.Amount.Minor() < r.Min.Minor(),
		r.Max.HasValue() && e.Amount.Minor() > r.Max.Minor():
		return RejectAmount
	case r.Reference != nil && !matchesWhole(r.Reference, strings.TrimSpace(e.Reference)):
		if r.ReferenceReject == "" {
			return RejectAccount
		}
		return r.ReferenceReject
	}
	return ""
}

// matchesWhole reports whether the expression matches all of the text, anchored
// or not: "INV-[0-9]+" must not let "INV-1 and more" pass.
func matchesWhole(expression *regexp.Regexp, text string) bool {
	whole, err := regexp.Compile(`\A(?:` + expression.String() + `)\z`)
	return err == nil && whole.MatchString(text)
}

// Acknowledge answers in Daraja's dialect: 200 for whatever is stored, even
// malformed, because Daraja never sends twice (§4.3); 503 only where nothing
// could be kept; 413 for a body over the cap. A C2B validation gets the rule's
// decision (§10.1).
func (r Receiver) Acknowledge(d payment.Delivery, i payment.Inspection, what payment.Disposition) payment.Reply {
	switch what {
	case payment.TooLarge:
		return jsonReply(http.StatusRequestEntityTooLarge, `{"ResultCode":1,"ResultDesc":"Request too large"}`)
	case payment.NotStored:
		return jsonReply(http.StatusServiceUnavailable, `{"ResultCode":1,"ResultDesc":"Not stored"}`)
	case payment.Stored:
	}
	switch strings.TrimRight(d.Route, "/") {
	case routeC2BValidation:
		if code := r.Rule.Decide(i.Event); code != "" {
			return jsonReply(http.StatusOK, `{"ResultCode":"`+code+`","ResultDesc":"Rejected"}`)
		}
		return jsonReply(http.StatusOK, `{"ResultCode":"0","ResultDesc":"Accepted"}`)
	case routeC2BConfirmation:
		return jsonReply(http.StatusOK, `{"ResultCode":0,"ResultDesc":"Success"}`)
	}
	return jsonReply(http.StatusOK, `{"ResultCode":0,"ResultDesc":"Accepted"}`)
}

func jsonReply(status int, body string) payment.Reply {
	return payment.Reply{Status: status, ContentType: "application/json", Body: []byte(body)}
}
