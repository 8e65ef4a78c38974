package replay_test

import (
	"testing"
	"time"

	"github.com/payctl/payctl/internal/replay"
)

func TestTally(t *testing.T) {
	t.Parallel()
	var tally replay.Tally
	if got := tally.Percentile(99); got != 0 {
		t.Errorf("of nothing: %s", got)
	}
	for i := range 1000 {
		tally.Add(replay.Answer{Status: 200, Latency: time.Duration(i+1) * 100 * time.Microsecond})
	}
	tally.Add(replay.Answer{Status: 500, Latency: time.Hour})
	tally.Add(replay.Answer{Err: errNone, Latency: time.Hour})
	if tally.OK != 1000 || tally.Failed != 2 {
		t.Errorf("%d and %d, want 1000 and 2", tally.OK, tally.Failed)
	}
	for p, want := range map[int]time.Duration{50: 50 * time.Millisecond, 99: 99 * time.Millisecond, 1: 1100 * time.Microsecond} {
		if got := tally.Percentile(p); got < want*94/100 || got > want*106/100 {
			t.Errorf("percentile %d: %s, want about %s", p, got, want)
		}
	}
}
