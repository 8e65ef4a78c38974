package replay

import (
	"math"
	"time"
)

// Tally counts the answers of one target and keeps how latencies are spread in
// constant memory. The zero value is ready; it is not safe for concurrent use.
type Tally struct {
	// OK counts 2xx answers, Failed all else, missing answers included.
	OK, Failed int64
	// buckets count latencies; each is a twentieth wider than the one before.
	buckets [tallyBuckets]int64
}

const (
	tallyBuckets = 400
	tallyStep    = 1.05
)

// Add counts one answer.
func (t *Tally) Add(a Answer) {
	if a.OK() {
		t.OK++
	} else {
		t.Failed++
	}
	if a.Status > 0 {
		t.buckets[bucket(a.Latency)]++
	}
}

func bucket(latency time.Duration) int {
	us := float64(latency.Microseconds())
	if us < 1 {
		return 0
	}
	return min(int(math.Log(us)/math.Log(tallyStep))+1, tallyBuckets-1)
}

// Percentile returns the latency that p percent of the answers did not pass,
// to within 5 percent; 0 if nothing has been answered.
func (t *Tally) Percentile(p int) time.Duration {
	total := int64(0)
	for _, n := range t.buckets {
		total += n
	}
	passed := int64(0)
	for i, n := range t.buckets {
		if passed += n; n > 0 && passed*100 >= total*int64(p) {
			return time.Duration(math.Pow(tallyStep, float64(i))) * time.Microsecond
		}
	}
	return 0
}
