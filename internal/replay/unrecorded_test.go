package replay

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/payctl/payctl/internal/store"
)

// heldUp is a ledger that records nothing until it is let.
type heldUp struct {
	*records
	let chan struct{}
}

func (h heldUp) RecordAttempts(ctx context.Context, list []store.Attempt) error {
	<-h.let
	return h.records.RecordAttempts(ctx, list)
}

// TestWhatAKillSendsAgain holds that a run has sent no more than two deliveries a lane
// beyond what is recorded, and none of a payment whose last answer is not, however long
// recording takes.
func TestWhatAKillSendsAgain(t *testing.T) {
	t.Parallel()
	for _, lanes := range []int{1, 8} {
		t.Run(fmt.Sprint(lanes), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var names []string
				for payer := range 300 {
					names = append(names, fmt.Sprintf("p%d.1", payer), fmt.Sprintf("p%d.2", payer))
				}
				e := &endpoint{answer: func(string, int) int { return http.StatusOK }}
				o, s := e.options(named(names...))
				o.concurrency = lanes
				ledger := heldUp{s, make(chan struct{})}
				o.ledger = ledger
				ended := make(chan error)
				go func() {
					_, err := send(t.Context(), o)
					ended <- err
				}()
				synctest.Wait()
				for recorded := -1; recorded < len(s.attempts); {
					recorded = len(s.attempts)
					if beyond := len(e.posts) - recorded; beyond > 2*lanes || recorded == 0 && beyond != 2*lanes {
						t.Fatalf("%d are sent and not recorded", beyond)
					}
					done := map[string]bool{}
					for _, a := range s.attempts {
						done[strings.TrimPrefix(a.DeliveryID, "dlv_")] = true
					}
					for _, p := range e.posts {
						if payer, second := strings.CutSuffix(p.Body, ".2"); second && !done[payer+".1"] {
							t.Fatalf("%s was sent before the answer of the one before it was recorded", p.Body)
						}
					}
					select {
					case ledger.let <- struct{}{}:
					default:
					}
					synctest.Wait()
				}
				if err := <-ended; err != nil || len(s.attempts) != len(names) {
					t.Errorf("%d of %d recorded, %v", len(s.attempts), len(names), err)
				}
			})
		})
	}
}
