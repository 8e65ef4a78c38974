package sevi

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// expected is one configured token as hashes, so that comparing takes the same
// time whatever its length and content.
type expected struct {
	// scheme is "bearer" or "token" when the value was pasted with one.
	scheme string
	// bare is the hash of the value without a scheme, full of the whole value.
	bare, full [sha256.Size]byte
}

func expect(value string) (expected, error) {
	value = strings.TrimSpace(value)
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return expected{}, payment.Usage("sevi token: holds a line break or another control character", "write the value on one line, as admin.sevi.io shows it")
		}
	}
	scheme, rest := splitScheme(value)
	if rest == "" {
		return expected{}, payment.Usage("sevi token: is empty", "copy the value that admin.sevi.io shows under Settings, Integrations, Webhooks")
	}
	return expected{scheme: scheme, bare: sha256.Sum256([]byte(rest)), full: sha256.Sum256([]byte(value))}, nil
}

// splitScheme takes a leading "Bearer " or "Token " off, in any case. Other
// words are part of the value: no scheme is documented (reference/sevi.md §2).
func splitScheme(value string) (scheme, rest string) {
	i := strings.IndexAny(value, " \t")
	if i < 0 {
		return "", value
	}
	word := strings.ToLower(value[:i])
	if word != "bearer" && word != "token" {
		return "", value
	}
	return word, strings.TrimSpace(value[i:])
}

// authorized returns the form in which a configured token was seen, or why
// there was none. It looks at all tokens, matching or not, in constant time.
func (r *Receiver) authorized(values []string) (form, reason string) {
	switch len(values) {
	case 0:
		return "", "the Authorization header is missing"
	case 1:
	default:
		return "", "more than one Authorization header"
	}
	value := strings.TrimSpace(values[0])
	if value == "" {
		return "", "the Authorization header is empty"
	}
	scheme, rest := splitScheme(value)
	full, bare := sha256.Sum256([]byte(value)), sha256.Sum256([]byte(rest))
	found := 0
	for _, t := range r.tokens {
		same := subtle.ConstantTimeCompare(full[:], t.full[:])
		// A scheme may be there on one side only, or on both alike.
		if scheme == "" || t.scheme == "" || scheme == t.scheme {
			same |= subtle.ConstantTimeCompare(bare[:], t.bare[:])
		}
		found |= same
	}
	if found == 0 {
		return "", "the Authorization header is none of the configured tokens"
	}
	if scheme == "" {
		return "bare value", ""
	}
	return "scheme " + scheme, ""
}
