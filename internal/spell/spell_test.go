package spell

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 65)
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"sandbox", "sandbox", 0},
		{"sandbx", "sandbox", 1},
		{"snadbox", "sandbox", 2},
		{"kitten", "sitting", 3},
		{long, long, 65},
		{"a", long, 65},
	} {
		if got := Distance(tc.a, tc.b); got != tc.want {
			t.Errorf("%q and %q: %d, want %d", tc.a, tc.b, got, tc.want)
		}
		if got := Distance(tc.b, tc.a); got != tc.want {
			t.Errorf("%q and %q: %d, want %d", tc.b, tc.a, got, tc.want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"demo", "deposit", "status", "list", "listen"}
	for word, want := range map[string]string{
		"dep": "deposit", "deposti": "deposit", "DEPOSTI": "deposit", "lisen": "listen", "lis": "list", "sattus": "status",
		"bogus": "", "": "", "xy": "", strings.Repeat("x", 100): "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
