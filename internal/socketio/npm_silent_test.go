//go:build unix

package socketio

import (
	"syscall"
	"testing"
	"time"
)

// TestNPMServerSilent stops the server's process: its connections stand, and
// nothing comes.
func TestNPMServerSilent(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"websocket", "polling", "upgrade"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			server, url := npmServer(t, map[string]any{"pingInterval": 300, "pingTimeout": 700})
			f := follow(t, fastClient(url, modes()[mode]...))
			authenticated(t, f)
			if mode == "upgrade" {
				server.hear("upgrade")
			}
			if err := server.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1500 * time.Millisecond)
			if err := server.cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			recovers(t, f, []Reason{ReasonPingTimeout})
			if err := f.end(); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
}
