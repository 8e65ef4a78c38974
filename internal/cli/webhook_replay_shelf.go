package cli

import (
	"context"
	"net/http"
	"os"

	"github.com/gofrs/flock"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// replayShelf is the ledger as one run sees it: deliveries chosen by id are
// handed out in that order, and a dead letter that gets through leaves the
// forward queue together with the record of its attempt.
type replayShelf struct {
	*store.Store
	run  store.Run
	spec replaySpec
	// dead holds the dead letters' ids by delivery and target.
	dead map[string]string
}

func newReplayShelf(ctx context.Context, ledger *store.Store, run store.Run, spec replaySpec) (*replayShelf, error) {
	s := &replayShelf{Store: ledger, run: run, spec: spec, dead: map[string]string{}}
	letters, err := ledger.Forwards(ctx, store.ForwardDead, 0)
	for _, l := range letters {
		s.dead[l.DeliveryID+" "+l.Target] = l.ID
	}
	return s, err
}

// EachDelivery implements replay.Ledger.
func (s *replayShelf) EachDelivery(ctx context.Context, f store.DeliveryFilter, do func(store.StoredDelivery) error) error {
	if s.spec.IDs == nil {
		return s.Store.EachDelivery(ctx, f, do)
	}
	for _, id := range s.spec.IDs {
		d, err := s.Delivery(ctx, id)
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

// RecordAttempt implements replay.Ledger.
func (s *replayShelf) RecordAttempt(ctx context.Context, a store.Attempt) error {
	id, isDead := s.dead[a.DeliveryID+" "+a.Target]
	if !isDead {
		return s.Store.RecordAttempt(ctx, a)
	}
	return s.MarkAttempt(ctx, id, a, store.Outcome{Delivered: isOK(a.Status)})
}

// EachAnswered implements replay.Ledger. Attempts at dead letters are the
// forwarder's in the ledger; those since the run began are this run's, since
// the forwarder leaves dead letters alone.
func (s *replayShelf) EachAnswered(ctx context.Context, runID string, do func(deliveryID, target string, status int) error) error {
	if err := s.Store.EachAnswered(ctx, runID, do); err != nil {
		return err
	}
	for id, targets := range s.spec.FailedAt {
		attempts, err := s.Attempts(ctx, id)
		if err != nil && payment.KindOf(err) != payment.KindNotFound {
			return err
		}
		for _, at := range attempts {
			if at.RunID != "" || at.Status == 0 || at.At.Before(s.run.CreatedAt) {
				continue
			}
			for _, target := range targets {
				if target != at.Target {
					continue
				}
				if err := do(id, target, at.Status); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// lockRun keeps a second process from going on with a run that is under way;
// the lock of a killed process is free. The file beside the ledger is removed
// by unlock.
func lockRun(ledger, runID string) (unlock func(), err error) {
	lock := flock.New(ledger + "." + runID + ".lock")
	locked, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, &payment.Error{Kind: payment.KindInternal, Message: "replay " + runID + ": its lock beside the ledger cannot be made: " + firstLine(err.Error()), Err: err}
	case !locked:
		return nil, &payment.Error{Kind: payment.KindConflict, Message: "replay " + runID + ": another process is at it", Hint: "wait for it to end"}
	}
	return func() {
		_ = os.Remove(lock.Path())
		_ = lock.Unlock()
	}, nil
}

func isOK(status int) bool { return status >= http.StatusOK && status < http.StatusMultipleChoices }
