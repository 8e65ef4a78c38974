package view

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/webhook"
)

// Event is one event that can be triggered.
type Event struct {
	Provider string `json:"provider"`
	Event    string `json:"event"`
}

// NewEvents lists the events of all providers, Daraja's first.
func NewEvents(of map[payment.ProviderID][]string) []Event {
	var out []Event
	for _, id := range slices.Sorted(maps.Keys(of)) {
		for _, name := range of[id] {
			out = append(out, Event{Provider: string(id), Event: name})
		}
	}
	return out
}

// Cells are an event's columns in a list.
func (v Event) Cells() []ui.Span { return []ui.Span{ui.Plain(v.Provider), ui.Plain(v.Event)} }

// Shot is one payload that was sent, and its answer.
type Shot struct {
	Event      string  `json:"event"`
	To         string  `json:"to"`
	StatusCode *int    `json:"status_code"`
	LatencyMs  float64 `json:"latency_ms"`
	Answer     *string `json:"answer"`
	Error      *string `json:"error"`
}

// NewShot returns the view of an answer.
func NewShot(event, to string, a deliver.Answer, showPhone bool) Shot {
	v := Shot{Event: event, To: deliver.Shown(to), LatencyMs: milliseconds(a.Latency), Error: payment.OrNull(a.Problem())}
	if a.Status > 0 {
		v.StatusCode, v.Answer = &a.Status, payment.OrNull(Answer(a.Body, showPhone))
	}
	return v
}

// Text writes an answer for people.
func (v Shot) Text(t *ui.Text) {
	if v.StatusCode == nil {
		t.Line(ui.Bad("no answer"), ui.Plain("  "+v.Event+" -> "+v.To+"  "), ui.Warn(payment.Or(v.Error, "")))
		return
	}
	status := ui.OK(strconv.Itoa(*v.StatusCode))
	if *v.StatusCode >= 300 {
		status = ui.Bad(strconv.Itoa(*v.StatusCode))
	}
	line := []ui.Span{status, ui.Plain("  " + v.Event + " -> " + v.To + "  " + oneLine(payment.Or(v.Answer, "")))}
	if v.Error != nil {
		line = append(line, ui.Warn("  "+*v.Error))
	}
	t.Line(line...)
}

// About says what was sent where.
func (v Shot) About() string { return v.Event + " was sent to " + v.To }

// Blow is one of the hammer's tests and its result.
type Blow struct {
	webhook.Blow
	// Problem and Error are null, not empty, when all is well.
	Problem *string `json:"problem"`
	Error   *string `json:"error"`
}

// NewBlow returns the view of a test.
func NewBlow(b webhook.Blow) Blow {
	return Blow{Blow: b, Problem: payment.OrNull(b.Problem), Error: payment.OrNull(b.Error)}
}

// Text writes one test's result for people.
func (v Blow) Text(t *ui.Text) {
	mark := ui.OK("ok  ")
	switch {
	case v.Problem != nil:
		mark = ui.Bad("FAIL")
	case v.Error != nil:
		mark = ui.Warn("??  ")
	}
	var answers []string
	for _, status := range slices.Sorted(maps.Keys(v.Answers)) {
		answers = append(answers, fmt.Sprintf("%d× %s", v.Answers[status], status))
	}
	t.Line(mark, ui.Plain("  "+v.Name), ui.Dim(fmt.Sprintf("  %s, p50 %.1f ms, p99 %.1f ms", strings.Join(answers, ", "), v.P50Ms, v.P99Ms)))
	if v.Problem != nil {
		t.Line(ui.Plain("      "), ui.Warn(*v.Problem))
	}
	if v.Error != nil {
		t.Line(ui.Plain("      "), ui.Warn("not reached: "+*v.Error))
	}
}
