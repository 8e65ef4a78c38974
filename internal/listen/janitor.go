package listen

import (
	"context"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// pruneEvery is how often a listener with a retention prunes.
const pruneEvery = time.Hour

// KeepSmall prunes the ledger at once and every hour; 0 keeps everything. The returned
// function ends that and waits. failed is told of what went wrong.
func KeepSmall(ctx context.Context, ledger *store.Store, retention time.Duration, failed func(error)) (stop func()) {
	if retention <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		ticker := time.NewTicker(pruneEvery)
		defer ticker.Stop()
		for {
			if err := prune(ctx, ledger, retention); err != nil && ctx.Err() == nil {
				failed(err)
			}
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

// prune prunes once. Of the listeners on a shared ledger one does it.
func prune(ctx context.Context, ledger *store.Store, retention time.Duration) error {
	if ledger.Shared() {
		held, release, err := ledger.Hold(ctx, "janitor", "pruning")
		if payment.KindOf(err) == payment.KindConflict {
			return nil
		}
		if err != nil {
			return err
		}
		defer release()
		ctx = held
	}
	_, err := ledger.Prune(ctx, ledger.Now().Add(-retention))
	return err
}
