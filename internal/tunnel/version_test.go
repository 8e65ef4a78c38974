package tunnel

import (
	"testing"
	"time"
)

func TestOutdated(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name, version string
		old           bool
	}{
		{Cloudflared, "2026.11.0", false},
		{Cloudflared, "2025.11.1", false},
		{Cloudflared, "2025.10.1", true},
		{Cloudflared, "2019.1.0", true},
		{Cloudflared, "", false},
		{Cloudflared, "1.2.3", false},
		{Cloudflared, "99999999999999999999.1", false},
		{Ngrok, "3.5.0", false},
		{Ngrok, "2.3.40", true},
		{Ngrok, "x", false},
	} {
		if got := Outdated(test.name, test.version, now) != ""; got != test.old {
			t.Errorf("%s %s is old: %v", test.name, test.version, got)
		}
	}
}
