package listen

import "runtime/debug"

// The collector's share of a callback is a tenth of its cost at Go's default;
// at four times as much garbage it is a fortieth, and the limit has it work
// harder again before memory could matter (design target: below 64 MB).
const (
	garbagePercent = 400
	memoryLimit    = 40 << 20
)

// EaseCollector sets the garbage collector for a process whose work is a
// listener, until restore is called. Leave it out where the operator has set
// GOGC or GOMEMLIMIT.
func EaseCollector() (restore func()) {
	percent, limit := debug.SetGCPercent(garbagePercent), debug.SetMemoryLimit(memoryLimit)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}
