package wasaapay

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"sync"
)

// A body of a stranger costs what its numbers cost, before its signature is looked
// at. Nearly every number is read in some tens of nanoseconds here; strconv alone
// takes tens of microseconds for those near the smallest doubles. What is left are
// numbers of more than 19 digits that lie so close to the middle between two doubles
// that all their digits count: an emitter allows a body few of them.

// double returns the double nearest to a valid JSON number, ±Inf beyond them all.
func double(n []byte) float64 {
	if f, ok := fastDouble(n); ok {
		return f
	}
	f, _ := strconv.ParseFloat(parsable(n), 64)
	return f
}

// slowCost is about what reading a number costs that fastDouble does not know, in
// microseconds: strconv shifts its digits by as many places as it has before or after
// the point.
func slowCost(n []byte) int {
	d := decimalOf(n)
	place := d.q + d.digits
	return 1 + int(max(place, -place))*(min(len(n), keptDigits)+100)/640
}

// fastDouble is double for the numbers that are read fast; false for the others.
func fastDouble(n []byte) (float64, bool) {
	d := decimalOf(n)
	f, ok := d.double()
	if d.negative {
		f = -f
	}
	return f, ok
}

// decimal is a number by its first 19 digits, from the first that is not 0: the value
// is w times 10 to the q, and a little more where digits other than 0 were left out.
type decimal struct {
	negative bool
	w        uint64
	q        int64
	more     bool
	// digits is how many w has, 0 for zero.
	digits int64
}

// wDigits is how many digits a uint64 holds for certain.
const wDigits = 19

// decimalOf takes a valid JSON number apart.
func decimalOf(n []byte) decimal {
	var d decimal
	if n[0] == '-' {
		d.negative, n = true, n[1:]
	}
	point, i := false, 0
	for ; i < len(n) && n[i]|0x20 != 'e'; i++ {
		c := n[i]
		switch {
		case c == '.':
			point = true
			continue
		case d.digits == 0 && c == '0':
		case d.digits < wDigits:
			d.w = d.w*10 + uint64(c-'0')
			d.digits++
		default:
			d.more = d.more || c != '0'
			if !point {
				d.q++
			}
			continue
		}
		if point {
			d.q--
		}
	}
	d.q += statedExponent(n[i:])
	return d
}

// The decimal place of the first digit, 0 for 0.1, tells where a number lies among the
// doubles.
const (
	// mostPlace is that of the largest doubles, leastPlace that of the smallest.
	mostPlace  = 309
	leastPlace = -323
	// subnormalPlace is the largest of the doubles below the normal ones.
	subnormalPlace = -307
	// overflowDigits are the first 19 digits of the middle between the largest double
	// and the next power of two, from which on all is infinite.
	overflowDigits = 1797693134862315807
)

func (d decimal) double() (float64, bool) {
	place := d.q + d.digits
	switch {
	case d.digits == 0 || place < leastPlace:
		return 0, true
	case place > mostPlace:
		return math.Inf(1), true
	case place == mostPlace:
		w := d.w
		for digits := d.digits; digits < wDigits; digits++ {
			w *= 10
		}
		if w >= overflowDigits {
			return math.Inf(1), w > overflowDigits
		}
	case place <= subnormalPlace:
		if k, certain := d.multiple(); k <= 1<<53 {
			return math.Float64frombits(k), certain
		}
	}
	f := parsed(d.w, d.q)
	return f, !d.more || f == parsed(d.w+1, d.q)
}

// parsed is w times 10 to the q, which strconv reads fast among the normal doubles.
func parsed(w uint64, q int64) float64 {
	if w < 1<<53 && q == 0 {
		return float64(w)
	}
	var buf [32]byte
	text := append(strconv.AppendUint(buf[:0], w, 10), 'e')
	f, _ := strconv.ParseFloat(string(strconv.AppendInt(text, q, 10)), 64)
	return f
}

// multiple returns the number over the smallest double, 2 to the -1074, to the nearest
// whole; up to 2 to the 53 that is also the double's bits. It multiplies w by 10 to the
// q times 2 to the 1074, known to 128 bits from below, and is not certain where the rest
// decides. No number of 19 digits lies in the middle between two multiples.
func (d decimal) multiple() (k uint64, certain bool) {
	if d.q < leastPower || d.q > mostPower {
		return 0, false
	}
	power := smallPowers()[d.q-leastPower]
	low := power.times(d.w)
	// The true power is less than one unit more, and so is w where digits were left out.
	high := low.plus(wide{lo: d.w})
	if d.more {
		high = high.plus(wide{mid: power.hi, lo: power.lo}).plus(wide{lo: 1})
	}
	k = low.rounded(power.shift)
	return k, k == high.rounded(power.shift)
}

// smallPower is 10 to the q times 2 to the 1074, times 2 to the shift, rounded down to
// 128 bits, of which the first is 1.
type smallPower struct {
	hi, lo uint64
	shift  uint
}

// The exponents that numbers of 1 to 19 digits have at those places.
const (
	leastPower = leastPlace - wDigits
	mostPower  = subnormalPlace - 1
)

//nolint:gochecknoglobals // a table, made when the first such number is read
var smallPowers = sync.OnceValue(func() *[mostPower - leastPower + 1]smallPower {
	var table [mostPower - leastPower + 1]smallPower
	for i := range table {
		divisor := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-leastPower-i)), nil)
		over := func(shift int) *big.Int {
			one := new(big.Int).Lsh(big.NewInt(1), uint(shift+1074))
			return one.Quo(one, divisor)
		}
		shift := divisor.BitLen() + 127 - 1074
		power := over(shift)
		if power.BitLen() < 128 {
			shift++
			power = over(shift)
		}
		var bytes [16]byte
		power.FillBytes(bytes[:])
		table[i] = smallPower{hi: bigEndian(bytes[:8]), lo: bigEndian(bytes[8:]), shift: uint(shift)}
	}
	return &table
})

func bigEndian(b []byte) (n uint64) {
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

func (p smallPower) times(w uint64) wide {
	carry, lo := bits.Mul64(p.lo, w)
	hi, mid := bits.Mul64(p.hi, w)
	mid, over := bits.Add64(mid, carry, 0)
	return wide{hi: hi + over, mid: mid, lo: lo}
}

// wide is a whole number of up to 256 bits.
type wide struct{ top, hi, mid, lo uint64 }

func (a wide) plus(b wide) wide {
	lo, c := bits.Add64(a.lo, b.lo, 0)
	mid, c := bits.Add64(a.mid, b.mid, c)
	hi, c := bits.Add64(a.hi, b.hi, c)
	return wide{a.top + b.top + c, hi, mid, lo}
}

// rounded is the number over 2 to the shift, from 65 to 191, to the nearest whole one.
func (a wide) rounded(shift uint) uint64 {
	if shift <= 128 {
		a = a.plus(wide{mid: 1 << (shift - 65)})
		return a.mid>>(shift-64) | a.hi<<(128-shift)
	}
	a = a.plus(wide{hi: 1 << (shift - 129)})
	return a.hi>>(shift-128) | a.top<<(192-shift)
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
