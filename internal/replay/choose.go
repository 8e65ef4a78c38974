package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// check refuses what cannot be meant, before the ledger is asked. Deliveries are
// chosen in one way: sending the whole ledger to an endpoint should be said, not
// slipped into.
func (r *Replayer) check(ctx context.Context, in Input) error {
	spec := in.Spec
	if _, err := r.keep(spec); err != nil {
		return err
	}
	if _, err := parseRetry(spec.Retry); err != nil {
		return err
	}
	if err := spec.checkPace(); err != nil {
		return err
	}
	switch {
	case in.Last < 0:
		return payment.Usage(fmt.Sprintf("last %d: is negative", in.Last), "give how many of the newest")
	case in.Last > 0 && spec.Failed:
		return payment.Usage("last: cannot be mixed with --failed", "use one of them")
	case len(in.IDs) > 0 && (in.Last > 0 || spec.Failed):
		return payment.Usage("ID: cannot be mixed with --since, --last, --failed and the like", "give ids, or flags that choose")
	case len(spec.Targets) == 0 && !spec.Failed:
		return payment.Usage("to: --to is missing", "name your endpoint with --to http://127.0.0.1:3000/path")
	}
	for i, target := range spec.Targets {
		if err := r.Sender.Check(ctx, target, spec.AllowRemote); err != nil {
			return err
		}
		if slices.Contains(spec.Targets[:i], target) {
			return payment.Usage("to "+deliver.Shown(target)+": is there twice", "name each target once")
		}
	}
	return nil
}

// choose writes down by id what could be another set of deliveries later.
func (r *Replayer) choose(ctx context.Context, in Input) (Spec, []Left, error) {
	spec := in.Spec
	switch {
	case spec.Failed:
		return r.chooseFailed(ctx, spec)
	case in.Last > 0:
		spec, err := r.chooseLast(ctx, spec, in.Last)
		return spec, nil, err
	}
	for _, id := range in.IDs {
		d, err := r.Ledger.Deliveries.Get(ctx, id)
		if err != nil {
			return spec, nil, err
		}
		spec.IDs = append(spec.IDs, d.ID)
	}
	return spec, nil, nil
}

// pageSize is how many deliveries are read at a time.
const pageSize = 500

// eachChosen walks what the spec's filters let pass, newest first and without
// bodies; do says whether to go on.
func (r *Replayer) eachChosen(ctx context.Context, spec Spec, do func(store.StoredDelivery) (bool, error)) error {
	keep, err := r.keep(spec)
	if err != nil {
		return err
	}
	filter := spec.filter()
	filter.Limit, filter.Failed = pageSize, spec.Failed
	for {
		page, next, err := r.Ledger.Deliveries.List(ctx, filter)
		if err != nil {
			return err
		}
		for _, d := range page {
			if keep != nil {
				kept, err := keep(d)
				if err != nil {
					return err
				}
				if !kept {
					continue
				}
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

func (r *Replayer) chooseLast(ctx context.Context, spec Spec, n int) (Spec, error) {
	err := r.eachChosen(ctx, spec, func(d store.StoredDelivery) (bool, error) {
		spec.IDs = append(spec.IDs, d.ID)
		return len(spec.IDs) < n, nil
	})
	slices.Reverse(spec.IDs)
	if err == nil && len(spec.IDs) == 0 {
		err = payment.NotFound("no delivery in the ledger fits", `see what is there with "payctl webhook list"`)
	}
	return spec, err
}

// chooseFailed finds deliveries whose last attempt at some target got no 2xx,
// unless the forwarder is still at it. Dead letters are among them. A target that
// may not be sent to is left, and the others are gone on with.
func (r *Replayer) chooseFailed(ctx context.Context, spec Spec) (Spec, []Left, error) {
	waiting, err := r.Ledger.Forwards.List(ctx, store.ForwardWaiting, 0)
	if err != nil {
		return spec, nil, err
	}
	busy := map[string]bool{}
	for _, f := range waiting {
		busy[f.DeliveryID+" "+f.Target] = true
	}
	left := r.newLeaving(spec)
	at := map[string][]string{}
	err = r.eachChosen(ctx, spec, func(d store.StoredDelivery) (bool, error) {
		targets, err := r.Ledger.Forwards.Failing(ctx, d.ID)
		if err != nil {
			return false, err
		}
		targets = slices.DeleteFunc(targets, func(target string) bool {
			return busy[d.ID+" "+target] || left.leaves(ctx, target)
		})
		if len(targets) > 0 {
			spec.IDs, at[d.ID] = append(spec.IDs, d.ID), targets
		}
		return true, nil
	})
	if err != nil {
		return spec, nil, err
	}
	slices.Reverse(spec.IDs)
	if len(spec.IDs) == 0 {
		if reason := left.first(); reason != nil {
			return spec, left.list(), reason
		}
		return spec, nil, payment.NotFound("nothing has failed that is not being tried already", `"payctl webhook show ID --attempts" shows what was tried`)
	}
	if len(spec.Targets) == 0 {
		spec.FailedAt = at
	}
	if r.OnLeft != nil {
		for _, l := range left.list() {
			r.OnLeft(l)
		}
	}
	return spec, left.list(), nil
}

// leaving counts what is left at targets that may not be sent to.
type leaving struct {
	r      *Replayer
	spec   Spec
	reason map[string]error
	count  map[string]int
}

func (r *Replayer) newLeaving(spec Spec) *leaving {
	return &leaving{r: r, spec: spec, reason: map[string]error{}, count: map[string]int{}}
}

// leaves reports whether a target is left out. With targets of its own, a run
// does not go to those that failed.
func (l *leaving) leaves(ctx context.Context, target string) bool {
	if len(l.spec.Targets) > 0 {
		return false
	}
	err, known := l.reason[target]
	if !known {
		err = l.r.Sender.Check(ctx, target, l.spec.AllowRemote)
		l.reason[target] = err
	}
	if err != nil {
		l.count[target]++
	}
	return err != nil
}

func (l *leaving) first() error {
	for _, target := range slices.Sorted(maps.Keys(l.count)) {
		return l.reason[target]
	}
	return nil
}

func (l *leaving) list() []Left {
	var out []Left
	for _, target := range slices.Sorted(maps.Keys(l.count)) {
		reason := l.reason[target].Error()
		var e *payment.Error
		if errors.As(l.reason[target], &e) && e.Hint != "" {
			reason += "; " + e.Hint
		}
		out = append(out, Left{Target: deliver.Shown(target), Deliveries: l.count[target], Reason: reason})
	}
	return out
}

// failedTargets are those whose last attempt got no 2xx.
func failedTargets(attempts []store.Attempt) []string {
	last := map[string]int{}
	for _, at := range attempts {
		last[at.Target] = at.Status
	}
	var failed []string
	for _, target := range slices.Sorted(maps.Keys(last)) {
		if !isOK(last[target]) {
			failed = append(failed, target)
		}
	}
	return failed
}

func isOK(status int) bool {
	return status >= http.StatusOK && status < http.StatusMultipleChoices
}
