package daraja

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/payctl/payctl/internal/packing"
	"github.com/payctl/payctl/internal/payment"
)

// The events that deliveries carry.
const (
	EventSTKCompleted    = "stk.completed"
	EventSTKFailed       = "stk.failed"
	EventSTKUnknown      = "stk.unknown"
	EventTransaction     = "transaction.result"
	EventTimeout         = "transaction.timeout"
	EventC2BValidation   = "c2b.validation"
	EventC2BConfirmation = "c2b.confirmation"
	EventB2C             = "b2c.result"
	EventB2B             = "b2b.result"
	EventBalance         = "balance.result"
	EventReversal        = "reversal.result"
	EventStandingOrder   = "ratiba.order"
	EventBillPayment     = "bill.payment"
	EventUnknownEnvelope = "result"
	routePrefix          = "/callbacks/daraja"
	routeTimeout         = routePrefix + "/timeout"
	routeC2BValidation   = routePrefix + "/c2b/validation"
	routeC2BConfirmation = routePrefix + "/c2b/confirmation"
	shortCodeHeader      = "Businessshortcode"
	reasonUnsigned       = "daraja signs nothing"
	reasonNotJSON        = "the body is not JSON"
	reasonNoShape        = "the body has none of the shapes that daraja sends"
	reasonNotC2BRoute    = "a customer's payment was posted to another route than C2B's"
	reasonLongC2B        = "the body is longer than any C2B notice"
	reasonNoCheckout     = "the callback has no usable CheckoutRequestID"

	// maxText and maxKeyPart bound outside text in events, in bytes: a body may
	// be a megabyte, none of its words is.
	maxText    = 512
	maxKeyPart = 128

	// maxC2B bounds a C2B notice, in bytes. The samples (reference/daraja.md
	// §10.1) have some 400, and nothing in the ledger vouches for one: without a
	// bound strangers could fill the disk with them.
	maxC2B = 16 << 10
)

// Events lists every event that a delivery of Daraja's can carry.
func Events() []string {
	return []string{
		EventSTKCompleted, EventSTKFailed, EventSTKUnknown, EventTransaction, EventTimeout, EventC2BValidation, EventC2BConfirmation,
		EventB2C, EventB2B, EventBalance, EventReversal, EventUnknownEnvelope, EventStandingOrder, EventBillPayment,
	}
}

// Receiver reads and acknowledges what Daraja posts. It needs no credentials;
// the zero value accepts every C2B validation.
type Receiver struct {
	// Rule decides C2B validation requests.
	Rule ValidationRule
}

// Inspect reads a delivery: by its shape, and by its route where the shape
// leaves a choice (C2B validation or confirmation, time-outs). A request that comes back
// is a time-out wherever it is posted. Daraja signs
// nothing, so a well-formed body is VerdictUnsigned, as is any body on the
// time-out route; what else is not one of Daraja's shapes is VerdictMalformed.
// Whether the claims are to be believed is payment.Trust's business, except for
// a customer's payment: no push or query of ours vouches for one, only the
// secret of its route can. So it is read on the C2B routes, and where no route
// is known, on the bare prefix.
func (r Receiver) Inspect(d payment.Delivery) payment.Inspection {
	route := strings.TrimRight(d.Route, "/")
	if route == routeTimeout {
		return inspectTimeout(d.Body)
	}
	if stk, ok := scanSTK(d.Body); ok {
		return stk.inspection(d.Header.Get(shortCodeHeader))
	}
	root, ok := parseTree(d.Body)
	if !ok {
		return malformed(notJSON(d.Body))
	}
	if body := root.get("body").get("stkcallback"); body.kind == '{' {
		return readSTK(body).inspection(d.Header.Get(shortCodeHeader))
	}
	if result := root.get("result"); result.kind == '{' {
		if name := resultNotText(result); name != "" {
			return notID(name)
		}
		return inspectResult(readResult(result), d.Body)
	}
	if isEcho(root) {
		return inspectTimeout(d.Body)
	}
	if e, ok := notice(root, d.Body); ok {
		return e
	}
	if root.hasID("transid") && root.get("transamount").scalar() != "" {
		switch name := root.notText("transid"); {
		case name != "":
			return notID(name)
		case route != routeC2BConfirmation && route != routeC2BValidation && route != routePrefix:
			return malformed(reasonNotC2BRoute)
		case len(d.Body) > maxC2B:
			return malformed(reasonLongC2B)
		}
		return inspectC2B(root, route)
	}
	return malformed(reasonNoShape)
}

// notJSON says what a body is instead. Nothing is taken off: no signature proves what
// would be left.
func notJSON(body []byte) string {
	what := packing.Odd(body)
	if _, undone := packing.Unpack(body); len(undone) > 0 {
		what = packing.Describe(undone)
	}
	if what == "" {
		return reasonNotJSON
	}
	return reasonNotJSON + ": " + what
}

func malformed(reason string) payment.Inspection {
	return payment.Inspection{Verdict: payment.VerdictMalformed, Reason: reason}
}

func unsigned(e payment.Event) payment.Inspection {
	e.Provider = payment.Daraja
	return payment.Inspection{Verdict: payment.VerdictUnsigned, Reason: reasonUnsigned, Event: &e}
}

// bodyKey identifies a body that carries no id of its own.
func bodyKey(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:12])
}

// cut bounds outside text.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
}

// printable tells an identifier: up to maxKeyPart visible ASCII characters.
func printable(s string) bool { return len(s) <= maxKeyPart && visible(s) }

// visible tells a text of visible ASCII characters alone, at least one.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return s != ""
}

// joinKey joins the parts of an event's key; an oversized part is hashed.
func joinKey(parts ...string) string {
	size := len(parts)
	for i, p := range parts {
		if len(p) > maxKeyPart {
			parts[i] = bodyKey([]byte(p))
		}
		size += len(parts[i])
	}
	key := make([]byte, 0, size)
	for i, p := range parts {
		if i > 0 {
			key = append(key, '/')
		}
		key = append(key, p...)
	}
	return string(key)
}

// inspectTimeout takes anything posted to the time-out route for "no answer":
// no source shows a real body (reference/daraja.md §6.5), so none is malformed,
// and the token in the path tells whose it is. It claims nothing about any
// payment.
func inspectTimeout(body []byte) payment.Inspection {
	e := payment.Event{Name: EventTimeout, Key: EventTimeout + "/" + bodyKey(body)}
	root, ok := parseTree(body)
	if !ok {
		e.Notes = []string{notJSON(body)}
		return unsigned(e)
	}
	if isEcho(root) {
		e.Notes = []string{"the request itself came back: it expired in the queue, which says nothing about the payment"}
	}
	from := root
	if result := root.get("result"); result.kind == '{' {
		from = result
	}
	if name := from.notText("conversationid", "originatorconversationid"); name != "" {
		e.Notes = append(e.Notes, name+" is not a string, as every id is: the path alone says whose time-out this is")
		return unsigned(e)
	}
	e.ConversationID = from.get("conversationid").scalar()
	e.OriginatorConversationID = from.get("originatorconversationid").scalar()
	if e.ConversationID != "" {
		e.Key = joinKey(EventTimeout, e.ConversationID)
	}
	return unsigned(e)
}
