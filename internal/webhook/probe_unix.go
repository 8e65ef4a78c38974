//go:build unix

package webhook

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// endAll makes the end of a command's context end whatever it started, too: a
// shell's own end leaves its programs running.
func endAll(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
}
