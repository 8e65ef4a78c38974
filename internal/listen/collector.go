package listen

import "runtime/debug"

// At Go's default the collector takes about a tenth of a callback's time: there
// is little that lives, so that it runs all the time. With the limit, SQLite's
// memory and the program's own pages, the process stays below 64 MB.
const (
	garbagePercent = 400
	memoryLimit    = 24 << 20
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
