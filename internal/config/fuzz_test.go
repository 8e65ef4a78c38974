package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// FuzzParse: a file's bytes never cause a panic, and a refusal is one line of
// usage with a hint.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "profile: local\n", "profiles:\n  p:\n    environment: sandbox\n    daraja: {shortcode: 600111, passkey_file: x}\n",
		"profiles: {p: {sevi: {token_command: [a, b]}}}\n", "a: &x [*x]\n", "? {a: b}\n: c\n", "<<: {profile: x}\n", "profile: !!binary aGk=\n",
		"profile: |\n  x\n", "---\n---\n", "\xff\xfe", "profiles: {p: null, q: ~}\nlisten:\n", "profile: \"\\x1b[2J\"\n", "[]", "{}", "profile: 0x1F\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parse("config.yaml", data)
		if err != nil {
			var e *payment.Error
			if !errors.As(err, &e) || e.Kind != payment.KindUsage || strings.ContainsAny(e.Message, "\n\x1b") {
				t.Fatalf("got %q", err)
			}
			return
		}
		for _, entries := range d.sections() {
			for key := range entries {
				if _, _, ok := find(key); !ok {
					t.Fatalf("an unknown key %q passed", key)
				}
			}
		}
		for name := range d.profiles {
			c := &Config{source: Source{Flags: map[string]string{"profile": name}}}
			if err := c.chooseProfile(nil, d); err != nil {
				t.Fatalf("a profile of the file cannot be chosen: %v", err)
			}
			if err := c.stack(nil, d); err == nil {
				_ = c.fill()
				c.Show()
			}
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	source := Source{WorkDir: b.TempDir(), ConfigDir: b.TempDir(), DataDir: b.TempDir()}
	for b.Loop() {
		if _, err := Load(b.Context(), source); err != nil {
			b.Fatal(err)
		}
	}
}
