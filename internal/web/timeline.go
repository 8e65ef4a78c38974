package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/deposit"
	"github.com/payctl/payctl/internal/page"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trace"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// timeline is one payment's line of time.
type timeline struct {
	ID    string
	Known bool
	Row   depositRow
	Facts []fact
	// Against is what speaks against it.
	Against []string
	Events  []timelineEvent
	// LeftOut counts the events in the middle that are not shown.
	LeftOut  int
	Gaps     []string
	Meaning  []string
	Next     []command
	Support  string
	Commands []command
}

type timelineEvent struct {
	At      moment
	After   string
	Kind    string
	Source  string
	Summary string
	Mark    page.Mark
	Ref     string
	Href    string
	Record  string
}

// mostEvents bounds the events on a page.
const mostEvents = 500

// timeline is GET /deposits/{id}: id may be any identifier.
func (s *Server) timeline(r *http.Request) (answer, error) {
	id := r.PathValue("id")
	t, v, err := s.trace(r.Context(), id)
	if err != nil {
		return answer{}, err
	}
	page := &timeline{ID: id, Known: t.Deposit != nil, Support: payment.MaskDigits((&trace.Bundle{Trace: t, Made: s.Now()}).Request())}
	for i := range t.Events {
		if left := len(t.Events) - mostEvents; left > 0 && i >= mostEvents/2 && i < mostEvents/2+left {
			page.LeftOut = left
			continue
		}
		page.Events = append(page.Events, s.timelineEvent(t, v, i))
	}
	for _, g := range v.Gaps {
		page.Gaps = append(page.Gaps, g.Meaning)
	}
	if d := t.Deposit; d != nil {
		page.ID = d.ID
		page.Row = s.depositRow(d, 0)
		s.aboutDeposit(page, d, v)
	}
	page.Commands = []command{
		{"payctl" + s.Flags + " trace " + quoted(page.ID), "the same in the terminal"},
		{"payctl" + s.Flags + " trace " + quoted(page.ID) + " --bundle " + quoted(page.ID+".zip"), "write the evidence for the provider's support desk"},
	}
	return answer{page: "timeline", title: "Payment " + payment.Cut(s.masked(id), 60), data: page}, nil
}

// trace gathers what trace does, with its view.
func (s *Server) trace(ctx context.Context, id string) (*trace.Trace, view.Trace, error) {
	in := trace.Input{ID: id, Providers: s.Providers.IDs(), Now: s.Now()}
	var shown ui.View
	switch d, doubts, others, err := s.find(ctx, id); {
	case err == nil:
		in.Deposit = d
		shown = view.NewDeposit(*d, doubts, others, s.ShowPhone)
	case payment.KindOf(err) != payment.KindNotFound:
		return nil, view.Trace{}, err
	}
	l := s.Ledger
	t, err := trace.Run(ctx, trace.Ledger{Deposits: l.Deposits, Deliveries: l.Deliveries, Queries: l.Queries, Actions: l.Actions}, in)
	if err != nil {
		return nil, view.Trace{}, err
	}
	return t, view.NewTrace(t, shown, s.Zone), nil
}

// find resolves any identifier as the commands do.
func (s *Server) find(ctx context.Context, id string) (*payment.Deposit, []payment.Doubt, []string, error) {
	found, err := deposit.Find(ctx, s.Ledger.Deposits, s.Environment, id)
	if err != nil {
		return nil, nil, nil, err
	}
	doubts, err := s.Ledger.Deposits.Doubts(ctx, found.ID)
	return &found.Deposit, doubts[found.ID], found.Others, err
}

func (s *Server) timelineEvent(t *trace.Trace, v view.Trace, i int) timelineEvent {
	e := t.Events[i]
	out := timelineEvent{At: s.moment(e.At), Kind: string(e.Kind), Source: e.Source, Summary: e.Summary, Mark: kindMark(e.Kind), Ref: e.Ref}
	if i > 0 {
		out.After = "+" + between(e.At.Sub(t.Events[i-1].At))
	}
	if strings.HasPrefix(e.Ref, "dlv_") {
		out.Href = "/deliveries/" + e.Ref
		return out
	}
	if record, err := json.MarshalIndent(v.Events[i], "", "  "); err == nil {
		out.Record = string(record)
	}
	return out
}

// between is a distance in time, short ones to the millisecond.
func between(d time.Duration) string {
	if d < time.Minute {
		return d.Round(time.Millisecond).String()
	}
	return trace.Words(d)
}

func kindMark(k trace.Kind) page.Mark {
	switch k { //nolint:exhaustive // the others are plain
	case trace.Unbelieved:
		return page.Bad
	case trace.Duplicate, trace.Operator, trace.Reversal:
		return page.Warn
	}
	return page.Plain
}

// aboutDeposit adds what is known of the deposit itself, and what to do next.
func (s *Server) aboutDeposit(p *timeline, d *payment.Deposit, v view.Trace) {
	add := func(name, value string) {
		if value != "" {
			p.Facts = append(p.Facts, fact{Name: name, Value: s.masked(value)})
		}
	}
	add("reference", d.Reference)
	add("provider", string(d.Provider)+" ("+string(d.Environment)+")")
	add("provider id", d.ProviderID)
	add("receipt", d.Receipt)
	add("decided by", view.DecidedBy(d.DecidedBy))
	if shown, ok := v.Deposit.(view.Deposit); ok {
		if c := shown.Conflict; c != nil {
			p.Against = append(p.Against, "contradiction: "+c.Reason)
		}
		for _, doubt := range shown.Doubts {
			p.Against = append(p.Against, "doubt: "+doubt.Reason+doubt.From())
		}
	}
	if d.Failure != nil {
		add("failure", strings.TrimSpace(d.Failure.Code+" "+d.Failure.Reason))
		p.Meaning = append(p.Meaning, s.meanings(d.Provider, d.Failure.Code)...)
		if len(p.Meaning) == 0 && d.Failure.Advice != "" {
			p.Meaning = append(p.Meaning, d.Failure.Advice)
		}
		if d.Failure.Code != "" {
			p.Next = append(p.Next, command{"payctl explain " + string(d.Provider) + " " + quoted(d.Failure.Code), "all that this code may mean"})
		}
	}
	run := "payctl" + s.Flags + " "
	switch d.Status {
	case payment.StatusPending:
		p.Next = append(p.Next, command{run + "status get " + d.ID, "ask the provider once"}, command{run + "status watch " + d.ID, "follow it to the end"})
	case payment.StatusUnknown:
		p.Next = append(p.Next, command{run + "deposit resolve " + d.ID, "find out what became of it; never ask again on doubt"})
	case payment.StatusCreated, payment.StatusCompleted, payment.StatusFailed:
	}
	if !d.Conflict.IsZero() {
		p.Next = append(p.Next, command{run + "deposit resolve " + d.ID, "end the contradiction"})
	}
}

// meanings are what a code may mean, and what to do next.
func (s *Server) meanings(id payment.ProviderID, code string) []string {
	row := s.Providers.Row(id)
	if row.Explainer == nil || code == "" {
		return nil
	}
	var out []string
	for _, m := range row.Explainer.Explain(code, payment.CodeQuery{}) {
		text := m.Text + "."
		if m.Retry != "" {
			text += " Try again: " + m.Retry + "."
		}
		if m.Next != "" {
			text += " Next: " + m.Next
		}
		out = append(out, text)
	}
	return out
}
