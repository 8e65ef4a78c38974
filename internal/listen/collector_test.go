package listen

import (
	"runtime/debug"
	"testing"
)

// TestCollectorFits holds that the memory limit grows with the connections, shrinks when
// many are gone, and is what it was in the end.
func TestCollectorFits(t *testing.T) { //nolint:paralleltest // the limit is the process's
	before := debug.SetMemoryLimit(-1)
	c := EaseCollector()
	for _, step := range []struct{ opened, needs int64 }{
		{0, 0}, {1, 64}, {63, 64}, {1, 128}, {-60, 128}, {-5, 0}, {1000, 1024}, {-1000, 0},
	} {
		c.connections(step.opened)
		if got, want := debug.SetMemoryLimit(-1), memoryLimit+step.needs*connectionMemory; got != want {
			t.Errorf("%+v: limit %d, want %d", step, got, want)
		}
	}
	c.Restore()
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("limit %d afterwards, was %d", got, before)
	}
	(*Collector)(nil).connections(1)
}
