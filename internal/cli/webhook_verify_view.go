package cli

import (
	"encoding/json"
	"fmt"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/webhook"
)

// verdictView is one verdict as it is printed.
type verdictView struct {
	webhook.Verdict
	// fix is what to do about it, "" where that is not known.
	fix string
}

// Text writes one verdict for people.
func (v verdictView) Text(t *ui.Text) {
	line := []ui.Span{view.Verdict(v.Verdict.Verdict), ui.Plain("  " + v.Source)}
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
	case v.fix == "":
		t.Line(ui.Plain("  "), ui.Warn(*v.Reason))
		return
	case v.Matched != nil:
		t.Line(ui.Plain("  taken off: "), ui.Plain(*v.Reason))
	default:
		t.Line(ui.Plain("  why: "), ui.Bold(*v.Reason))
	}
	t.Linef("  fix: %s", v.fix)
}

// Cells are a verdict's columns in a list.
func (v verdictView) Cells() []ui.Span {
	return []ui.Span{ui.Plain(v.Source), ui.Plain(payment.Or(v.Event, "-")), view.Verdict(v.Verdict.Verdict)}
}

// summaryView is the last line.
type summaryView struct {
	Summary webhook.Summary `json:"summary"`
}

// Text writes the summary for people.
func (v summaryView) Text(t *ui.Text) { t.Linef("%s", v.words()) }

func (v summaryView) words() string {
	s := v.Summary
	noun := "payloads"
	if s.Total == 1 {
		noun = "payload"
	}
	return fmt.Sprintf("%d %s: %d valid, %d mismatched, %d malformed, %d unsigned", s.Total, noun, s.Valid, s.Mismatch, s.Malformed, s.Unsigned)
}

// lineView is a line of JSON that was made elsewhere.
type lineView struct{ json.RawMessage }

// Text writes nothing: lines of JSON are not made for people.
func (lineView) Text(*ui.Text) {}
