package cli

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/store"
)

// maxReplayLanes bounds --concurrency: each lane may hold a connection.
const maxReplayLanes = 1000

// replaySpec checks the flags and turns them into what is to be done.
func (a *app) replaySpec(o webhookReplayOptions) (replaySpec, error) {
	spec := o.spec
	if spec.Failed && !o.changed["verdict"] {
		o.verdict = "" // whatever was sent on may be sent on again
	}
	listed, err := a.deliveryFilter(webhookListOptions{
		provider: o.provider, event: spec.Event, verdict: o.verdict, status: o.status, since: o.since, until: o.until,
	})
	if err != nil {
		return spec, err
	}
	spec.Provider, spec.Statuses, spec.Verdicts, spec.Since, spec.Until = listed.Provider, listed.Statuses, listed.Verdicts, listed.Since, listed.Until
	if spec.Until.IsZero() {
		// What arrives while the run goes on, or before it is resumed, is not part of it.
		spec.Until = a.now()
	}
	if _, err := parseFilter[deliveryFields](spec.Filter); err != nil {
		return spec, err
	}
	if _, err := parseRetry(spec.Retry); err != nil {
		return spec, err
	}
	if err := spec.checkPace(); err != nil {
		return spec, err
	}
	if o.last < 0 {
		return spec, usagef("give how many of the newest", "last %d: is negative", o.last)
	}
	if err := o.checkChoice(); err != nil {
		return spec, err
	}
	if len(spec.Targets) == 0 && !spec.Failed {
		return spec, usagef("name your endpoint with --to http://127.0.0.1:3000/path", "to: --to is missing")
	}
	for i, target := range spec.Targets {
		if err := replay.CheckTarget(target, spec.AllowRemote); err != nil {
			return spec, err
		}
		if slices.Contains(spec.Targets[:i], target) {
			return spec, usagef("name each target once", "to %s: is there twice", target)
		}
	}
	return spec, nil
}

// checkChoice wants deliveries to be chosen in one way: sending the whole
// ledger to an endpoint should be said, not slipped into.
func (o webhookReplayOptions) checkChoice() error {
	ranged := ""
	for _, name := range []string{"since", "until", "provider", "event", "status", "filter", "verdict"} {
		if o.changed[name] {
			ranged = name
			break
		}
	}
	switch {
	case len(o.ids) > 0 && (ranged != "" || o.last > 0 || o.spec.Failed):
		return usagef("give ids, or flags that choose", "ID: cannot be mixed with --since, --last, --failed and the like")
	case o.last > 0 && o.spec.Failed:
		return usagef("use one of them", "last: cannot be mixed with --failed")
	case len(o.ids) == 0 && ranged == "" && o.last == 0 && !o.spec.Failed:
		return usagef("give ids, --last N, --failed, or a range such as --since 2h", "which deliveries to send is not said")
	}
	return nil
}

func (s replaySpec) checkPace() error {
	switch {
	case math.IsNaN(s.Rate) || math.IsInf(s.Rate, 0):
		return usagef("use a number of deliveries a second, 0 for no limit", "rate %v: is not a number", s.Rate)
	case math.IsNaN(s.Speed) || math.IsInf(s.Speed, 0):
		return usagef("use 1 for the original pace, 0 for as fast as possible", "speed %v: is not a number", s.Speed)
	case s.Rate < 0:
		return usagef("use a number of deliveries a second", "rate %v: is negative", s.Rate)
	case s.Speed < 0:
		return usagef("use 1 for the original pace, 10 for ten times as fast", "speed %v: is negative", s.Speed)
	case s.Concurrency < 1 || s.Concurrency > maxReplayLanes:
		return usagef("use 1 to "+itoa(maxReplayLanes), "concurrency %d: is out of range", s.Concurrency)
	}
	return nil
}

// choose writes down by id what could be another set of deliveries later.
func (a *app) choose(ctx context.Context, ledger *store.Store, spec replaySpec, o webhookReplayOptions) (replaySpec, error) {
	switch {
	case spec.Failed:
		return a.chooseFailed(ctx, ledger, spec)
	case o.last > 0:
		return chooseLast(ctx, ledger, spec, o.last)
	}
	for _, id := range o.ids {
		d, err := ledger.Deliveries.Get(ctx, id)
		if err != nil {
			return spec, err
		}
		spec.IDs = append(spec.IDs, d.ID)
	}
	return spec, nil
}

// eachChosen walks what the spec's filters let pass, newest first and without
// bodies; do tells whether to go on.
func eachChosen(ctx context.Context, ledger *store.Store, spec replaySpec, do func(store.StoredDelivery) (bool, error)) error {
	wanted, err := parseFilter[deliveryFields](spec.Filter)
	if err != nil {
		return err
	}
	filter := spec.filter()
	filter.Limit = filterPage
	for {
		page, next, err := ledger.Deliveries.List(ctx, filter)
		if err != nil {
			return err
		}
		for _, d := range page {
			keep, err := keepsDelivery(wanted, d)
			if err != nil {
				return err
			}
			if !keep {
				continue
			}
			if more, err := do(d); err != nil || !more {
				return err
			}
		}
		if next == "" {
			return nil
		}
		filter.Cursor = next
	}
}

func chooseLast(ctx context.Context, ledger *store.Store, spec replaySpec, n int) (replaySpec, error) {
	err := eachChosen(ctx, ledger, spec, func(d store.StoredDelivery) (bool, error) {
		spec.IDs = append(spec.IDs, d.ID)
		return len(spec.IDs) < n, nil
	})
	slices.Reverse(spec.IDs)
	if err == nil && len(spec.IDs) == 0 {
		err = noneChosen()
	}
	return spec, err
}

func noneChosen() error {
	return payment.NotFound("no delivery in the ledger fits", `see what is there with "payctl webhook list"`)
}

// chooseFailed finds deliveries whose last attempt at some target got no 2xx,
// unless the forwarder is still at it. Dead letters are among them.
func (a *app) chooseFailed(ctx context.Context, ledger *store.Store, spec replaySpec) (replaySpec, error) {
	waiting, err := ledger.Forwards.List(ctx, store.ForwardWaiting, 0)
	if err != nil {
		return spec, err
	}
	busy := map[string]bool{}
	for _, f := range waiting {
		busy[f.DeliveryID+" "+f.Target] = true
	}
	at := map[string][]string{}
	err = eachChosen(ctx, ledger, spec, func(d store.StoredDelivery) (bool, error) {
		attempts, err := ledger.Deliveries.Attempts(ctx, d.ID)
		if err != nil {
			return false, err
		}
		targets := slices.DeleteFunc(failedTargets(attempts), func(target string) bool { return busy[d.ID+" "+target] })
		if len(targets) > 0 {
			spec.IDs, at[d.ID] = append(spec.IDs, d.ID), targets
		}
		return true, nil
	})
	if err != nil {
		return spec, err
	}
	slices.Reverse(spec.IDs)
	if len(spec.IDs) == 0 {
		return spec, payment.NotFound("nothing has failed that is not being tried already", `"payctl webhook show ID --attempts" shows what was tried`)
	}
	if len(spec.Targets) > 0 {
		return spec, nil
	}
	spec.FailedAt = at
	for _, targets := range at {
		for _, target := range targets {
			if err := replay.CheckTarget(target, spec.AllowRemote); err != nil {
				return spec, err
			}
		}
	}
	return spec, nil
}

// failedTargets are those whose last attempt got no 2xx.
func failedTargets(attempts []store.Attempt) []string {
	last := map[string]int{}
	for _, at := range attempts {
		last[at.Target] = at.Status
	}
	var failed []string
	for _, target := range sortedKeys(last) {
		if !isOK(last[target]) {
			failed = append(failed, target)
		}
	}
	return failed
}

func isOK(status int) bool {
	return status >= http.StatusOK && status < http.StatusMultipleChoices
}

// counts tells whether a day's count is of what the spec asks for.
func (s replaySpec) counts(c store.DeliveryCount) bool {
	prefix, wild := strings.CutSuffix(s.Event, "*")
	return (s.Provider == "" || s.Provider == c.Provider) &&
		(len(s.Verdicts) == 0 || slices.Contains(s.Verdicts, c.Verdict)) && c.Day.Before(s.Until) &&
		(s.Event == "" || s.Event == c.Event || wild && strings.HasPrefix(c.Event, prefix))
}
