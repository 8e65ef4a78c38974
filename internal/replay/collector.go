package replay

import "runtime/debug"

// At Go's default the collector takes an eighth of a replay's time: what was read and is
// not sent yet is little, so that it runs all the time. Where much waits for retries, the
// limit has it run sooner.
const (
	garbagePercent = 400
	memoryLimit    = 128 << 20
)

// EaseCollector sets the garbage collector for a process whose work is a replay, until
// restore is called. Leave it out where the operator has set GOGC or GOMEMLIMIT.
func EaseCollector() (restore func()) {
	percent, limit := debug.SetGCPercent(garbagePercent), debug.SetMemoryLimit(memoryLimit)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}
