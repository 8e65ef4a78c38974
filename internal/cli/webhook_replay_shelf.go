package cli

import (
	"context"
	"os"
	"slices"

	"github.com/gofrs/flock"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// replayShelf is the ledger as one run sees it: deliveries chosen by id are
// handed out in that order, and a dead letter that gets through leaves the
// forward queue together with the record of its attempt.
type replayShelf struct {
	*store.Runs
	ledger *store.Store
	run    store.Run
	spec   replaySpec
	// dead holds the dead letters' ids by delivery and target.
	dead map[string]string
}

func newReplayShelf(ctx context.Context, ledger *store.Store, run store.Run, spec replaySpec) (*replayShelf, error) {
	s := &replayShelf{Runs: ledger.Runs, ledger: ledger, run: run, spec: spec, dead: map[string]string{}}
	letters, err := ledger.Forwards.List(ctx, store.ForwardDead, 0)
	for _, l := range letters {
		s.dead[l.DeliveryID+" "+l.Target] = l.ID
	}
	return s, err
}

// Each implements replay.Ledger.
func (s *replayShelf) Each(ctx context.Context, f store.DeliveryFilter, do func(store.StoredDelivery) error) error {
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

// RecordAttempt implements replay.Ledger.
func (s *replayShelf) RecordAttempt(ctx context.Context, a store.Attempt) error {
	if id, isDead := s.dead[a.DeliveryID+" "+a.Target]; isDead {
		return s.ledger.Forwards.MarkDeadAttempt(ctx, id, a)
	}
	return s.Runs.RecordAttempt(ctx, a)
}

// stillFailed tells whether a --failed run still is to send a delivery to a
// target: others may have brought it there since the run was chosen, which for
// one that is resumed may be long ago.
func (s *replayShelf) stillFailed(ctx context.Context, id, target string) (bool, error) {
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

// lockRun keeps a second process from going on with a run that is under way.
func lockRun(ledger, runID string) (unlock func(), err error) {
	return lockReplay(ledger+"."+runID+".lock", "replay "+runID)
}

// lockFailed keeps two --failed runs on one ledger from choosing, or going on
// with, the same deliveries; other runs are free.
func lockFailed(ledger string, spec replaySpec) (unlock func(), err error) {
	if !spec.Failed {
		return func() {}, nil
	}
	return lockReplay(ledger+".failed.lock", "replay --failed")
}

func lockReplay(path, what string) (unlock func(), err error) {
	lock := flock.New(path)
	for {
		locked, err := lock.TryLock()
		switch {
		case err != nil:
			return nil, &payment.Error{Kind: payment.KindInternal, Message: what + ": its lock beside the ledger cannot be made: " + firstLine(err.Error()), Err: err}
		case !locked:
			return nil, &payment.Error{Kind: payment.KindConflict, Message: what + ": another process is at it", Hint: "wait for it to end"}
		case holdsFile(lock):
			return func() {
				_ = os.Remove(lock.Path())
				_ = lock.Unlock()
			}, nil
		}
		// The last holder removed the file after it was opened here: another
		// process would lock a new one.
		_ = lock.Unlock()
	}
}

// holdsFile tells whether the locked file is the one that others find by its name.
func holdsFile(lock *flock.Flock) bool {
	mine, err := lock.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(mine, named)
}
