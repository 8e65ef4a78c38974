package wasaapay

import (
	"fmt"
	"math"
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
	for _, text := range texts {
		want, err := strconv.ParseFloat(text, 64)
		if got := double([]byte(text)); got != want && (err == nil || !math.IsInf(got, 0)) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}
