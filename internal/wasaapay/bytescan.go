package wasaapay

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a body. JSON.stringify itself gives up at some
// thousands; no webhook comes near either.
const maxDepth = 512

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// stringStop returns the index of the next byte at or after i that a JSON
// string cannot hold as it is (a quote, a backslash or a control character),
// or len(b). It looks at eight bytes at a time: the lowest flagged byte of a
// word is always exact, since a borrow only reaches bytes above a flagged one.
func stringStop(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote := w ^ ('"' * eachByte)
		slash := w ^ ('\\' * eachByte)
		flags := ((w-0x20*eachByte)&^w | (quote-eachByte)&^quote | (slash-eachByte)&^slash) & highBits
		if flags != 0 {
			return i + bits.TrailingZeros64(flags)>>3
		}
	}
	for ; i < len(b); i++ {
		if b[i] == '"' || b[i] == '\\' || b[i] < 0x20 {
			break
		}
	}
	return i
}

// textEnd returns the index after the closing quote of the string whose
// characters start at i, or -1 if it is not as JSON.stringify writes it: UTF-8,
// nothing escaped that need not be.
func textEnd(b []byte, i int) int {
	for i <= len(b)-8 {
		if flags := unplain(binary.LittleEndian.Uint64(b[i : i+8 : i+8])); flags != 0 {
			if i += bits.TrailingZeros64(flags) >> 3; b[i] == '"' {
				return i + 1
			}
			break
		}
		i += 8
	}
	return anyTextEnd(b, i)
}

// unplain flags the bytes of a word that are not plainly part of a string: a
// quote, a backslash, a control character or one beyond ASCII. The lowest flag
// is exact, as in stringStop. The first term is for control characters and the
// quote: exchanging bit 1 puts it right behind them and leaves them together.
func unplain(w uint64) uint64 {
	return (((w ^ 0x02*eachByte) - 0x21*eachByte) | ((w ^ '\\'*eachByte) - eachByte) | w) & highBits
}

// anyTextEnd is textEnd for any characters.
func anyTextEnd(b []byte, i int) int {
	for i < len(b) {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			n := canonicalEscape(b[i:])
			if n == 0 {
				return -1
			}
			i += n
		case c < 0x20:
			return -1
		case c >= utf8.RuneSelf:
			if i = beyondASCII(b, i); i < 0 {
				return -1
			}
		default:
			i++
			for i <= len(b)-8 {
				flags := unplain(binary.LittleEndian.Uint64(b[i : i+8 : i+8]))
				if flags != 0 {
					i += bits.TrailingZeros64(flags) >> 3
					break
				}
				i += 8
			}
		}
	}
	return -1
}

// beyondASCII returns where the next ASCII byte stands, or -1 if what is before
// it is not UTF-8.
func beyondASCII(b []byte, i int) int {
	for i < len(b) && b[i] >= utf8.RuneSelf {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return -1
		}
		i += n
	}
	return i
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	r := rune(hexDigit(b[0]))<<12 | rune(hexDigit(b[1]))<<8 | rune(hexDigit(b[2]))<<4 | rune(hexDigit(b[3]))
	return r, r >= 0
}

// hexDigit returns what a hexadecimal digit stands for, or -1.
func hexDigit(c byte) int8 { return int8(hexValues[c]) }

const hexValues = noDigits + noDigits + noDigits + "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\xff\xff\xff\xff\xff\xff" +
	hexLetters + noDigits + hexLetters + noDigits + noDigits + noDigits + noDigits + noDigits + noDigits + noDigits + noDigits + noDigits

const (
	noDigits   = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	hexLetters = "\xff\x0a\x0b\x0c\x0d\x0e\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff"
)

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// canonicalEscape returns the length of the escape at the start of b if it is
// the one that JSON.stringify writes for its character, else 0.
func canonicalEscape(b []byte) int {
	if len(b) < 2 || b[0] != '\\' {
		return 0
	}
	switch b[1] {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
	default:
		return 0
	}
	r, ok := hex4(b[2:])
	if !ok {
		return 0
	}
	for _, c := range b[2:6] {
		if c >= 'A' && c <= 'F' {
			return 0
		}
	}
	switch {
	case r < 0x20:
		if r == '\b' || r == '\t' || r == '\n' || r == '\f' || r == '\r' {
			return 0
		}
	case r >= 0xd800 && r <= 0xdbff:
		// A high surrogate stays escaped only while no low one follows.
		if low, ok := escapedUnit(b[6:]); ok && low >= 0xdc00 && low <= 0xdfff {
			return 0
		}
	case r >= 0xdc00 && r <= 0xdfff:
	default:
		return 0
	}
	return 6
}

// escapedUnit reads one \uXXXX at the start of b.
func escapedUnit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	return hex4(b[2:])
}

// arrayIndex reads a property name that JavaScript moves to the front of an
// object: "0" to "4294967294" in plain decimal, without leading zeros. Any
// other name gives -1.
func arrayIndex(name []byte) int64 {
	if len(name) == 0 || len(name) > 10 || !isDigit(name[0]) || name[0] == '0' && len(name) > 1 {
		return -1
	}
	n := int64(0)
	for _, c := range name {
		if !isDigit(c) {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	if n >= 1<<32-1 {
		return -1
	}
	return n
}

// runesEnd returns where the characters beyond ASCII end that start at i and are well-formed;
// before the last bytes of b it may stop early. Their lengths take no branch, for nobody can
// foretell them.
func runesEnd(b []byte, i int) int {
	for i <= len(b)-4 && b[i] >= utf8.RuneSelf {
		n := bits.LeadingZeros8(^b[i])
		if n < 2 || n > 4 {
			break
		}
		w := binary.BigEndian.Uint32(b[i : i+4 : i+4])
		unused := uint(32 - 8*n)
		following := uint32(0x00c0c0c0) >> unused << unused
		w = w >> unused << unused
		switch {
		case w&following != 0x00808080&following,
			w < shortest[n&7] || w > 0xf48fbfbf, // written too long, or beyond Unicode
			w >= 0xeda08000 && w <= 0xedbfbf00:  // a surrogate
			return i
		}
		i += n
	}
	return i
}

// shortest is the first character that needs so many bytes.
//
//nolint:gochecknoglobals // a table
var shortest = [8]uint32{2: 0xc2800000, 3: 0xe0a08000, 4: 0xf0908080}

// appendDecoded appends src with each maximal ill-formed part replaced by one
// U+FFFD, as Node decodes bytes to a string (the WHATWG rule; Go's own decoder
// replaces byte by byte).
func appendDecoded(dst, src []byte) []byte {
	for len(src) > 0 {
		r, size := utf8.DecodeRune(src)
		if r == utf8.RuneError && size <= 1 {
			size = illFormed(src)
			dst = append(dst, "\uFFFD"...)
		} else {
			dst = append(dst, src[:size]...)
		}
		src = src[size:]
	}
	return dst
}

// illFormed returns the length of the maximal ill-formed part at the start of b.
func illFormed(b []byte) int {
	low, high := byte(0x80), byte(0xbf)
	var want int
	switch c := b[0]; {
	case c >= 0xc2 && c <= 0xdf:
		want = 2
	case c == 0xe0:
		low, want = 0xa0, 3
	case c == 0xed:
		high, want = 0x9f, 3
	case c >= 0xe1 && c <= 0xef:
		want = 3
	case c == 0xf0:
		low, want = 0x90, 4
	case c == 0xf4:
		high, want = 0x8f, 4
	case c >= 0xf1 && c <= 0xf3:
		want = 4
	default:
		return 1
	}
	n := 1
	for n < want && n < len(b) && b[n] >= low && b[n] <= high {
		low, high = 0x80, 0xbf
		n++
	}
	return n
}
