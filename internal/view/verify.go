package view

import (
	"fmt"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/webhook"
)

// Verified is one verdict as it is printed.
type Verified struct {
	webhook.Verdict
	// Fix is what to do about it, "" where that is not known.
	Fix string `json:"-"`
}

// Text writes one verdict for people.
func (v Verified) Text(t *ui.Text) {
	line := []ui.Span{Verdict(v.Verdict.Verdict), ui.Plain("  " + v.Source)}
	if v.Event != nil {
		line = append(line, ui.Plain("  "+*v.Event))
	}
	if v.Matched != nil {
		line = append(line, ui.Dim("  "+*v.Matched))
	}
	t.Line(line...)
	switch {
	case v.Reason == nil:
		return
	case v.Fix == "":
		t.Line(ui.Plain("  "), ui.Warn(*v.Reason))
		return
	case v.Matched != nil:
		t.Line(ui.Plain("  taken off: "), ui.Plain(*v.Reason))
	default:
		t.Line(ui.Plain("  why: "), ui.Bold(*v.Reason))
	}
	t.Linef("  fix: %s", v.Fix)
}

// Cells are a verdict's columns in a list.
func (v Verified) Cells() []ui.Span {
	return []ui.Span{ui.Plain(v.Source), ui.Plain(payment.Or(v.Event, "-")), Verdict(v.Verdict.Verdict)}
}

// VerifySummary is the last line of "webhook verify".
type VerifySummary struct {
	Summary webhook.Summary `json:"summary"`
}

// Text writes the summary for people.
func (v VerifySummary) Text(t *ui.Text) { t.Linef("%s", v.Words()) }

// Words is the summary as a sentence.
func (v VerifySummary) Words() string {
	s := v.Summary
	noun := "payloads"
	if s.Total == 1 {
		noun = "payload"
	}
	return fmt.Sprintf("%d %s: %d valid, %d mismatched, %d malformed, %d unsigned", s.Total, noun, s.Valid, s.Mismatch, s.Malformed, s.Unsigned)
}
