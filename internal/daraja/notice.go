package daraja

import (
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// isEcho reports whether a document is a request of ours: what expires in the queue is
// posted back as it was sent, credential included (reference/daraja.md §6.5).
func isEcho(root node) bool {
	return root.get("securitycredential").scalar() != "" &&
		(root.get("commandid").scalar() != "" || root.get("queuetimeouturl").scalar() != "" || root.get("resulturl").scalar() != "")
}

// notice reads what reaches the same listeners and settles nothing: standing orders
// (Ratiba) and payments of bills (§10.3, §14). Nothing vouches for them, as for C2B.
func notice(root node, body []byte) (payment.Inspection, bool) {
	var e payment.Event
	switch {
	case root.get("responseheader").kind == '{' && root.get("responsebody").kind == '{':
		for _, item := range root.get("responsebody").get("responsedata").list() {
			if fold(item.get("name").scalar()) == "transactionid" && item.notText("value") != "" {
				return notID("TransactionID"), true
			}
		}
		e = standingOrder(root.get("responseheader"), root.get("responsebody").get("responsedata"))
	case root.hasID("transactionid") && root.get("paidamount").scalar() != "":
		if name := root.notText("transactionid"); name != "" {
			return notID(name), true
		}
		e = billPayment(root)
	default:
		return payment.Inspection{}, false
	}
	if len(body) > maxC2B {
		return malformed(reasonLongC2B), true
	}
	e.Key = e.Name + "/" + bodyKey(body)
	return unsigned(e), true
}

// standingOrder reads a callback of Ratiba. responseCode "0" is an order that was made.
func standingOrder(header, data node) payment.Event {
	e := payment.Event{Name: EventStandingOrder}
	for _, item := range data.list() {
		value := item.get("value").scalar()
		switch fold(item.get("name").scalar()) {
		case "transactionid":
			if strings.Trim(value, "0") != "" {
				e.Receipt = cut(value)
			}
		case "msisdn":
			e.Phone = cut(value)
		case "amount":
			e.Amount, _ = payment.ParseWireAmount(value, payment.KES)
		case "accountreference":
			e.Reference = payment.Line(value, maxText)
		}
	}
	said := strings.TrimSpace(header.get("responsecode").scalar() + " " + header.get("responsedescription").scalar())
	e.Notes = []string{"a standing order, which settles nothing: " + clip(said)}
	return e
}

// billPayment reads a payment that Bill Manager tells of.
func billPayment(root node) payment.Event {
	e := payment.Event{
		Name: EventBillPayment, Receipt: cut(root.get("transactionid").scalar()), Phone: cut(root.get("msisdn").scalar()),
		Reference: payment.Line(root.get("accountreference").scalar(), maxText), ShortCode: cut(root.get("shortcode").scalar()),
		Notes: []string{"a payment of a bill, which settles nothing"},
	}
	e.Amount, _ = payment.ParseWireAmount(root.get("paidamount").scalar(), payment.KES)
	return e
}
