package listen

import (
	"runtime/debug"
	"sync"
)

// At Go's default the collector takes about a tenth of a callback's time: there
// is little that lives, so that it runs all the time. With the limit, SQLite's
// memory and the program's own pages, the process stays below 64 MB at a few hundred
// connections; each has two stacks and two buffers that live, and with a limit that knew
// nothing of them the collector would run without end.
const (
	garbagePercent   = 400
	memoryLimit      = 24 << 20
	connectionMemory = 24 << 10
)

// Collector is the garbage collector of a process whose work is a listener.
type Collector struct {
	percent int
	limit   int64

	mu           sync.Mutex
	open, fitted int64
}

// EaseCollector sets the garbage collector for such a process, until Restore. Leave it out
// where the operator has set GOGC or GOMEMLIMIT.
func EaseCollector() *Collector {
	return &Collector{percent: debug.SetGCPercent(garbagePercent), limit: debug.SetMemoryLimit(memoryLimit)}
}

// Restore sets it to what it was.
func (c *Collector) Restore() {
	debug.SetGCPercent(c.percent)
	debug.SetMemoryLimit(c.limit)
}

// fitStep is how many connections the limit is fitted by: to set it stops the world.
const fitStep = 64

// connections notes that connections were opened, or with a number below 0 closed.
func (c *Collector) connections(n int64) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open += n
	need := (c.open + fitStep - 1) / fitStep * fitStep
	if need > c.fitted || need < c.fitted-fitStep {
		c.fitted = need
		debug.SetMemoryLimit(memoryLimit + need*connectionMemory)
	}
}
