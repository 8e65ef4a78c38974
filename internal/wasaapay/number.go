package wasaapay

import (
	"math"
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

// canonicalNumber reports whether JSON.stringify writes a valid JSON number
// exactly as it stands. A false says nothing where reading it would be slow.
func canonicalNumber(n []byte) bool {
	if plainlyCanonical(n) {
		return true
	}
	var buf [32]byte
	out, ok := appendFast(buf[:0], n)
	return ok && string(out) == string(n)
}

// Number returns what JSON.stringify writes for a valid JSON number.
func Number(text string) string { return string(appendNumber(nil, []byte(text))) }

// appendNumber appends what JSON.stringify writes for a valid JSON number.
func appendNumber(dst, n []byte) []byte {
	if plainlyCanonical(n) {
		return append(dst, n...)
	}
	return appendDouble(dst, double(n))
}

// appendFast is appendNumber for the numbers that are read fast; for the others it reports
// false.
func appendFast(dst, n []byte) ([]byte, bool) {
	d := decimalOf(n)
	if place := d.q + d.digits; d.digits <= maxExactDigits && place > subnormalPlace && place < mostPlace {
		return d.append(dst), true
	}
	f, ok := d.double()
	if !ok {
		return dst, false
	}
	if d.negative {
		f = -f
	}
	return appendDouble(dst, f), true
}

// append appends what JSON.stringify writes for a number of so few digits that they are the
// shortest for its double too: no other number of as many digits has that double.
func (d decimal) append(dst []byte) []byte {
	if d.digits == 0 {
		return append(dst, '0')
	}
	for d.w%10 == 0 {
		d.w, d.q, d.digits = d.w/10, d.q+1, d.digits-1
	}
	if d.negative {
		dst = append(dst, '-')
	}
	var buf [wDigits]byte
	digits, place := strconv.AppendUint(buf[:0], d.w, 10), int(d.q+d.digits)
	switch {
	case place > 21 || place < -5:
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(append(dst, '.'), digits[1:]...)
		}
		if dst = append(dst, 'e'); place > 0 {
			dst = append(dst, '+')
		}
		return strconv.AppendInt(dst, int64(place-1), 10)
	case place >= len(digits):
		return append(append(dst, digits...), zeros[:place-len(digits)]...)
	case place > 0:
		return append(append(append(dst, digits[:place]...), '.'), digits[place:]...)
	}
	return append(append(append(dst, "0."...), zeros[:-place]...), digits...)
}

const zeros = "000000000000000000000"

// appendDouble appends what JSON.stringify writes for a double: the shortest digits
// that give the same double, in decimal from 1e-6 up to 1e21, with an exponent beyond,
// "0" for minus zero, "null" for what overflows (reference/wasaapay.md §11.4).
func appendDouble(dst []byte, f float64) []byte {
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
