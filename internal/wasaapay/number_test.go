package wasaapay

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestDoublesNearTheEnds compares with strconv, which is slow there but right.
func TestDoublesNearTheEnds(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	texts := []string{
		"5e-324", "2e-324", "2.5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "4.9406564584124654e-324", "2.2250738585072014e-308",
		"2.2250738585072011e-308", "179769313486231580793e289", "1.7976931348623158e308", "1.7976931348623159e308", "-179769313486231580793e289",
		"1e309", "1e310", "9e-331", "1e-330", "123456789e-330",
	}
	for range 3000 {
		texts = append(texts,
			fmt.Sprintf("%d.%de-%d", 1+r.IntN(9), r.Int64(), 290+r.IntN(40)),
			fmt.Sprintf("%de%d", r.Int64(), 260+r.IntN(60)),
			strconv.FormatFloat(math.Float64frombits(r.Uint64()>>1&^(0x7ff<<52)), 'e', -1, 64),
		)
	}
	for range 300 {
		f := math.Float64frombits(r.Uint64() & (1<<62 - 1) >> uint(r.IntN(12)))
		exact := middle(f, 800)
		for _, digits := range []int{17, 19, 20, 25, 100, 700} {
			text := middle(f, digits)
			up, down := []byte(exact), []byte(exact)
			for i, c := range exact {
				if c == 'e' {
					up[i-1], down[i-1] = '9', '0'
				}
			}
			texts = append(texts, text, exact, string(up), string(down))
		}
	}
	for _, text := range texts {
		want, err := strconv.ParseFloat(text, 64)
		if len(text) > maxParsed { // beyond 800 digits strconv itself errs
			wide, _, _ := big.ParseFloat(text, 10, 4000, big.ToNearestEven)
			want, _ = wide.Float64()
		}
		if got := double([]byte(text)); got != want && (err == nil || !math.IsInf(got, 0)) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
		if got, ok := fastDouble([]byte(text)); ok && got != want && (err == nil || !math.IsInf(got, 0)) {
			t.Errorf("%s: fast got %v, want %v", text, got, want)
		}
	}
}

// FuzzDouble: a number is read as strconv reads it, as long as that is right.
func FuzzDouble(f *testing.F) {
	for _, seed := range []string{"0", "-0.0", "1e-300", "5e-324", "2.4703282292062328e-324", "1.7976931348623159e308", "9007199254740993", "0.000000000000000000000000001e-300"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) == 0 || len(text) > 700 || numberEnd([]byte(text), 0) != len(text) {
			return
		}
		if d := decimalOf([]byte(text)); d.q > 5000 || d.q < -5000 {
			return
		}
		want, err := strconv.ParseFloat(text, 64)
		if got := double([]byte(text)); got != want && (err == nil || !math.IsInf(got, 0)) {
			t.Fatalf("%s: got %v, want %v", text, got, want)
		}
	})
}
