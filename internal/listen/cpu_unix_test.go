//go:build unix

package listen

import (
	"syscall"
	"time"
)

// cpuTime is what the process has used of the processors: beside the clock's
// time it tells a slow program from a busy machine.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
