//go:build unix

package socketio

import (
	"syscall"
	"testing"
)

// TestNPMServerSilent stops the server's process: its connections stand, and
// nothing comes.
func TestNPMServerSilent(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"websocket", "polling", "upgrade"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			server, url := npmServer(t, map[string]any{"pingTimeout": 5000})
			f := follow(t, fastClient(url, modes()[mode]...))
			authenticated(t, f)
			if mode == "upgrade" {
				becomes(t, TransportWebSocket, f.Transport)
			}
			if err := server.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			lost := f.next(EventDisconnected)
			if err := server.cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			comesBack(t, f, lost, []Reason{ReasonPingTimeout})
			if err := f.end(); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
}
