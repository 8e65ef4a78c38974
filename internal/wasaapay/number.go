package wasaapay

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
)

// maxExactDigits is how many significant decimal digits survive a float64 for certain.
const maxExactDigits = 15

// numberEnd returns the index after the JSON number that starts at i, or -1 if
// there is none. The grammar is RFC 8259's, which JSON.parse keeps to.
func numberEnd(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i >= len(b) || !isDigit(b[i]):
		return -1
	case b[i] == '0':
		i++
	default:
		i = digitsEnd(b, i)
	}
	if i < len(b) && b[i] == '.' {
		end := digitsEnd(b, i+1)
		if end == i+1 {
			return -1
		}
		i = end
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		end := digitsEnd(b, i)
		if end == i {
			return -1
		}
		i = end
	}
	return i
}

func digitsEnd(b []byte, i int) int {
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i
}

// plainlyCanonical tells, without arithmetic, that JSON.stringify writes a
// valid JSON number exactly as it stands. A false says nothing.
func plainlyCanonical(n []byte) bool {
	negative := n[0] == '-'
	if negative {
		n = n[1:]
	}
	point := -1
	for i, c := range n {
		if c == '.' {
			point = i
		} else if !isDigit(c) {
			return false
		}
	}
	switch {
	case point < 0:
		return len(n) <= maxExactDigits && (!negative || n[0] != '0')
	case len(n)-1 > maxExactDigits || n[len(n)-1] == '0':
		return false
	}
	// 0.000001 is written out, 0.0000001 is 1e-7.
	zeros := 0
	for point+1+zeros < len(n) && n[point+1+zeros] == '0' {
		zeros++
	}
	return n[0] != '0' || zeros <= 5
}

// canonicalNumber tells whether JSON.stringify writes a valid JSON number
// exactly as it stands.
func canonicalNumber(n []byte) bool {
	if plainlyCanonical(n) {
		return true
	}
	var buf [32]byte
	return len(n) <= len(buf) && string(appendNumber(buf[:0], n)) == string(n)
}

// Number returns what JSON.stringify writes for a valid JSON number.
func Number(text string) string { return string(appendNumber(nil, []byte(text))) }

// appendNumber appends what JSON.stringify writes for a valid JSON number: the
// shortest digits that give the same double, in decimal from 1e-6 up to 1e21,
// with an exponent beyond, "0" for minus zero, "null" for what overflows
// (reference/wasaapay.md §11.4).
func appendNumber(dst, n []byte) []byte {
	if plainlyCanonical(n) {
		return append(dst, n...)
	}
	f := double(n)
	switch size := math.Abs(f); {
	case math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0')
	case size >= 1e-6 && size < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go pads the exponent to two digits: 1e-07.
	if k := len(dst) - 2; dst[k] == '0' && (dst[k-1] == '-' || dst[k-1] == '+') {
		dst[k] = dst[k+1]
		dst = dst[:k+1]
	}
	return dst
}

// double returns the double nearest to a valid JSON number, ±Inf beyond them
// all. Two kinds that strconv reads only by long arithmetic are taken before it.
func double(n []byte) float64 {
	digits, negative := n, n[0] == '-'
	if negative {
		digits = n[1:]
	}
	if whole, ok := wholeNumber(digits); ok {
		f := float64(whole)
		if negative {
			f = -f
		}
		return f
	}
	switch place := magnitude(digits); {
	case place > 310:
		return math.Inf(1)
	case place < -330:
		return 0
	case len(n) <= maxParsed && (place > 280 || place < -290):
		return nearTheEnds(string(n))
	}
	// The only error a valid number can give is that of range, with ±Inf as value.
	f, err := strconv.ParseFloat(parsable(n), 64)
	if err != nil {
		return math.Inf(1)
	}
	return f
}

// wholeNumber reads up to 19 plain digits.
func wholeNumber(digits []byte) (uint64, bool) {
	if len(digits) > 19 {
		return 0, false
	}
	whole := uint64(0)
	for _, c := range digits {
		if !isDigit(c) {
			return 0, false
		}
		whole = whole*10 + uint64(c-'0')
	}
	return whole, true
}

// magnitude returns the decimal place of the first digit of a number that has
// an exponent and no 0 in front: 1 for 5e0, 3 for 5e2. Other numbers give 0,
// which says nothing.
func magnitude(digits []byte) int64 {
	if digits[0] == '0' {
		return 0
	}
	e := bytes.IndexAny(digits, "eE")
	if e < 0 {
		return 0
	}
	return int64(digitsEnd(digits, 0)) + statedExponent(digits[e:])
}

// nearTheEnds reads numbers near the largest and the smallest doubles, for
// which strconv takes tens of microseconds: a body full of them would keep a
// processor busy for seconds before its signature is looked at. 1,400 bits hold
// the large ones exactly, and tell a small one of at most 64 digits from the
// middle between two doubles, where no such number can lie.
func nearTheEnds(text string) float64 {
	wide, _, err := big.ParseFloat(text, 10, 1400, big.ToNearestEven)
	if err != nil {
		return math.Inf(1)
	}
	f, _ := wide.Float64()
	return f
}

const (
	// maxParsed is the longest number text, in bytes, that is handed to strconv
	// as it is: beyond 800 digits, and for exponents beyond 10,000, it loses
	// the place of the point.
	maxParsed = 64
	// keptDigits is enough to tell any number from the middle between two
	// doubles, which has at most 767 significant digits.
	keptDigits = 770
	// maxExponent is far beyond any double's.
	maxExponent = 5000
)

// parsable returns a valid JSON number in a form that strconv reads exactly.
func parsable(n []byte) string {
	if len(n) <= maxParsed {
		return string(n)
	}
	out := make([]byte, 0, keptDigits+16)
	if n[0] == '-' {
		out, n = append(out, '-'), n[1:]
	}
	out = append(out, '0', '.')
	start := len(out)
	exponent, sticky, seenPoint := int64(0), false, false
	i := 0
	for ; i < len(n) && n[i] != 'e' && n[i] != 'E'; i++ {
		switch {
		case n[i] == '.':
			seenPoint = true
			continue
		case n[i] == '0' && len(out) == start:
			if seenPoint {
				exponent--
			}
			continue
		case len(out)-start < keptDigits:
			out = append(out, n[i])
		default:
			sticky = sticky || n[i] != '0'
		}
		if !seenPoint {
			exponent++
		}
	}
	if sticky {
		out = append(out, '1')
	}
	if len(out) == start {
		return "0"
	}
	out = append(out, 'e')
	return string(strconv.AppendInt(out, min(max(exponent+statedExponent(n[i:]), -maxExponent), maxExponent), 10))
}

// statedExponent reads "e+12" or nothing, within bounds that no body's digits make up for.
func statedExponent(text []byte) int64 {
	if len(text) == 0 {
		return 0
	}
	text, negative := text[1:], false
	if text[0] == '+' || text[0] == '-' {
		negative, text = text[0] == '-', text[1:]
	}
	e := int64(0)
	for _, c := range text {
		e = min(e*10+int64(c-'0'), 1e12)
	}
	if negative {
		return -e
	}
	return e
}
