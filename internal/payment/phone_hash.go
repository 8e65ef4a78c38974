package payment

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Hashes of a phone number. C2B version 1 and some callbacks carry the SHA-256 of the
// MSISDN in hexadecimal (reference/daraja.md §9, §10.1). All numbers of a country can be
// hashed within seconds, so that a hash tells as much as the number.
const (
	hashLength = 2 * sha256.Size
	// hashShown digits stay: they leave as many numbers possible as a masked number does.
	hashShown = 2
	// shortestHash is the length of an MD5 in base64, without its padding.
	shortestHash = 22
	// signaturePrefix is in front of a digest that is a signature.
	signaturePrefix = "sha256="
)

// isHash reports whether the hexadecimal digits of text from start to end, which are all
// that stand there, end with a SHA-256 that stands alone and is not a signature.
func isHash(text string, start, end int) bool {
	if start > 0 && text[start-1] == '%' {
		start += 2 // of a form: %3D
	} else if isWord(text, start-1) {
		return false
	}
	if end-start != hashLength || isWord(text, end) {
		return false
	}
	head := len(signaturePrefix)
	return start < head || !strings.EqualFold(text[start-head:start], signaturePrefix)
}

// isWord reports whether the character at i is a letter, a digit or an underscore.
func isWord(text string, i int) bool {
	if i < 0 || i >= len(text) {
		return false
	}
	c := text[i]
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

// maskHash hides, in out, all of a hash but its first digits.
func maskHash(out []byte) {
	for i := hashShown; i < len(out); i++ {
		out[i] = '*'
	}
}

// MaskPhone returns text that is known to stand for a phone number as it may be shown:
// masked as MaskDigits does, a hash of whatever kind too.
func MaskPhone(text string) string {
	text = MaskDigits(text)
	out := []byte(text)
	for start := 0; start < len(out); {
		end := start
		for end < len(out) && (isWord(text, end) || strings.IndexByte("+/-*", text[end]) >= 0) {
			end++
		}
		if end-start >= shortestHash {
			maskHash(out[start:end])
		}
		start = end + 1
	}
	return string(out)
}

// isHashOf reports whether text is the SHA-256 of the number in hexadecimal.
func (p Phone) isHashOf(text string) bool {
	sum := sha256.Sum256([]byte(p.digits))
	return strings.EqualFold(text, hex.EncodeToString(sum[:]))
}
