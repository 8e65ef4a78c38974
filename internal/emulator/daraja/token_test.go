package daraja

import (
	"regexp"
	"testing"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// reference/daraja.md §2: tokens are 28 letters and digits, and none comes twice.
func TestTokens(t *testing.T) {
	t.Parallel()
	g, seen, shape := engine.NewIDs(42), map[string]bool{}, regexp.MustCompile(`^[A-Za-z0-9]{28}$`)
	for range 20000 {
		token := newToken(g)
		if seen[token] || !shape.MatchString(token) {
			t.Fatalf("token %s", token)
		}
		seen[token] = true
	}
}
