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

// A token is kept for years, and a word that the gateway refuses would keep such an
// installation from ever registering its addresses.
func TestTokensHoldNoRefusedWord(t *testing.T) {
	t.Parallel()
	for range 20_000 { // 0.24 % of plain random ones hold one
		if token := payment.NewToken(); len(payment.RefusedWords(token)) > 0 || len(token) != 26 {
			t.Fatalf("token %q holds %q", token, payment.RefusedWords(token))
		}
	}
	for url, want := range map[string]int{"https://a.example.com/EXEC": 1, "https://mpesa.example.com/query": 2, "https://a.example.com/pay": 0} {
		if got := payment.RefusedWords(url); len(got) != want {
			t.Errorf("%s: %q", url, got)
		}
	}
}
