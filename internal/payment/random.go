package payment

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// NewToken returns a path segment that cannot be guessed: 26 lower-case letters
// and digits with 128 random bits. Lower case, since tunnel hosts and proxies
// have been seen to change it (reference/daraja.md §3.6).
func NewToken() string { return strings.ToLower(rand.Text()) }

// NewIdempotencyKey returns a random UUID, version 4, the form that every
// provider takes (reference/wasaapay.md §4).
func NewIdempotencyKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
