//go:build unix

package listen

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// firstActivated is the first descriptor that systemd hands over.
const firstActivated = 3

// Activated returns the sockets that systemd opened for this process, none
// when it was started otherwise. getenv and pid are the process's own.
func Activated(getenv func(string) string, pid int) ([]net.Listener, error) {
	n, err := activatedCount(getenv, pid)
	if err != nil {
		return nil, err
	}
	var out []net.Listener
	for fd := firstActivated; fd < firstActivated+n; fd++ {
		syscall.CloseOnExec(fd)
		file := os.NewFile(uintptr(fd), "LISTEN_FD_"+fmt.Sprint(fd))
		ln, err := net.FileListener(file)
		_ = file.Close()
		if err != nil {
			for _, open := range out {
				_ = open.Close()
			}
			return nil, fmt.Errorf("socket activation: descriptor %d: %w", fd, err)
		}
		out = append(out, ln)
	}
	return out, nil
}
