package replay

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// TestLockRun holds that a run is one process's at a time though the lock's file
// goes when it ends: whoever opened the old file must not count as its holder.
func TestLockRun(t *testing.T) {
	t.Parallel()
	ledger := filepath.Join(t.TempDir(), "ledger.db")
	const processes, rounds = 4, 3000
	var inside, done atomic.Int64
	var all sync.WaitGroup
	for range processes {
		all.Go(func() {
			for range rounds {
				_, unlock, err := Ledger{Path: ledger}.lockRun(t.Context(), "run_1")
				if payment.KindOf(err) == payment.KindConflict {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) > 1 {
					t.Error("two hold the lock")
				}
				done.Add(1)
				inside.Add(-1)
				unlock()
			}
		})
	}
	all.Wait()
	if done.Load() == 0 {
		t.Error("nobody got the lock")
	}
}
