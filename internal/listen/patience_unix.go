//go:build unix

package listen

import "syscall"

// peek reports whether a socket holds bytes to read.
func peek(fd uintptr) bool {
	var one [1]byte
	n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err == nil && n > 0
}
