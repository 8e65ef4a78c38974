package view

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
)

// Replayed is one delivery of a replay and what its targets answered.
type Replayed struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Provider  string          `json:"provider"`
	Event     *string         `json:"event"`
	DepositID *string         `json:"deposit_id"`
	OK        bool            `json:"ok"`
	Answers   []ReplayedReply `json:"answers"`
	// Same says that all targets answered with the same status and body; null
	// for one target.
	Same *bool `json:"same"`
}

// ReplayedReply is what one target answered in the end.
type ReplayedReply struct {
	Target     string  `json:"target"`
	OK         bool    `json:"ok"`
	StatusCode *int    `json:"status_code"`
	LatencyMs  float64 `json:"latency_ms"`
	Attempts   int     `json:"attempts"`
	Body       *string `json:"body"`
	Error      *string `json:"error"`
}

// NewReplayed returns the view of a result.
func NewReplayed(r replay.Result, showPhone bool) Replayed {
	d := r.Delivery
	v := Replayed{Type: "delivery", ID: d.ID, Provider: string(d.Provider), DepositID: payment.OrNull(d.DepositID), OK: r.OK(), Answers: []ReplayedReply{}}
	if d.Event != nil {
		v.Event = payment.OrNull(d.Event.Name)
	}
	for _, answer := range r.Answers {
		view := ReplayedReply{
			Target: deliver.Shown(answer.Target), OK: answer.OK(), LatencyMs: milliseconds(answer.Latency), Attempts: answer.Attempts,
			Body: payment.OrNull(Answer(answer.Body, showPhone)), Error: payment.OrNull(answer.Problem()),
		}
		if answer.Status > 0 {
			view.StatusCode = &answer.Status
		}
		v.Answers = append(v.Answers, view)
	}
	if len(v.Answers) > 1 {
		same := r.Same()
		v.Same = &same
	}
	return v
}

// Text writes one line for each target.
func (v Replayed) Text(t *ui.Text) {
	for _, answer := range v.Answers {
		status, what := ui.Bad("---"), payment.Or(answer.Error, "no answer")
		if answer.StatusCode != nil {
			status, what = ui.Bad(strconv.Itoa(*answer.StatusCode)), payment.Or(answer.Error, http.StatusText(*answer.StatusCode))
			if answer.OK {
				status = ui.OK(strconv.Itoa(*answer.StatusCode))
			}
		}
		line := []ui.Span{status, ui.Plain("  " + v.ID + "  " + payment.Or(v.Event, v.Provider) + " -> " + answer.Target + "  " + what)}
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

// PlannedDelivery is one delivery that a replay would send.
type PlannedDelivery struct {
	Type       string   `json:"type"`
	ID         string   `json:"id"`
	Provider   string   `json:"provider"`
	Event      *string  `json:"event"`
	DepositID  *string  `json:"deposit_id"`
	ReceivedAt string   `json:"received_at"`
	Size       int64    `json:"size"`
	Targets    []string `json:"targets"`
}

// NewPlannedDelivery returns the view of a delivery and where it would go.
func NewPlannedDelivery(d store.StoredDelivery, targets []string) PlannedDelivery {
	v := PlannedDelivery{
		Type: "planned", ID: d.ID, Provider: string(d.Provider), DepositID: payment.OrNull(d.DepositID), ReceivedAt: timing.RFC3339(d.ReceivedAt), Size: d.Size, Targets: []string{},
	}
	if d.Event != nil {
		v.Event = payment.OrNull(d.Event.Name)
	}
	for _, target := range targets {
		v.Targets = append(v.Targets, deliver.Shown(target))
	}
	return v
}

// Text writes one line for each target.
func (v PlannedDelivery) Text(t *ui.Text) {
	for _, target := range v.Targets {
		t.Line(ui.Plain("would send  " + v.ID + "  " + payment.Or(v.Event, v.Provider) + " -> " + target))
	}
}

// ReplayedTarget is one target over the whole run.
type ReplayedTarget struct {
	Target string  `json:"target"`
	OK     int64   `json:"ok"`
	Failed int64   `json:"failed"`
	P50Ms  float64 `json:"p50_ms"`
	P99Ms  float64 `json:"p99_ms"`
}

// ReplayTotals close a run. RunID is null for a dry run.
type ReplayTotals struct {
	RunID     *string          `json:"run_id"`
	DryRun    bool             `json:"dry_run"`
	Total     int64            `json:"total"`
	OK        int64            `json:"ok"`
	Failed    int64            `json:"failed"`
	Skipped   int64            `json:"skipped"`
	Differing int64            `json:"differing"`
	Seconds   float64          `json:"seconds"`
	PerSecond float64          `json:"per_second"`
	Targets   []ReplayedTarget `json:"targets"`
	// Left are targets that the run went past.
	Left []replay.Left `json:"left"`
	// Interrupted says that the run did not come to its end.
	Interrupted bool `json:"interrupted"`
}

// ReplaySummary is the last line of a replay.
type ReplaySummary struct {
	Summary ReplayTotals `json:"summary"`
}

// NewReplaySummary adds up a run that took so long.
func NewReplaySummary(out replay.Outcome, r *replay.Report, took time.Duration, interrupted bool) ReplaySummary {
	seconds := took.Seconds()
	s := ReplayTotals{
		RunID: payment.OrNull(out.RunID), Total: out.Sent + out.Skipped, OK: out.Sent + out.Skipped - out.Failed, Failed: out.Failed,
		Skipped: out.Skipped, Differing: r.Differing, Seconds: math.Round(seconds*1000) / 1000,
		PerSecond: math.Round(float64(out.Sent) / max(seconds, 1e-3)), Targets: []ReplayedTarget{}, Left: out.Left, Interrupted: interrupted,
	}
	if s.Left == nil {
		s.Left = []replay.Left{}
	}
	targets := out.Spec.Targets
	if len(targets) == 0 {
		targets = r.Targets()
	}
	for _, target := range targets {
		tally := r.Tally(target)
		s.Targets = append(s.Targets, ReplayedTarget{
			Target: deliver.Shown(target), OK: tally.OK, Failed: tally.Failed,
			P50Ms: milliseconds(tally.Percentile(50)), P99Ms: milliseconds(tally.Percentile(99)),
		})
	}
	return ReplaySummary{s}
}

// NewPlanSummary closes a dry run of so many deliveries.
func NewPlanSummary(total int64, left []replay.Left) ReplaySummary {
	if left == nil {
		left = []replay.Left{}
	}
	return ReplaySummary{ReplayTotals{DryRun: true, Total: total, Targets: []ReplayedTarget{}, Left: left}}
}

// Text writes the summary for people.
func (v ReplaySummary) Text(t *ui.Text) {
	s := v.Summary
	for _, l := range s.Left {
		t.Line(ui.Warn(fmt.Sprintf("left %d at %s: %s", l.Deliveries, l.Target, l.Reason)))
	}
	if s.DryRun {
		t.Linef("%d deliveries would be sent", s.Total)
		return
	}
	line := fmt.Sprintf("%d deliveries: %d ok, %d failed", s.Total, s.OK, s.Failed)
	if s.Skipped > 0 {
		line += fmt.Sprintf(", %d answered before", s.Skipped)
	}
	if len(s.Targets) > 1 {
		line += fmt.Sprintf(", %d with differing answers", s.Differing)
	}
	t.Linef("%s; %.1f s, %.0f/s (%s)", line, s.Seconds, s.PerSecond, payment.Or(s.RunID, ""))
	if len(s.Targets) < 2 {
		return
	}
	for _, target := range s.Targets {
		t.Linef("  %s: %d ok, %d failed, p50 %.1f ms, p99 %.1f ms", target.Target, target.OK, target.Failed, target.P50Ms, target.P99Ms)
	}
}

// ReplayProgress says how far a run is: its rate, and the time left where the
// number of deliveries is known.
func ReplayProgress(sent, failed, expected int64, took time.Duration) string {
	rate := float64(sent) / max(took.Seconds(), 1e-3)
	text := fmt.Sprintf("%d sent, %.0f/s", sent, rate)
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	if expected > sent {
		left := time.Duration(float64(expected-sent) / rate * float64(time.Second))
		text += fmt.Sprintf(", about %d to go, %s left", expected-sent, left.Round(time.Second))
	}
	return text
}
