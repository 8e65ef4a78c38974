package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/ui"
)

// replayedView is one delivery and what its targets answered.
type replayedView struct {
	Type      string       `json:"type"`
	ID        string       `json:"id"`
	Provider  string       `json:"provider"`
	Event     *string      `json:"event"`
	DepositID *string      `json:"deposit_id"`
	OK        bool         `json:"ok"`
	Answers   []answerView `json:"answers"`
	// Same says that all targets answered with the same status and body; null
	// for one target.
	Same *bool `json:"same"`
}

// answerView is what one target answered in the end.
type answerView struct {
	Target     string  `json:"target"`
	OK         bool    `json:"ok"`
	StatusCode *int    `json:"status_code"`
	LatencyMs  float64 `json:"latency_ms"`
	Attempts   int     `json:"attempts"`
	Body       *string `json:"body"`
	Error      *string `json:"error"`
}

// maxShownAnswer bounds what is shown of an answer's body, in bytes.
const maxShownAnswer = 1 << 10

func (a *app) replayedView(r replay.Result) replayedView {
	d := r.Delivery
	v := replayedView{Type: "delivery", ID: d.ID, Provider: string(d.Provider), DepositID: orNull(d.DepositID), OK: r.OK(), Answers: []answerView{}}
	if d.Event != nil {
		v.Event = orNull(d.Event.Name)
	}
	same := true
	for _, answer := range r.Answers {
		body := shownAnswer(answer.Body)
		if !a.global.showPhone {
			body = payment.MaskDigits(body)
		}
		view := answerView{
			Target: answer.Target, OK: answer.OK(), LatencyMs: inMs(answer.Latency), Attempts: answer.Attempts, Body: orNull(body),
		}
		if answer.Status > 0 {
			view.StatusCode = &answer.Status
		}
		if answer.Err != nil {
			view.Error = orNull(firstLine(answer.Err.Error()))
		}
		v.Answers = append(v.Answers, view)
		same = same && answer.Status == r.Answers[0].Status && bytes.Equal(answer.Body, r.Answers[0].Body)
	}
	if len(v.Answers) > 1 {
		v.Same = &same
	}
	return v
}

// shownAnswer is the start of an answer, as text.
func shownAnswer(body []byte) string {
	return strings.TrimSpace(strings.ToValidUTF8(string(body[:min(len(body), maxShownAnswer)]), "\uFFFD"))
}

func inMs(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Text writes one line for each target.
func (v replayedView) Text(t *ui.Text) {
	for _, answer := range v.Answers {
		status, what := ui.Bad("---"), or(answer.Error, "no answer")
		if answer.StatusCode != nil {
			status, what = ui.Bad(itoa(*answer.StatusCode)), http.StatusText(*answer.StatusCode)
			if answer.OK {
				status = ui.OK(itoa(*answer.StatusCode))
			}
		}
		line := []ui.Span{status, ui.Plain("  " + v.ID + "  " + or(v.Event, v.Provider) + " -> " + answer.Target + "  " + what)}
		line = append(line, ui.Dim(fmt.Sprintf("  %.1f ms", answer.LatencyMs)))
		if answer.Attempts > 1 {
			line = append(line, ui.Plain(fmt.Sprintf("  at attempt %d", answer.Attempts)))
		}
		t.Line(line...)
	}
	if v.Same != nil && !*v.Same {
		t.Line(ui.Plain("     "), ui.Warn("the targets' answers differ"))
	}
}

// targetSummary is one target over the whole run.
type targetSummary struct {
	Target string  `json:"target"`
	OK     int64   `json:"ok"`
	Failed int64   `json:"failed"`
	P50Ms  float64 `json:"p50_ms"`
	P99Ms  float64 `json:"p99_ms"`
}

// replaySummary closes a run.
type replaySummary struct {
	RunID     string          `json:"run_id"`
	Total     int64           `json:"total"`
	OK        int64           `json:"ok"`
	Failed    int64           `json:"failed"`
	Skipped   int64           `json:"skipped"`
	Differing int64           `json:"differing"`
	Seconds   float64         `json:"seconds"`
	PerSecond float64         `json:"per_second"`
	Targets   []targetSummary `json:"targets"`
}

// replaySummaryView is the last line.
type replaySummaryView struct {
	Summary replaySummary `json:"summary"`
}

// Text writes the summary for people.
func (v replaySummaryView) Text(t *ui.Text) {
	s := v.Summary
	line := fmt.Sprintf("%d deliveries: %d ok, %d failed", s.Total, s.OK, s.Failed)
	if s.Skipped > 0 {
		line += fmt.Sprintf(", %d answered before", s.Skipped)
	}
	if len(s.Targets) > 1 {
		line += fmt.Sprintf(", %d with differing answers", s.Differing)
	}
	t.Linef("%s; %.1f s, %.0f/s (%s)", line, s.Seconds, s.PerSecond, s.RunID)
	if len(s.Targets) < 2 {
		return
	}
	for _, target := range s.Targets {
		t.Linef("  %s: %d ok, %d failed, p50 %.1f ms, p99 %.1f ms", target.Target, target.OK, target.Failed, target.P50Ms, target.P99Ms)
	}
}
