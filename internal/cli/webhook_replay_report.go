package cli

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

// replayReport follows a run; package replay calls it one result at a time.
type replayReport struct {
	app       *app
	runID     string
	progress  *ui.Progress
	onTTY     bool
	expected  int64
	started   time.Time
	shown     time.Time
	sent      int64
	failed    int64
	differing int64
	targets   []string
	tallies   map[string]*replay.Tally
}

func (a *app) newReplayReport(ctx context.Context, ledger *store.Store, runID string, spec replaySpec) *replayReport {
	onTTY, _ := terminal(a.in.Stderr)
	r := &replayReport{app: a, runID: runID, onTTY: onTTY, started: a.now(), targets: spec.Targets, tallies: map[string]*replay.Tally{}}
	if onTTY {
		r.expected = expectedDeliveries(ctx, ledger, spec)
		r.progress = a.out.Progress("replaying")
	}
	return r
}

func (r *replayReport) add(result replay.Result) {
	view := r.app.replayedView(result)
	r.sent++
	if !view.OK {
		r.failed++
	}
	if view.Same != nil && !*view.Same {
		r.differing++
	}
	for _, answer := range result.Answers {
		tally := r.tallies[answer.Target]
		if tally == nil {
			tally = &replay.Tally{}
			r.tallies[answer.Target] = tally
		}
		tally.Add(answer)
	}
	r.app.keepErr(r.app.out.Line(view))
	if now := r.app.now(); r.onTTY && now.Sub(r.shown) >= 100*time.Millisecond {
		r.shown = now
		r.progress.Update(r.words(now))
	}
}

// words are the progress: rate, and the time left where the number is known.
func (r *replayReport) words(now time.Time) string {
	rate := float64(r.sent) / max(now.Sub(r.started).Seconds(), 1e-3)
	text := fmt.Sprintf("%d sent, %.0f/s", r.sent, rate)
	if r.failed > 0 {
		text += fmt.Sprintf(", %d failed", r.failed)
	}
	if r.expected > r.sent {
		left := time.Duration(float64(r.expected-r.sent) / rate * float64(time.Second))
		text += fmt.Sprintf(", about %d to go, %s left", r.expected-r.sent, left.Round(time.Second))
	}
	return text
}

func (r *replayReport) summary(totals replay.Totals) replaySummaryView {
	seconds := r.app.now().Sub(r.started).Seconds()
	s := replaySummary{
		RunID: r.runID, Total: totals.Sent + totals.Skipped, OK: totals.Sent + totals.Skipped - totals.Failed, Failed: totals.Failed,
		Skipped: totals.Skipped, Differing: r.differing, Seconds: math.Round(seconds*1000) / 1000,
		PerSecond: math.Round(float64(totals.Sent) / max(seconds, 1e-3)), Targets: []targetSummary{},
	}
	targets := r.targets
	if len(targets) == 0 {
		targets = sortedKeys(r.tallies)
	}
	for _, target := range targets {
		tally := r.tallies[target]
		if tally == nil {
			tally = &replay.Tally{}
		}
		s.Targets = append(s.Targets, targetSummary{
			Target: target, OK: tally.OK, Failed: tally.Failed, P50Ms: inMs(tally.Percentile(50)), P99Ms: inMs(tally.Percentile(99)),
		})
	}
	return replaySummaryView{s}
}

// expectedDeliveries estimates a run's length from the counts that are kept by
// day; 0 when that is not possible.
func expectedDeliveries(ctx context.Context, ledger *store.Store, spec replaySpec) int64 {
	if spec.IDs != nil {
		return int64(len(spec.IDs))
	}
	if spec.Filter != "" || len(spec.Statuses) > 0 {
		return 0
	}
	stats, err := ledger.Stats(ctx, spec.Since)
	if err != nil {
		return 0
	}
	total := int64(0)
	for _, c := range stats.Deliveries {
		if spec.counts(c) {
			total += c.Count
		}
	}
	return total
}
