package trace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// Trace is the line of a payment's time.
type Trace struct {
	// Deposit is nil where the ledger knows the payment by other means alone.
	Deposit *payment.Deposit
	// Receipt is the payment's, "" while unknown.
	Receipt string
	Events  []Event
	Gaps    []Gap
	// Deliveries are those of the events, with headers and bodies, oldest first.
	Deliveries []store.StoredDelivery
	// Queries are the questions that were asked about it.
	Queries []store.Query
}

// The handles of the ledger that a trace reads.
type (
	// Deposits is *store.Deposits.
	Deposits interface {
		History(ctx context.Context, id string) ([]store.Note, error)
	}
	// Deliveries is *store.Deliveries.
	Deliveries interface {
		Get(ctx context.Context, id string) (store.StoredDelivery, error)
		Each(ctx context.Context, f store.DeliveryFilter, do func(store.StoredDelivery) error) error
		OfReceipt(ctx context.Context, provider payment.ProviderID, receipt string) ([]store.StoredDelivery, error)
		Attempts(ctx context.Context, deliveryID string) ([]store.Attempt, error)
	}
	// Actions is *store.Actions.
	Actions interface {
		Of(ctx context.Context, subject string) ([]store.Action, error)
	}
	// Queries is *store.Queries.
	Queries interface {
		Find(ctx context.Context, anyID string) ([]store.Query, error)
		OfDeposit(ctx context.Context, id string) ([]store.Query, error)
	}
)

// Ledger is what a trace reads.
type Ledger struct {
	Deposits   Deposits
	Deliveries Deliveries
	Queries    Queries
	// Actions may be nil.
	Actions Actions
}

// Input says what is traced.
type Input struct {
	// Deposit is what the identifier means, nil if the ledger has none of it.
	Deposit *payment.Deposit
	// ID is the identifier itself: a receipt, conversation or delivery may be known
	// without a deposit.
	ID string
	// Providers are asked for notices of a receipt.
	Providers []payment.ProviderID
	// Statement are rows of statement files about it.
	Statement []Event
	Now       time.Time
}

// Run gathers. KindNotFound means that the ledger knows nothing by the identifier.
func Run(ctx context.Context, l Ledger, in Input) (*Trace, error) {
	g := &gatherer{ledger: l, in: in, seen: map[string]bool{}, t: &Trace{Deposit: in.Deposit}}
	if err := g.gather(ctx); err != nil {
		return nil, err
	}
	if in.Deposit == nil && len(g.t.Events) == 0 {
		hint := "give a deposit's id, the provider's, a receipt, a reference, an idempotency key, a conversation, a query or a delivery; check --profile and --db"
		if _, err := payment.ParsePhone(in.ID); err == nil {
			hint = "a phone number names no payment: find it with \"payctl deposit list --phone NUMBER\""
		}
		return nil, payment.NotFound("trace "+payment.MaskDigits(payment.Line(in.ID, 60))+": the ledger knows nothing by that identifier", hint)
	}
	g.t.Events = append(g.t.Events, in.Statement...)
	slices.SortStableFunc(g.t.Events, func(a, b Event) int { return a.At.Compare(b.At) })
	slices.SortStableFunc(g.t.Deliveries, func(a, b store.StoredDelivery) int { return a.ReceivedAt.Compare(b.ReceivedAt) })
	g.t.Gaps = gaps(g.t, in.Now)
	return g.t, nil
}

type gatherer struct {
	ledger Ledger
	in     Input
	t      *Trace
	seen   map[string]bool
}

func (g *gatherer) add(e Event) {
	e.Summary = payment.Line(e.Summary, 300)
	e.Source = payment.Line(e.Source, 200)
	g.t.Events = append(g.t.Events, e)
}

func (g *gatherer) gather(ctx context.Context) error {
	receipt := strings.ToUpper(strings.TrimSpace(g.in.ID))
	if d := g.in.Deposit; d != nil {
		receipt = d.Receipt
		g.deposit(d)
		if err := errors.Join(g.history(ctx, d.ID), g.actions(ctx, d.ID)); err != nil {
			return err
		}
		err := g.ledger.Deliveries.Each(ctx, store.DeliveryFilter{DepositID: d.ID}, func(v store.StoredDelivery) error { return g.delivery(ctx, v) })
		if err != nil {
			return err
		}
		queries, err := g.ledger.Queries.OfDeposit(ctx, d.ID)
		if err != nil {
			return err
		}
		if err := g.queries(ctx, queries); err != nil {
			return err
		}
	}
	g.t.Receipt = receipt
	if err := g.ofReceipt(ctx, receipt); err != nil {
		return err
	}
	if g.in.Deposit == nil {
		return g.loose(ctx)
	}
	return nil
}

func (g *gatherer) ofReceipt(ctx context.Context, receipt string) error {
	if receipt == "" {
		return nil
	}
	for _, p := range g.in.Providers {
		found, err := g.ledger.Deliveries.OfReceipt(ctx, p, receipt)
		if err != nil {
			return err
		}
		for _, v := range found {
			if err := g.delivery(ctx, v); err != nil {
				return err
			}
		}
	}
	queries, err := g.ledger.Queries.Find(ctx, receipt)
	if err != nil {
		return err
	}
	return g.queries(ctx, queries)
}

func (g *gatherer) deposit(d *payment.Deposit) {
	what := "asked " + d.Phone.String() + " for " + amount(d.Amount)
	if d.Phone.IsZero() {
		what = "asked for " + amount(d.Amount)
	}
	if d.Reference != "" {
		what += " for " + d.Reference
	}
	g.add(Event{At: d.CreatedAt, Kind: Intent, Source: "payctl", Summary: what, Ref: d.ID})
	guard := "the same was not asked within " + Words(payment.RepeatWindow)
	if d.Repeats != "" {
		guard = "asked again on purpose: the same was asked within " + Words(payment.RepeatWindow)
	}
	if !d.Adopted && d.Reference != "" {
		g.add(Event{At: d.CreatedAt, Kind: Guard, Source: "payctl", Summary: guard, Ref: d.Repeats})
	}
}

func amount(a payment.Amount) string {
	if !a.HasValue() || a.Minor() == 0 {
		return "an unknown amount"
	}
	return a.String() + " " + string(a.Currency())
}

func (g *gatherer) history(ctx context.Context, id string) error {
	notes, err := g.ledger.Deposits.History(ctx, id)
	if err != nil {
		return err
	}
	for _, n := range notes {
		e := Event{At: n.At, Kind: Note, Source: string(g.in.Deposit.Provider), Summary: string(n.Status), Ref: n.DeliveryID}
		switch n.Source {
		case payment.SourceAnswer:
			e.Kind = Answer
		case payment.SourcePoll, payment.SourceQuery:
			e.Kind = Poll
		case payment.SourceStream:
			e.Kind = Stream
		case payment.SourceTransaction:
			e.Kind = Result
		case payment.SourceCallback:
			e.Kind = Callback
		case payment.SourceHint:
			e.Kind = Note
		case payment.SourceOperator:
			e.Kind, e.Source = Operator, "operator"
		case "":
			e.Source = "payctl"
			if strings.HasPrefix(n.Text, "sent") {
				e.Kind, e.Summary = Sent, "the request was "+n.Text
				n.Text = ""
			}
		}
		switch {
		case e.Summary == "":
			e.Summary = n.Text
		case n.Text != "":
			e.Summary += ": " + n.Text
		}
		g.add(e)
	}
	return nil
}

func (g *gatherer) actions(ctx context.Context, id string) error {
	if g.ledger.Actions == nil {
		return nil
	}
	list, err := g.ledger.Actions.Of(ctx, id)
	for _, a := range list {
		what := a.What
		if a.Because != "" {
			what += ": " + a.Because
		}
		g.add(Event{At: a.At, Kind: Action, Source: a.Who + "@" + a.Host, Summary: what, Ref: id})
	}
	return err
}

func (g *gatherer) delivery(ctx context.Context, v store.StoredDelivery) error {
	if g.seen[v.ID] {
		return nil
	}
	g.seen[v.ID] = true
	g.t.Deliveries = append(g.t.Deliveries, v)
	g.add(Event{At: v.ReceivedAt, Kind: kindOf(v), Source: string(v.Provider), Summary: summary(v), Ref: v.ID})
	attempts, err := g.ledger.Deliveries.Attempts(ctx, v.ID)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		e := Event{At: a.At, Kind: Forward, Source: a.Target, Ref: v.ID}
		if a.RunID != "" {
			e.Kind, e.Ref = Replay, a.RunID
		}
		e.Summary = "no answer: " + a.Error
		if a.Status != 0 {
			e.Summary = "answered " + strconv.Itoa(a.Status)
			if a.Body != "" && (a.Status < 200 || a.Status > 299) {
				e.Summary += ": " + a.Body
			}
		}
		e.Summary += " after " + a.Latency.Round(time.Millisecond).String()
		g.add(e)
	}
	return nil
}

func kindOf(v store.StoredDelivery) Kind {
	switch {
	case v.DuplicateOf != "":
		return Duplicate
	case v.Verdict != payment.VerdictValid && v.Verdict != payment.VerdictUnsigned, v.Event == nil:
		return Unbelieved
	case strings.HasPrefix(v.Event.Name, "c2b."):
		return Notice
	case strings.HasPrefix(v.Event.Name, "reversal."):
		return Reversal
	case v.QueryID != "":
		return Result
	}
	return Callback
}

func summary(v store.StoredDelivery) string {
	var parts []string
	if e := v.Event; e != nil {
		parts = append(parts, e.Name)
		if e.Amount.HasValue() {
			parts = append(parts, e.Amount.String()+" "+string(e.Amount.Currency()))
		}
		if e.Receipt != "" {
			parts = append(parts, "receipt "+e.Receipt)
		}
		if f := e.Failure; f != nil {
			parts = append(parts, strings.TrimSpace(f.Code+" "+f.Reason))
		}
	}
	if v.DuplicateOf != "" {
		parts = append(parts, "says again what "+v.DuplicateOf+" said")
	}
	if v.Verdict != payment.VerdictValid {
		parts = append(parts, string(v.Verdict))
	}
	if v.Reason != "" && kindOf(v) != Callback {
		parts = append(parts, v.Reason)
	}
	return strings.Join(parts, ", ")
}

func (g *gatherer) queries(ctx context.Context, list []store.Query) error {
	for _, q := range slices.Backward(list) {
		if g.seen[q.ID] {
			continue
		}
		g.seen[q.ID] = true
		g.t.Queries = append(g.t.Queries, q)
		kind := Query
		if q.Kind == "reversal" {
			kind = Reversal
		}
		if err := g.actions(ctx, q.ID); err != nil {
			return err
		}
		g.add(Event{At: q.CreatedAt, Kind: kind, Source: string(q.Provider), Summary: strings.ReplaceAll(q.Kind, "_", " ") + " asked, " + strings.ToLower(string(q.Status)) + ended(q), Ref: q.ID})
		if q.DeliveryID == "" || g.seen[q.DeliveryID] {
			continue
		}
		v, err := g.ledger.Deliveries.Get(ctx, q.DeliveryID)
		if payment.KindOf(err) == payment.KindNotFound {
			continue // pruned
		}
		if err != nil {
			return err
		}
		if err := g.delivery(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

func ended(q store.Query) string {
	if q.Code == "" || q.Code == "0" {
		return ""
	}
	return fmt.Sprintf(": %s %s", q.Code, q.Message)
}
