// Package secret holds values that must not be printed: keys, passkeys,
// passwords and tokens. It does not fetch them; config does.
package secret

import (
	"fmt"
	"log/slog"
	"strings"
)

// redacted is what every way of printing a Secret gives.
const redacted = "[redacted]"

// Secret is a string that cannot be printed by accident. Hold it by pointer:
// fmt does not call the methods of what sits in an unexported field, and shows
// a pointer there as an address. The value is behind a pointer of its own, so
// that a Secret held by value by mistake shows no more than that either.
type Secret struct{ value *string }

// New wraps a value.
func New(value string) *Secret { return &Secret{value: &value} }

// Reveal returns the value: the one door to it. A nil Secret reveals "".
func (s *Secret) Reveal() string {
	if s == nil || s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether there is a value.
func (s *Secret) IsSet() bool { return s.Reveal() != "" }

// String returns a fixed text.
func (s *Secret) String() string { return redacted }

// GoString returns a fixed text.
func (s *Secret) GoString() string { return redacted }

// Format prints a fixed text whatever the verb: without it, %d would print the
// fields.
func (s *Secret) Format(f fmt.State, verb rune) {
	if verb != 'q' {
		verb = 's'
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), redacted)
}

// MarshalText writes a fixed text, for JSON and YAML alike.
func (s *Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns a fixed text.
func (s *Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Masked shows no more of a key than its class, where its prefix says one
// (reference/wasaapay.md §2): the rest of a secret, its end too, helps a guess.
func (s *Secret) Masked() string {
	v := s.Reveal()
	if v == "" {
		return ""
	}
	for _, class := range []string{"sk_sandbox_", "sk_live_", "ppk_sandbox_", "ppk_live_"} {
		if strings.HasPrefix(v, class) && len(v) >= len(class)+8 {
			return class + "****"
		}
	}
	return "****"
}
