package wasaapay

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// middle returns the exact decimal of the middle between a double and the next one, cut
// to so many digits: all of them count.
func middle(f float64, digits int) string {
	a, b := new(big.Float).SetPrec(2200).SetFloat64(f), new(big.Float).SetPrec(2200).SetFloat64(math.Nextafter(f, math.Inf(1)))
	sum := a.Add(a, b)
	return sum.Quo(sum, big.NewFloat(2)).Text('e', digits-1)
}

// hostileBodies are bodies of about a mebibyte that a stranger would send to keep a
// processor busy, by what they are full of. None has a signature that fits.
func hostileBodies() map[string][]byte {
	const size = 1 << 20
	fill := func(part func(i int) string) []byte {
		var b bytes.Buffer
		b.WriteString(`{"event":"deposit.completed","signature":"sha256=` + strings.Repeat("0", 64) + `","data":[`)
		for i := 0; b.Len() < size-1000; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(part(i))
		}
		b.WriteString(`]}`)
		return b.Bytes()
	}
	same := func(text string) []byte { return fill(func(int) string { return text }) }
	r := rand.New(rand.NewPCG(1, 2))
	nested := func(open, end string, depth int, inside string) []byte {
		return []byte(`{"signature":"sha256=` + strings.Repeat("0", 64) + `","data":` + strings.Repeat(open, depth) + inside + strings.Repeat(end, depth) + `}`)
	}
	return map[string][]byte{
		"1e-300":                     same("1e-300"),
		"1e-308":                     same("1e-308"),
		"5e-324":                     same("5e-324"),
		"2.5e-310":                   same("2.5e-310"),
		"1e300":                      same("1e300"),
		"9e308, overflow":            same("9e308"),
		"1e309, overflow":            same("1e309"),
		"1e999999999":                same("1e999999999"),
		"1e-999999999":               same("1e-999999999"),
		"the largest double":         same("1.7976931348623157e308"),
		"its middle to infinity":     same("1.797693134862315807e308"),
		"17 digits below the normal": fill(func(int) string { return fmt.Sprintf("%d.%016de-310", 1+r.IntN(9), r.Int64N(1e16)) }),
		"19 digits below the normal": fill(func(int) string { return fmt.Sprintf("%d.%018de-308", 1+r.IntN(9), r.Int64N(1e18)) }),
		"any doubles":                fill(func(int) string { return strconv.FormatFloat(math.Float64frombits(r.Uint64()&^(1<<62)), 'e', -1, 64) }),
		"middles, whole":             same("9007199254740993"),
		"middles, halves":            same("4503599627370497.5"),
		"middles at 1e-300":          same(middle(1e-300, 25)),
		"middles at 1e300":           same(middle(1e300, 25)),
		"middles at 1e-310":          same(middle(1e-310, 25)),
		"middles of 770 digits":      same(middle(1e-310, 760)),
		"long numbers":               same("1." + strings.Repeat("3", 700)),
		"long zeros":                 same("0." + strings.Repeat("0", 700) + "1"),
		"0.1000, not canonical":      same("0.1000"),
		"-0":                         same("-0"),
		"1E5":                        same("1E5"),
		"escapes":                    same(`"\u0041\u00e9\ud83d\ude00"`),
		"lone surrogates":            same(`"\ud800"`),
		"ill-formed UTF-8":           same("\"\xff\xfe\xc3\""),
		"control escapes":            same(`"\u0001\b\f"`),
		"line separators":            same("\"\u2028\""),
		"white space":                same("1         "),
		"empty strings":              same(`""`),
		"nested arrays":              same(strings.Repeat("[", 500) + strings.Repeat("]", 500)),
		"nested objects":             same(strings.Repeat(`{"a":`, 500) + "0" + strings.Repeat("}", 500)),
		"out of order, nested":       nested(`{"a":`, `,"1":0}`, 500, `"`+strings.Repeat("x", size-20_000)+`"`),
		"twice, nested":              nested(`{"a":`, `,"a":0}`, 500, `"`+strings.Repeat("x", size-20_000)+`"`),
		"small objects out of order": same(`{"b":1,"1":2,"a":3,"0":4}`),
		"names twice":                same(`{"a":1,"a":2}`),
		"24 long names alike":        same("{" + strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("n", 1000)+`":0,`, 24), ",") + "}"),
		"one object, many names":     oneObject(size, func(i int) string { return strconv.Itoa(r.Int()) + "x" }),
		"one object, indices down":   oneObject(size, func(i int) string { return strconv.Itoa(1e8 - i) }),
		"one object, one name":       oneObject(size, func(int) string { return "a" }),
		"one object, alike":          oneObject(size, func(i int) string { return fmt.Sprintf("aaaaaaaa%06dzzzzzzzz", i) }),
	}
}

func oneObject(size int, name func(i int) string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"signature":"sha256=` + strings.Repeat("0", 64) + `","data":{`)
	for i := 0; b.Len() < size-1000; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%s":0`, name(i))
	}
	b.WriteString(`}}`)
	return b.Bytes()
}

// costliest is what a mebibyte of a stranger's body may cost in processor time before
// its signature fits. Plain HMAC-SHA256 of the same bytes takes about 1 ms.
const costliest = 100 * time.Millisecond

// TestCostBeforeTheSignatureFits holds every body to that, and smaller pieces of the
// same kinds in proportion. Each is tried a few times: a busy machine is not a cost.
func TestCostBeforeTheSignatureFits(t *testing.T) {
	if raceEnabled {
		t.Skip("LOUD SKIP: the race detector's own cost is not the body's")
	}
	r := NewReceiver(payment.Production, secretsOf(vectorSecret))
	for name, body := range hostileBodies() {
		best := time.Hour
		for range 5 {
			began := processTime()
			i := r.Inspect(payment.Delivery{Body: body})
			best = min(best, processTime()-began)
			if i.Verdict == payment.VerdictValid {
				t.Fatalf("%s: valid", name)
			}
			if best < costliest/2 {
				break
			}
		}
		t.Logf("%-28s %v", name, best)
		if best > costliest {
			t.Errorf("%s: %d bytes took %v of processor time", name, len(body), best)
		}
	}
}

// BenchmarkHostile shows what the same bodies cost beside plain HMAC of the same bytes.
func BenchmarkHostile(b *testing.B) {
	r := NewReceiver(payment.Production, secretsOf(vectorSecret))
	plain := plainHMAC()
	for name, body := range hostileBodies() {
		b.Run("hmac/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				plain(body)
			}
		})
		b.Run("inspect/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				r.Inspect(payment.Delivery{Body: body})
			}
		})
	}
}
