//go:build unix

package tunnel

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// guard ends a process group when this process is gone, however it went: a program
// that lives on would keep its public address open. It is a shell that waits for the
// end of a pipe whose other end only this process has.
type guard struct {
	shell *exec.Cmd
	pipe  *os.File
	group int
}

// guardScript waits for the group's number, then for the end of the pipe.
const guardScript = `read -r group || exit 0
read -r never
kill -s TERM -- "-$group" 2>/dev/null
tries=0
while [ "$tries" -lt 30 ] && kill -s 0 -- "-$group" 2>/dev/null; do sleep 0.1; tries=$((tries + 1)); done
kill -s KILL -- "-$group" 2>/dev/null`

// startGuarded starts the guard, then the program in a group of its own.
func startGuarded(cmd *exec.Cmd) (*guard, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = read.Close() }()
	g := &guard{pipe: write}
	g.shell = exec.Command("/bin/sh", "-c", guardScript) //nolint:noctx // it outlives every context of this process
	g.shell.Stdin = read
	g.shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := g.shell.Start(); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		g.release()
		return nil, err
	}
	g.group = cmd.Process.Pid
	_, err = fmt.Fprintln(write, g.group)
	return g, err
}

// terminate asks the group to end.
func (g *guard) terminate() { _ = syscall.Kill(-g.group, syscall.SIGTERM) }

// kill ends the group.
func (g *guard) kill() { _ = syscall.Kill(-g.group, syscall.SIGKILL) }

// release ends the guard itself: its group's number may soon be another's.
func (g *guard) release() {
	_ = g.shell.Process.Kill()
	_ = g.shell.Wait()
	_ = g.pipe.Close()
}
