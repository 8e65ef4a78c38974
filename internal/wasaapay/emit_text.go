package wasaapay

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const lowerHex = "0123456789abcdef"

// text rewrites the string that starts at i and returns where it ends.
func (e *emitter) text(b []byte, i int) int {
	for i++; i < len(b); {
		if i <= len(b)-16 {
			// Two words at once without a branch, for no length of a text can be foretold.
			low, high := unplain(binary.LittleEndian.Uint64(b[i:i+8:i+8])), unplain(binary.LittleEndian.Uint64(b[i+8:i+16:i+16]))
			n := bits.TrailingZeros64(low) >> 3
			if n += bits.TrailingZeros64(high) >> 3 & -(n >> 3); n == 16 {
				i += 16
				continue
			}
			i += n
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = e.escape(b, i); i < 0 {
				return -1
			}
		case c < 0x20:
			return e.fail(i, "a control character stands in a string")
		case c >= utf8.RuneSelf:
			if end := runesEnd(b, i); end > i {
				i = end
			} else {
				i = e.decode(b, i)
			}
		default:
			i++
		}
	}
	return e.fail(i, "a string is not closed")
}

// decode rewrites the characters from i to the next that a string cannot hold as it is, if
// they are ill-formed, and returns where that stands.
func (e *emitter) decode(b []byte, i int) int {
	stop := stringStop(b, i)
	if !utf8.Valid(b[i:stop]) {
		e.copy(b, i)
		e.out, e.from = appendDecoded(e.out, b[i:stop]), stop
	}
	return stop
}

// escape rewrites the escape at i, or the two of a surrogate pair, and returns where it ends.
func (e *emitter) escape(b []byte, i int) int {
	r, n := readEscape(b[i:])
	switch {
	case n == 0:
		return e.fail(i, "not a JSON escape")
	case (r < 0x20 || r == '"' || r == '\\' || r >= 0xd800 && r <= 0xdfff) && canonicalEscape(b[i:]) > 0:
		return i + n
	}
	e.copy(b, i)
	e.out, e.from = appendUnit(e.out, r), i+n
	return i + n
}

// readEscape reads the escape at the start of b and returns its character, or
// a lone surrogate's code, and its length; 0 if it is not JSON's. Two escapes
// that form a surrogate pair are one.
func readEscape(b []byte) (rune, int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	high, ok := escapedUnit(b)
	if !ok {
		return 0, 0
	}
	if high >= 0xd800 && high <= 0xdbff {
		if low, ok := escapedUnit(b[6:]); ok && low >= 0xdc00 && low <= 0xdfff {
			return (high-0xd800)<<10 + (low - 0xdc00) + 0x10000, 12
		}
	}
	return high, 6
}

// appendUnit appends a character as JSON.stringify writes it inside a string.
func appendUnit(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r == '\b':
		return append(dst, '\\', 'b')
	case r == '\f':
		return append(dst, '\\', 'f')
	case r == '\n':
		return append(dst, '\\', 'n')
	case r == '\r':
		return append(dst, '\\', 'r')
	case r == '\t':
		return append(dst, '\\', 't')
	case r < 0x20 || r >= 0xd800 && r <= 0xdfff:
		return append(dst, '\\', 'u', lowerHex[r>>12&15], lowerHex[r>>8&15], lowerHex[r>>4&15], lowerHex[r&15])
	}
	return utf8.AppendRune(dst, r)
}

// appendText appends the characters of a JSON string, given with its quotes.
// Lone surrogates and ill-formed bytes become U+FFFD.
func appendText(dst, quoted []byte) []byte {
	b := quoted[1 : len(quoted)-1]
	for i := 0; i < len(b); {
		stop := stringStop(b, i)
		dst = appendDecoded(dst, b[i:stop])
		if stop >= len(b) {
			break
		}
		r, n := readEscape(b[stop:])
		if n == 0 {
			break
		}
		dst = utf8.AppendRune(dst, r)
		i = stop + n
	}
	return dst
}
