//go:build unix

package webhook

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// TestProbeLeavesAProgram: what the probe left running may hold its output open;
// the count was printed all the same.
func TestProbeLeavesAProgram(t *testing.T) {
	t.Parallel()
	probe := ProbeCommand{Dir: t.TempDir(), Environ: []string{"PATH=" + os.Getenv("PATH")}}
	start := time.Now()
	probe.Command = `sleep 20 & echo 3`
	n, err := probe.Credits(t.Context(), payment.Facts{})
	if took := time.Since(start); n != 3 || err != nil || took > 10*time.Second {
		t.Errorf("%d after %s, error %v", n, took, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	probe.Command = `echo 3`
	if _, err := probe.Credits(ctx, payment.Facts{}); !errors.Is(err, context.Canceled) {
		t.Errorf("in a run that has ended: %v", err)
	}
}
