package payment

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// NewToken returns a path segment that cannot be guessed: 26 lower-case letters
// and digits with 128 random bits. Lower case, since tunnel hosts and proxies
// have been seen to change it (reference/daraja.md §3.6).
func NewToken() string {
	for {
		// One in 400 would hold a word that the gateway refuses, for ever where it is kept.
		if token := strings.ToLower(rand.Text()); len(RefusedWords(token)) == 0 {
			return token
		}
	}
}

// RefusedWords returns the words in a URL, in any case, that Daraja refuses or may refuse
// (reference/daraja.md §3.6).
func RefusedWords(url string) []string {
	lower := strings.ToLower(url)
	var out []string
	for _, word := range [...]string{"m-pesa", "mpesa", "safaricom", "exec", "exe", "cmd", "sql", "query"} {
		if strings.Contains(lower, word) && (word != "exe" || !strings.Contains(lower, "exec")) {
			out = append(out, word)
		}
	}
	return out
}

// NewIdempotencyKey returns a random UUID, version 4, the form that every
// provider takes (reference/wasaapay.md §4).
func NewIdempotencyKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
