//go:build unix

package listen

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// childEnv makes the test binary the child of TestActivated.
const childEnv = "PAYCTL_TEST_ACTIVATED"

// TestActivated hands a socket to a child process as systemd would, and has the
// child serve on it.
func TestActivated(t *testing.T) {
	if os.Getenv(childEnv) != "" {
		serveActivated(t)
		return
	}
	t.Parallel()
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
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
	defer func() { _ = file.Close() }()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestActivated$")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.ExtraFiles = []*os.File{file}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2)
	if _, err := conn.Read(buf); err != nil || string(buf) != "hi" {
		t.Errorf("read %q %v", buf, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("child: %v", err)
	}
}

// serveActivated is the child: it answers one connection.
func serveActivated(t *testing.T) {
	t.Helper()
	env := map[string]string{"LISTEN_PID": strconv.Itoa(os.Getpid()), "LISTEN_FDS": "1"}
	lns, err := Activated(func(key string) string { return env[key] }, os.Getpid())
	if err != nil || len(lns) != 1 {
		t.Fatalf("%d sockets, %v", len(lns), err)
	}
	defer func() { _ = lns[0].Close() }()
	conn, err := lns[0].Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
}
