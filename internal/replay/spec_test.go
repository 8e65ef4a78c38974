package replay

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func TestParseRetry(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]time.Duration{
		"": nil, "1s,5s": {time.Second, 5 * time.Second}, "0s": {0},
		"provider": {time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 12 * time.Hour},
	} {
		schedule, err := parseRetry(text)
		var got []time.Duration
		if schedule != nil {
			got = schedule(payment.WasaaPay)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"soon", "1s,", "-1s", "5", strings.Repeat("1s,", 21) + "1s"} {
		if _, err := parseRetry(text); payment.KindOf(err) != payment.KindUsage {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
