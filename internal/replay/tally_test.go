package replay

import (
	"testing"
	"time"

	"github.com/payctl/payctl/internal/deliver"
)

func answered(status int, latency time.Duration, err error) Answer {
	return Answer{Answer: deliver.Answer{Status: status, Latency: latency, Err: err}}
}

func TestTally(t *testing.T) {
	t.Parallel()
	var tally Tally
	if got := tally.Percentile(99); got != 0 {
		t.Errorf("of nothing: %s", got)
	}
	for i := range 1000 {
		tally.Add(answered(200, time.Duration(i+1)*100*time.Microsecond, nil))
	}
	tally.Add(answered(500, time.Hour, nil))
	tally.Add(answered(0, time.Hour, errNone))
	if tally.OK != 1000 || tally.Failed != 2 {
		t.Errorf("%d and %d, want 1000 and 2", tally.OK, tally.Failed)
	}
	for p, want := range map[int]time.Duration{50: 50 * time.Millisecond, 99: 99 * time.Millisecond, 1: 1100 * time.Microsecond} {
		if got := tally.Percentile(p); got < want*94/100 || got > want*106/100 {
			t.Errorf("percentile %d: %s, want about %s", p, got, want)
		}
	}
}
