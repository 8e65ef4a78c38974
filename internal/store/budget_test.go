package store

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

const (
	budgetKey = "daraja/query/sandbox"
	interval  = 12 * time.Second
)

// sharedBudget is one ledger file opened twice, as two processes do.
type sharedBudget struct {
	t            *testing.T
	clock        *clock
	mine, theirs *Store
}

func newSharedBudget(t *testing.T) sharedBudget {
	t.Helper()
	c := newClock()
	mine := openTest(t, Options{Now: c.Now})
	return sharedBudget{t: t, clock: c, mine: mine, theirs: openTest(t, Options{Path: mine.Path(), Now: c.Now})}
}

// reserve books a slot and checks the wait for it.
func (b sharedBudget) reserve(by *Store, most, want time.Duration) payment.Slot {
	b.t.Helper()
	slot, err := by.Budget.ReserveWithin(b.t.Context(), budgetKey, interval, most)
	if err != nil {
		b.t.Fatal(err)
	}
	if slot.Wait != want {
		b.t.Errorf("wait %v, want %v", slot.Wait, want)
	}
	if booked := !slot.At.IsZero(); booked != (want <= most) {
		b.t.Errorf("a wait of %v, at most %v: booked %v", want, most, booked)
	}
	return slot
}

func (b sharedBudget) unreserve(by *Store, slot payment.Slot) {
	b.t.Helper()
	if err := by.Budget.Unreserve(b.t.Context(), slot); err != nil {
		b.t.Error(err)
	}
}

// TestReserveWithin checks that whoever does not want to wait for so long books
// nothing, however often it asks.
func TestReserveWithin(t *testing.T) {
	t.Parallel()
	b := newSharedBudget(t)
	b.reserve(b.mine, 0, 0)
	for range 5 {
		b.reserve(b.theirs, 2*time.Second, 12*time.Second)
		b.reserve(b.mine, -time.Second, 12*time.Second)
	}
	b.clock.Add(10 * time.Second)
	b.reserve(b.theirs, 2*time.Second, 2*time.Second)
	b.reserve(b.mine, 2*time.Second, 14*time.Second)
	b.reserve(b.mine, time.Minute, 14*time.Second)

	for _, per := range []time.Duration{0, -1} {
		slot, err := b.mine.Budget.ReserveWithin(t.Context(), "free", per, -1)
		if diff := cmp.Diff(payment.Slot{}, slot); diff != "" || err != nil {
			t.Errorf("without a limit: %v (-want +got):\n%s", err, diff)
		}
		b.unreserve(b.mine, slot)
	}
}

// TestUnreserve checks that a slot goes back only while it is the last one that
// was booked, and only once.
func TestUnreserve(t *testing.T) {
	t.Parallel()
	const always = math.MaxInt64
	for _, c := range []struct {
		name string
		run  func(sharedBudget)
	}{
		{"the last one is free again", func(b sharedBudget) {
			b.reserve(b.mine, always, 0)
			b.unreserve(b.mine, b.reserve(b.mine, always, interval))
			b.reserve(b.theirs, always, interval)
		}},
		{"the first one is free again at once", func(b sharedBudget) {
			b.unreserve(b.mine, b.reserve(b.mine, always, 0))
			b.reserve(b.theirs, always, 0)
		}},
		{"not when somebody has booked after it", func(b sharedBudget) {
			first := b.reserve(b.mine, always, 0)
			b.reserve(b.theirs, always, interval)
			b.unreserve(b.mine, first)
			b.reserve(b.mine, always, 2*interval)
		}},
		{"in reverse, all of them", func(b sharedBudget) {
			first, second := b.reserve(b.mine, always, 0), b.reserve(b.theirs, always, interval)
			b.unreserve(b.theirs, second)
			b.unreserve(b.mine, first)
			b.reserve(b.theirs, always, 0)
		}},
		{"once", func(b sharedBudget) {
			first, second := b.reserve(b.mine, always, 0), b.reserve(b.mine, always, interval)
			b.unreserve(b.mine, second)
			b.unreserve(b.mine, second)
			b.reserve(b.theirs, always, interval)
			b.unreserve(b.mine, first)
			b.reserve(b.theirs, always, 2*interval)
		}},
		{"what was not booked frees nothing", func(b sharedBudget) {
			b.reserve(b.mine, always, 0)
			b.unreserve(b.theirs, b.reserve(b.theirs, time.Second, interval))
			b.reserve(b.mine, always, interval)
		}},
		{"after its time, nobody asks sooner than now", func(b sharedBudget) {
			slot := b.reserve(b.mine, always, 0)
			b.clock.Add(5 * time.Second)
			b.unreserve(b.mine, slot)
			b.reserve(b.theirs, always, 0)
			b.reserve(b.mine, always, interval)
		}},
		{"a hold outlives it", func(b sharedBudget) {
			b.reserve(b.mine, always, 0)
			slot := b.reserve(b.mine, always, interval)
			b.hold(b.theirs, 15*time.Second)
			b.unreserve(b.mine, slot)
			b.reserve(b.theirs, always, 2*interval+time.Microsecond)
		}},
		{"a hold until the end of it outlives it", func(b sharedBudget) {
			slot := b.reserve(b.mine, always, 0)
			b.hold(b.theirs, interval)
			b.unreserve(b.mine, slot)
			b.reserve(b.theirs, always, interval+time.Microsecond)
		}},
		{"a clock that was set back", func(b sharedBudget) {
			slot := b.reserve(b.mine, always, 0)
			b.clock.Add(-time.Hour)
			b.reserve(b.theirs, always, interval)
			b.unreserve(b.mine, slot)
			b.reserve(b.theirs, always, 2*interval)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(newSharedBudget(t))
		})
	}
}

func (b sharedBudget) hold(by *Store, wait time.Duration) {
	b.t.Helper()
	if err := by.Budget.Hold(b.t.Context(), budgetKey, b.clock.Now().Add(wait)); err != nil {
		b.t.Fatal(err)
	}
}

// TestUnreserveKeepsTheDistance books and gives back from two handles in any
// order: what is used is never closer together than the limit allows.
func TestUnreserveKeepsTheDistance(t *testing.T) {
	t.Parallel()
	b := newSharedBudget(t)
	var (
		mu   sync.Mutex
		used []time.Time
		wg   sync.WaitGroup
	)
	for i := range 8 {
		by := []*Store{b.mine, b.theirs}[i%2]
		wg.Go(func() {
			for range 25 {
				slot, err := by.Budget.ReserveWithin(t.Context(), budgetKey, interval, time.Hour)
				if err != nil {
					t.Error(err)
					return
				}
				if rand.IntN(2) == 0 {
					if err := by.Budget.Unreserve(t.Context(), slot); err != nil {
						t.Error(err)
					}
					continue
				}
				mu.Lock()
				used = append(used, slot.At)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.SortFunc(used, time.Time.Compare)
	for i := 1; i < len(used); i++ {
		if gap := used[i].Sub(used[i-1]); gap < interval {
			t.Errorf("slots %v apart, want at least %v", gap, interval)
		}
	}
}
