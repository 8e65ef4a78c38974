package payment_test

import (
	"regexp"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

func TestNewKeys(t *testing.T) {
	t.Parallel()
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	token := regexp.MustCompile(`^[a-z2-7]{26}$`)
	seen := map[string]bool{}
	for range 100 {
		k, tok := payment.NewIdempotencyKey(), payment.NewToken()
		if !uuid.MatchString(k) || !token.MatchString(tok) || seen[k] || seen[tok] {
			t.Fatalf("key %q, token %q", k, tok)
		}
		seen[k], seen[tok] = true, true
	}
}
