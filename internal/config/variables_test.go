package config

import (
	"testing"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/payment"
)

// Each setting says what it is for, in so few words that help stays within a line.
func TestEverySettingHasAMeaning(t *testing.T) {
	t.Parallel()
	for _, s := range settings {
		if n := utf8.RuneCountInString(s.what); n == 0 || !s.noEnv && n > 50 {
			t.Errorf("%s: the meaning %q has %d characters, want 1 to 50", s.key, s.what, n)
		}
	}
	w := newWorld(t)
	for _, e := range w.load().Show() {
		if e.Meaning == "" {
			t.Errorf("%s is shown without its meaning", e.Key)
		}
	}
}

// Whatever a name in the list of variables sets can be explained by that name.
func TestVariablesAreRead(t *testing.T) {
	t.Parallel()
	all := Variables()
	if got, want := len(all), len(settings)+1; got != want { // two outside the table, and "environment" has none
		t.Errorf("%d variables, want %d", got, want)
	}
	c := newWorld(t).load()
	for _, v := range all {
		names := []string{v.Name}
		if v.Alias != "" {
			names = append(names, v.Alias)
		}
		if v.Secret {
			names = append(names, v.Name+FileSuffix)
		}
		for _, name := range names {
			if e, err := c.Explain(name); err != nil || e.Variable != v.Name || e.Meaning != v.Meaning {
				t.Errorf("%s: got %+v, %v", name, e, err)
			}
		}
	}
	if _, err := c.Explain("PAYCTL_DB_FILE"); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("a file for what is no secret: %v", err)
	}
}
