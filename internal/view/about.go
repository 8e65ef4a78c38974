package view

import (
	"fmt"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// DemoStep is one thing that the tour did.
type DemoStep struct {
	Title    string `json:"title"`
	Command  string `json:"command"`
	ExitCode int    `json:"exit_code"`
	Outcome  string `json:"outcome"`
}

// Demo is what the tour came to.
type Demo struct {
	OK      bool       `json:"ok"`
	Seconds float64    `json:"seconds"`
	Steps   []DemoStep `json:"steps"`
	// Next are the commands that follow the tour.
	Next []string `json:"next"`
}

// Text closes the tour for people; the steps were told as they happened.
func (v Demo) Text(t *ui.Text) {
	t.Line()
	t.Line(ui.OK("all outcomes as expected"), ui.Plain(fmt.Sprintf(" in %.1f s", v.Seconds)))
	t.Line()
	t.Line(ui.Plain("Next, with an app of the sandbox (developer.safaricom.co.ke):"))
	for _, command := range v.Next {
		t.Line(ui.Plain("  $ " + command))
	}
}

// Finding is one check's result; its keys are the contract.
type Finding struct {
	Check      string  `json:"check"`
	Verdict    string  `json:"verdict"`
	Detail     string  `json:"detail"`
	Fix        *string `json:"fix"`
	DurationMS int64   `json:"duration_ms"`
}

// Text writes a finding for people.
func (v Finding) Text(t *ui.Text) {
	mark := map[string]ui.Span{
		"ok": ui.OK("ok     "), "warn": ui.Warn("warn   "), "fail": ui.Bad("fail   "), "skipped": ui.Dim("skipped"),
	}[v.Verdict]
	t.Line(mark, ui.Plain(" "), ui.Bold(v.Check), ui.Plain(": "+v.Detail))
	if v.Fix != nil {
		t.Line(ui.Plain("        -> "), ui.Plain(*v.Fix))
	}
}

// Cells are a finding's columns in a list.
func (v Finding) Cells() []ui.Span {
	return []ui.Span{ui.Plain(v.Check), ui.Plain(v.Verdict), ui.Plain(v.Detail), ui.Plain(payment.Or(v.Fix, ""))}
}

// JSONSchema is a schema as it is printed.
type JSONSchema map[string]any

// Text prints it for people as it is for programs: it has no other form.
func (v JSONSchema) Text(t *ui.Text) { t.JSON(map[string]any(v)) }
