package webhook

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/sevi"
	"github.com/payctl/payctl/internal/spell"
	"github.com/payctl/payctl/internal/wasaapay"
)

// Keys sign or authorize samples.
type Keys struct {
	// WebhookSecret signs WasaaPay's.
	WebhookSecret *secret.Secret
	// SeviToken goes into Sevi's Authorization header.
	SeviToken *secret.Secret
}

// Events lists every event that Build knows, by provider.
func Events() map[payment.ProviderID][]string {
	names := make([]string, 0, len(sevi.Samples()))
	for _, s := range sevi.Samples() {
		names = append(names, s.Name)
	}
	return map[payment.ProviderID][]string{
		payment.Daraja: DarajaEvents(), payment.WasaaPay: wasaapay.Events(), payment.Sevi: names,
	}
}

// Build makes one complete, consistent payload, edited and then signed. Facts fill
// what the payload says of the payment. An unknown event is KindUsage and lists the
// known ones.
func Build(event string, f Facts, edit Edit, keys Keys) (Sample, error) {
	s, err := unsigned(event, f)
	if err != nil {
		return Sample{}, err
	}
	if s.Body, err = edit.Apply(s.Body); err != nil {
		return Sample{}, err
	}
	return keys.sign(s)
}

// sign signs or authorizes a sample as its provider does.
func (k Keys) sign(s Sample) (Sample, error) {
	var err error
	switch s.Provider {
	case payment.WasaaPay:
		s.Body, err = wasaapay.Sign(s.Body, k.WebhookSecret)
	case payment.Sevi:
		if !k.SeviToken.IsSet() {
			return s, &payment.Error{
				Kind: payment.KindUnauthorized, Message: "sevi: no token is configured", Hint: "set sevi.token (PAYCTL_SEVI_TOKEN)", Provider: payment.Sevi,
			}
		}
		s.Header = s.Header.Clone()
		s.Header.Set("Authorization", k.SeviToken.Reveal())
	case payment.Daraja:
	}
	return s, err
}

// Resign signs or authorizes a stored delivery again.
func (k Keys) Resign(d payment.Delivery) (payment.Delivery, error) {
	s, err := k.sign(Sample{Provider: d.Provider, Header: d.Header, Body: d.Body})
	d.Header, d.Body = s.Header, s.Body
	return d, err
}

// Again makes a payload of one that was received, or is at hand in a file, edited.
// What is not edited stays as it is; what is, or has no signature yet, is signed.
// A file's provider and route are found from its body: see Recognize.
func Again(d payment.Delivery, edit Edit, keys Keys) (Sample, error) {
	s := Sample{Provider: d.Provider, Event: d.Route, Route: d.Route, Header: d.Header.Clone(), Body: d.Body}
	if s.Header == nil {
		s.Header = http.Header{"Content-Type": {"application/json"}}
	}
	if d.Provider == "" {
		found, ok := Recognize(d.Body)
		if !ok {
			return s, payment.Usage("payload: is none that a provider sends", `see "payctl webhook trigger EVENT --print" for the shape of each`)
		}
		s.Provider, s.Event, s.Route = found.Provider, found.Event, found.Route
	}
	var err error
	if s.Body, err = edit.Apply(s.Body); err != nil {
		return s, err
	}
	_, signed := wasaapay.SignatureOf(d.Body)
	switch {
	case s.Provider == payment.Sevi && s.Header.Get("Authorization") == "", s.Provider == payment.WasaaPay && (!signed || !edit.IsEmpty()):
		return keys.sign(s)
	}
	return s, nil
}

func unsigned(event string, f Facts) (Sample, error) {
	if s, ok := DarajaSample(event, f); ok {
		return s, nil
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if s, ok := wasaapay.SampleOf(event); ok {
		body, err := Set(s.Body, wasaapayFacts(s.Event, s.Body, f))
		return Sample{Provider: payment.WasaaPay, Event: s.Event, Route: "/callbacks/wasaapay", Header: header, Body: body}, err
	}
	for _, s := range sevi.Samples() {
		if s.Name == event {
			body, err := Set(s.Body, seviFacts(s.Body))
			return Sample{Provider: payment.Sevi, Event: event, Route: "/callbacks/sevi", Header: header, Body: body}, err
		}
	}
	var all []string
	for _, p := range []payment.ProviderID{payment.Daraja, payment.WasaaPay, payment.Sevi} {
		all = append(all, Events()[p]...)
	}
	hint := "use one of: " + strings.Join(all, ", ")
	if name := spell.Nearest(event, all); name != "" {
		hint = "did you mean " + name + "? " + hint
	}
	return Sample{}, payment.Usage(fmt.Sprintf("event %q: is not one that a provider sends", payment.Line(event, 60)), hint)
}

// wasaapayFacts are assignments of the facts that a payload has members for.
func wasaapayFacts(event string, body []byte, f Facts) []string {
	tree, err := parseTree(body)
	if err != nil {
		return nil
	}
	family, _, _ := strings.Cut(event, ".")
	wanted := []struct{ path, value string }{
		{"timestamp", f.At.UTC().Format(time.RFC3339)},
		{"data." + family + "Id", f.ResourceID},
		{"data.reference", f.ProviderReference},
		{"data.externalReference", f.Reference},
		{"data.amount", f.Amount.String()},
		{"data.receiptNumber", f.Receipt},
	}
	var out []string
	for _, w := range wanted {
		if w.value != "" && has(tree, strings.Split(w.path, ".")) {
			out = append(out, w.path+"="+w.value)
		}
	}
	return out
}

// seviFacts give a transaction an id of its own, without which a second one
// would be a duplicate (reference/sevi.md §8).
func seviFacts(body []byte) []string {
	tree, err := parseTree(body)
	if err != nil || !has(tree, []string{"id"}) {
		return nil
	}
	return []string{"id=7d1c0f6e-0000-4000-8000-" + hexDigits(12)}
}

func has(node any, steps []string) bool {
	for _, step := range steps {
		o, isObject := node.(object)
		if !isObject {
			return false
		}
		i := o.index(step)
		if i < 0 {
			return false
		}
		node = o[i].value
	}
	return true
}

// Sender posts samples; a *deliver.Sender is one.
type Sender interface {
	Post(ctx context.Context, r deliver.Request) deliver.Answer
}

// Shoot posts a sample once. Its headers are payctl's own: they are what a
// provider would send.
func Shoot(ctx context.Context, sender Sender, target string, s Sample) deliver.Answer {
	return sender.Post(ctx, deliver.Request{Target: target, Own: s.Header, Body: s.Body})
}
