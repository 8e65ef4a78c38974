package webhook

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/spell"
)

// Bench makes payloads of every provider in the table, and signs or authorizes them.
type Bench struct {
	Providers provider.Table
	// Keys are the secrets by provider, the one that signs first.
	Keys map[payment.ProviderID][]*secret.Secret
}

// NewFacts invents a consistent set.
func (b Bench) NewFacts(now time.Time) payment.Facts {
	phone, _ := payment.ParsePhone("254711000222")
	return b.completed(payment.Facts{Amount: payment.AmountOf(15000, payment.KES), Phone: phone, Reference: "INV-2207", ShortCode: "174379", At: now})
}

// FactsOf takes them from a deposit; what it lacks is invented.
func (b Bench) FactsOf(d payment.Deposit, now time.Time) payment.Facts {
	return b.completed(payment.Facts{
		Amount: d.Amount, Phone: d.Phone, Reference: d.Reference, ShortCode: d.ShortCode,
		CheckoutRequestID: d.ProviderID, MerchantRequestID: d.MerchantRequestID, Receipt: d.Receipt, ResourceID: d.ProviderID, At: now,
	})
}

func (b Bench) completed(f payment.Facts) payment.Facts {
	for _, row := range b.Providers {
		if row.Invent != nil {
			row.Invent(&f)
		}
	}
	return f
}

// Inventor invents facts like NewFacts, no two with the same CheckoutRequestID:
// within a second only three digits tell two of one payer apart. It is not for several
// goroutines.
type Inventor struct {
	Bench Bench
	used  map[string]bool
}

// Next invents facts of about now: later ones where that second has no id left.
func (i *Inventor) Next(now time.Time) payment.Facts {
	if i.used == nil {
		i.used = map[string]bool{}
	}
	f := i.Bench.NewFacts(now)
	for i.used[f.CheckoutRequestID] {
		now = now.Add(10 * time.Millisecond)
		f = i.Bench.NewFacts(now)
	}
	i.used[f.CheckoutRequestID] = true
	return f
}

// Events lists every event that Build knows, by provider.
func (b Bench) Events() map[payment.ProviderID][]string {
	out := map[payment.ProviderID][]string{}
	for _, row := range b.Providers {
		if len(row.Samples) > 0 {
			out[row.ID] = row.Samples
		}
	}
	return out
}

// Build makes one complete, consistent payload, edited and then signed. Facts fill
// what the payload says of the payment. An unknown event is KindUsage and lists the
// known ones.
func (b Bench) Build(event string, f payment.Facts, edit Edit) (payment.Sample, error) {
	s, err := b.unsigned(event, f)
	if err != nil {
		return payment.Sample{}, err
	}
	if s.Body, err = edit.Apply(s.Body); err != nil {
		return payment.Sample{}, err
	}
	return b.sign(s)
}

func (b Bench) unsigned(event string, f payment.Facts) (payment.Sample, error) {
	var all []string
	for _, row := range b.Providers {
		if row.Sample == nil {
			continue
		}
		s, ok := row.Sample(event, f)
		if !ok {
			all = append(all, row.Samples...)
			continue
		}
		s.Provider = row.ID
		var err error
		s.Body, err = filled(s)
		return s, err
	}
	hint := "use one of: " + strings.Join(all, ", ")
	if name := spell.Nearest(event, all); name != "" {
		hint = "did you mean " + name + "? " + hint
	}
	return payment.Sample{}, payment.Usage(fmt.Sprintf("event %q: is not one that a provider sends", payment.Line(event, 60)), hint)
}

// filled is a sample's body with the facts that it has members for.
func filled(s payment.Sample) ([]byte, error) {
	if len(s.Fill) == 0 {
		return s.Body, nil
	}
	tree, err := parseTree(s.Body)
	if err != nil {
		return nil, err
	}
	return Set(s.Body, slices.DeleteFunc(slices.Clone(s.Fill), func(assignment string) bool {
		path, _, _ := strings.Cut(assignment, "=")
		return !has(tree, strings.Split(path, "."))
	}))
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

// sign signs or authorizes a sample as its provider does.
func (b Bench) sign(s payment.Sample) (payment.Sample, error) {
	s.Header = s.Header.Clone()
	if s.Header == nil {
		s.Header = http.Header{}
	}
	var err error
	s.Body, err = b.Providers.Row(s.Provider).Sign(s.Body, s.Header, b.Keys[s.Provider])
	return s, err
}

// Resign signs or authorizes a stored delivery again.
func (b Bench) Resign(d payment.Delivery) (payment.Delivery, error) {
	s, err := b.sign(payment.Sample{Provider: d.Provider, Header: d.Header, Body: d.Body})
	d.Header, d.Body = s.Header, s.Body
	return d, err
}

// Again makes a payload of one that was received, or is at hand in a file, edited.
// What is not edited stays as it is; what has no proof yet, or lost it by the edit, is
// signed. A file's provider and route are found from its body.
func (b Bench) Again(d payment.Delivery, edit Edit) (payment.Sample, error) {
	s := payment.Sample{Provider: d.Provider, Event: d.Route, Route: d.Route, Header: d.Header.Clone(), Body: d.Body}
	if s.Header == nil {
		s.Header = http.Header{"Content-Type": {"application/json"}}
	}
	if d.Provider == "" {
		found, ok := b.Recognize(d.Body)
		if !ok {
			return s, payment.Usage("payload: is none that a provider sends", `see "payctl webhook trigger EVENT --print" for the shape of each`)
		}
		s.Provider, s.Event, s.Route = found.Provider, found.Event, found.Route
	}
	var err error
	if s.Body, err = edit.Apply(s.Body); err != nil {
		return s, err
	}
	proof := b.Providers.Row(s.Provider).Proof
	if proof != nil && (!proof.Signs(d.Body, s.Header) || proof.InBody && !edit.IsEmpty()) {
		return b.sign(s)
	}
	return s, nil
}

// Recognized says whose a payload is by its shape, and where a listener takes it.
// Event is "" where the payload does not say.
type Recognized struct {
	Provider payment.ProviderID
	Event    string
	Route    string
}

// Recognize tells providers apart by their payloads; false for what none sends.
// Nothing is verified.
func (b Bench) Recognize(body []byte) (Recognized, bool) {
	for _, row := range b.Providers {
		if row.Recognize == nil {
			continue
		}
		if event, route, ok := row.Recognize(body); ok {
			return Recognized{Provider: row.ID, Event: event, Route: route}, true
		}
	}
	return Recognized{}, false
}

// Sender posts samples; a *deliver.Sender is one.
type Sender interface {
	Post(ctx context.Context, r deliver.Request) deliver.Answer
}

// Shoot posts a sample once. Its headers are payctl's own: they are what a
// provider would send.
func Shoot(ctx context.Context, sender Sender, target string, s payment.Sample) deliver.Answer {
	return sender.Post(ctx, deliver.Request{Target: target, Own: s.Header, Body: s.Body})
}
