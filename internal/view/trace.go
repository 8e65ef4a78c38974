package view

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/trace"
	"github.com/payctl/payctl/internal/ui"
)

// Trace is the timeline of a payment; its keys are the contract.
type Trace struct {
	// Deposit is the deposit's view, null where the ledger has none.
	Deposit any          `json:"deposit"`
	Events  []TraceEvent `json:"events"`
	Gaps    []TraceGap   `json:"gaps"`

	deposit ui.View
	zone    *time.Location
}

// TraceEvent is one thing that happened.
type TraceEvent struct {
	At      string  `json:"at"`
	Kind    string  `json:"kind"`
	Source  string  `json:"source"`
	Summary string  `json:"summary"`
	Ref     *string `json:"ref"`

	at, first time.Time
	zone      *time.Location
}

// TraceGap is time in which something was to be expected.
type TraceGap struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Seconds int64  `json:"seconds"`
	Meaning string `json:"meaning"`
}

// NewTrace returns the view of a trace; deposit is the deposit's, nil if there is none.
// Times for people are in zone.
func NewTrace(t *trace.Trace, deposit ui.View, zone *time.Location) Trace {
	v := Trace{Events: make([]TraceEvent, 0, len(t.Events)), Gaps: make([]TraceGap, 0, len(t.Gaps)), deposit: deposit, zone: zone}
	if deposit != nil {
		v.Deposit = deposit
	}
	for _, e := range t.Events {
		v.Events = append(v.Events, TraceEvent{
			At: timing.RFC3339(e.At), Kind: string(e.Kind), Source: e.Source, Summary: e.Summary, Ref: payment.OrNull(e.Ref),
			at: e.At, first: t.Events[0].At, zone: zone,
		})
	}
	for _, g := range t.Gaps {
		v.Gaps = append(v.Gaps, TraceGap{timing.RFC3339(g.From), timing.RFC3339(g.To), int64(g.To.Sub(g.From) / time.Second), g.Meaning})
	}
	return v
}

// TraceColumns head a timeline.
func TraceColumns() []ui.Column {
	return []ui.Column{ui.Left("TIME").Dropped(3), ui.Right("AFTER"), ui.Left("WHAT"), ui.Flexible("WHO").Dropped(2), ui.Flexible("SUMMARY"), ui.Left("REF").Dropped(1)}
}

// Cells are an event's columns.
func (e TraceEvent) Cells() []ui.Span {
	kind := ui.Plain(e.Kind)
	if e.Kind == string(trace.Unbelieved) {
		kind = ui.Warn(e.Kind)
	}
	return []ui.Span{
		ui.Plain(e.at.In(e.zone).Format("2006-01-02 15:04:05.000")), ui.Dim(after(e.at.Sub(e.first))), kind,
		ui.Plain(e.Source), ui.Plain(e.Summary), ui.Dim(payment.Or(e.Ref, "")),
	}
}

// after is a distance in time, short ones to the millisecond.
func after(d time.Duration) string {
	if d < time.Minute {
		return "+" + d.Round(time.Millisecond).String()
	}
	return "+" + trace.Words(d)
}

// Text writes the timeline for people.
func (v Trace) Text(t *ui.Text) {
	if v.deposit != nil {
		v.deposit.Text(t)
		t.Blank()
	}
	rows := make([][]ui.Span, len(v.Events))
	for i, e := range v.Events {
		rows[i] = e.Cells()
	}
	if len(v.Events) > 0 {
		zone, _ := v.Events[0].at.In(v.zone).Zone()
		t.Line(ui.Dim("times in " + zone))
	}
	t.Table(TraceColumns(), rows)
	for _, g := range v.Gaps {
		t.Line(ui.Warn("gap  "), ui.Plain(g.Meaning))
	}
}
