//go:build unix

package daraja

import (
	"syscall"
	"time"
)

// processTime is what the process has used of the processors: beside the clock's time
// it tells a slow program from a busy machine.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
