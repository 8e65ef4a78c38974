//go:build !windows

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestListenActivated hands sockets to "payctl listen" as systemd would, which
// must refuse those that --addr would refuse.
func TestListenActivated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		addrs []string
		want  string
	}{
		"every interface": {[]string{"0.0.0.0:0"}, "needs a secret path"},
		"two sockets":     {[]string{"127.0.0.1:0", "127.0.0.1:0"}, "2 sockets were handed over, and one can be served"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			// The shell becomes payctl and so knows its process id.
			cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec payctl listen`)
			cmd.Env = append(os.Environ(), "PAYCTL_PROFILE=local", "PAYCTL_DB="+filepath.Join(dir, "ledger.db"), "HOME="+dir,
				"LISTEN_FDS="+strconv.Itoa(len(c.addrs)))
			for _, addr := range c.addrs {
				cmd.ExtraFiles = append(cmd.ExtraFiles, socketFile(t, addr))
			}
			out, err := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != 64 || !strings.Contains(string(out), "socket activation: ") || !strings.Contains(string(out), c.want) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// socketFile listens on an address and returns the socket as a file.
func socketFile(t *testing.T, addr string) *os.File {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		t.Fatal("not a TCP listener")
	}
	file, err := tcp.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}
