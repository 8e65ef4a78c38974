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
	explanation *webhook.Explanation
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
	if v.explanation != nil {
		t.Line(ui.Plain("  why: "), ui.Bold(payment.Or(v.Reason, "")))
		if v.explanation.Fix != "" {
			t.Linef("  fix: %s", v.explanation.Fix)
		}
	} else if v.Reason != nil {
		t.Line(ui.Plain("  "), ui.Warn(*v.Reason))
	}
}

// Cells are a verdict's columns in a list.
func (v verdictView) Cells() []ui.Span {
	return []ui.Span{ui.Plain(v.Source), ui.Plain(payment.Or(v.Event, "-")), view.Verdict(v.Verdict.Verdict)}
}

// explained adds the usual mistake that a mismatch comes from. It stands in
// the reason, where JSON carries it too.
func (m *verifyMeans) explained(j webhook.Judged, body []byte) (webhook.Judged, *webhook.Explanation) {
	if m.provider != payment.WasaaPay || j.Verdict != payment.VerdictMismatch && j.Verdict != payment.VerdictMalformed {
		return j, nil
	}
	found, ok := webhook.Explain(body, m.keys)
	leftOut := found.LeftOut
	if !ok && j.Verdict == payment.VerdictMalformed {
		return j, nil
	}
	if !ok {
		found = webhook.Explanation{
			Meaning: "none of the usual mistakes fits, the signer's or the receiver's: a value was changed after signing, or the secret is one that payctl does not have",
			Fix:     "compare the secret with the dashboard's, and take the body before any middleware touches it",
		}
	}
	if found.Meaning == "" {
		found.Meaning = j.Reason
	}
	if leftOut != "" {
		found.Meaning += " (" + leftOut + ")"
	}
	j.Reason = found.Meaning
	if found.Mistake != "" {
		j.Reason = found.Mistake + ": " + found.Meaning
	}
	return j, &found
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
