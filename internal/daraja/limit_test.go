package daraja

import (
	"errors"
	"testing"
	"time"
)

// Only a rate that was too high keeps everybody waiting: an HTML page from the edge, or
// a busy system, is one request's trouble.
func TestOnlyLimitsHoldEverybody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer answer
		want   time.Duration
	}{
		"HTML from the edge": {answer{status: 403, body: "<html>blocked</html>"}, 0},
		"HTML 503":           {answer{status: 503, body: "<html>down</html>"}, 0},
		"busy":               {answer{status: 500, body: syncError("500.003.02", "System is busy. Please try again in few minutes.")}, 0},
		"spike arrest":       {answer{status: 500, body: syncError("500.003.02", "Error Occurred: Spike Arrest Violation")}, waitSpike},
		"429":                {answer{status: 429, body: "{}"}, waitSpike},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, c.answer)
			_, err := g.client().Ask(t.Context(), testDeposit(t))
			var limited interface{ RetryAfter() time.Duration }
			got := time.Duration(0)
			if errors.As(err, &limited) {
				got = limited.RetryAfter()
			}
			if err == nil || got != c.want {
				t.Errorf("hold %s, error %v, want %s", got, err, c.want)
			}
		})
	}
}
