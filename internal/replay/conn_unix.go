//go:build unix

package replay

import (
	"net"
	"syscall"
)

// watchEnd returns a function that tells, without waiting, whether a connection
// that awaits nothing is over: closed, broken, or with something to read, which
// can only be the target's word that it closes (408, say).
func watchEnd(conn net.Conn) func() bool {
	tcp, isTCP := conn.(*net.TCPConn)
	if !isTCP {
		return func() bool { return false }
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return func() bool { return false }
	}
	var ended bool
	var one [1]byte
	look := func(fd uintptr) {
		_, err := syscall.Read(int(fd), one[:]) // the socket does not block
		ended = err != syscall.EAGAIN && err != syscall.EINTR
	}
	return func() bool { return raw.Control(look) != nil || ended }
}
