package timing_test

import (
	"testing"
	"time"

	"github.com/payctl/payctl/internal/timing"
)

func TestParseAge(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "2h": 2 * time.Hour, "3d": 72 * time.Hour, "2w": 14 * 24 * time.Hour, "0": 0, "1h30m": 90 * time.Minute,
	} {
		if got, ok := timing.ParseAge(text); !ok || got != want {
			t.Errorf("%s: %s, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "3x", "3 d", "-2h", "99999d", "9999w", "today"} {
		if got, ok := timing.ParseAge(text); ok {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"EAT", "Africa/Nairobi", "UTC", "Local"} {
		if _, err := timing.Zone(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := timing.Zone("Nairobi"); err == nil {
		t.Error("Nairobi is taken for a zone")
	}
}
