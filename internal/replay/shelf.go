package replay

import (
	"context"
	"slices"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// shelf is the ledger as one run sees it: deliveries chosen by id are handed out
// in that order, and a dead letter that gets through leaves the forward queue
// together with the record of its attempt.
type shelf struct {
	ledger Ledger
	run    store.Run
	spec   Spec
	// dead holds the dead letters' ids by delivery and target.
	dead map[string]string
}

func newShelf(ctx context.Context, ledger Ledger, run store.Run, spec Spec) (*shelf, error) {
	s := &shelf{ledger: ledger, run: run, spec: spec, dead: map[string]string{}}
	letters, err := ledger.Forwards.List(ctx, store.ForwardDead, 0)
	for _, l := range letters {
		s.dead[l.DeliveryID+" "+l.Target] = l.ID
	}
	return s, err
}

// Each hands out the run's deliveries, those chosen by id in that order.
func (s *shelf) Each(ctx context.Context, f store.DeliveryFilter, do func(store.StoredDelivery) error) error {
	if s.spec.IDs == nil {
		return s.ledger.Deliveries.Each(ctx, f, do)
	}
	for _, id := range s.spec.IDs {
		d, err := s.ledger.Deliveries.Get(ctx, id)
		if payment.KindOf(err) == payment.KindNotFound {
			continue // pruned since the run began
		}
		if err != nil {
			return err
		}
		if err := do(d); err != nil {
			return err
		}
	}
	return nil
}

// RecordAttempts records attempts, and what they mean for dead letters.
func (s *shelf) RecordAttempts(ctx context.Context, list []store.Attempt) error {
	others := list
	if len(s.dead) > 0 {
		others = nil
		for _, a := range list {
			id, isDead := s.dead[a.DeliveryID+" "+a.Target]
			if !isDead {
				others = append(others, a)
			} else if err := s.ledger.Forwards.MarkDeadAttempt(ctx, id, a); err != nil {
				return err
			}
		}
	}
	if len(others) == 0 {
		return nil
	}
	return s.ledger.Runs.RecordAttempts(ctx, others)
}

// EachAttempt calls do for what the run has tried already.
func (s *shelf) EachAttempt(ctx context.Context, runID string, do func(store.Attempt) error) error {
	return s.ledger.Runs.EachAttempt(ctx, runID, do)
}

// stillFailed reports whether a --failed run still is to send a delivery to a
// target: others may have brought it there since the run was chosen, which for
// one that is resumed may be long ago.
func (s *shelf) stillFailed(ctx context.Context, id, target string) (bool, error) {
	attempts, err := s.ledger.Deliveries.Attempts(ctx, id)
	if err != nil {
		return false, err
	}
	// What the run has done itself is no reason to leave its other targets out.
	attempts = slices.DeleteFunc(attempts, func(at store.Attempt) bool { return at.RunID == s.run.ID })
	failed := failedTargets(attempts)
	if len(s.spec.Targets) == 0 {
		return slices.Contains(failed, target), nil
	}
	gotThere := slices.ContainsFunc(attempts, func(at store.Attempt) bool {
		return at.Target == target && !at.At.Before(s.run.CreatedAt) && isOK(at.Status)
	})
	return len(failed) > 0 && !gotThere, nil
}
