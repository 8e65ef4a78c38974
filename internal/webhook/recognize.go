package webhook

import (
	"net/http"
	"strings"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/sevi"
)

// Recognized says whose a payload is by its shape, and where a listener takes it.
// Event is "" where the payload does not say.
type Recognized struct {
	Provider payment.ProviderID
	Event    string
	Route    string
}

// Recognize tells providers apart by their payloads; false for what none sends.
// Nothing is verified.
func Recognize(body []byte) (Recognized, bool) {
	if name, ok := wasaapayEvent(body); ok {
		return Recognized{Provider: payment.WasaaPay, Event: name, Route: "/callbacks/wasaapay"}, true
	}
	d := payment.Delivery{Provider: payment.Daraja, Route: "/callbacks/daraja", Method: http.MethodPost, Body: body}
	if i := (daraja.Receiver{}).Inspect(d); i.Verdict != payment.VerdictMalformed && i.Event != nil {
		return Recognized{Provider: payment.Daraja, Event: i.Event.Name, Route: darajaRoute(i.Event.Name)}, true
	}
	if e, err := sevi.Parse(body); err == nil && e != nil {
		return Recognized{Provider: payment.Sevi, Event: e.Name, Route: "/callbacks/sevi"}, true
	}
	return Recognized{}, false
}

// wasaapayEvent returns the event of a body that is shaped as WasaaPay's.
func wasaapayEvent(body []byte) (string, bool) {
	tree, err := parseTree(body)
	if err != nil {
		return "", false
	}
	o, isObject := tree.(object)
	if !isObject {
		return "", false
	}
	i := o.index("event")
	if i < 0 || o.index("data") < 0 && o.index("signature") < 0 {
		return "", false
	}
	name, isText := o[i].value.(string)
	return name, isText
}

func darajaRoute(event string) string {
	switch {
	case strings.HasPrefix(event, "stk."):
		return "/callbacks/daraja/stk"
	case strings.HasPrefix(event, "c2b."):
		return "/callbacks/daraja/" + strings.ReplaceAll(event, ".", "/")
	case event == "transaction.timeout":
		return "/callbacks/daraja/timeout"
	}
	return "/callbacks/daraja/result"
}
