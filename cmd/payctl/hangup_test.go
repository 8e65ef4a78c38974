//go:build !windows

package main

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHangup checks that closing the terminal ends a run as Ctrl-C does, with what is
// known of the deposit, and that a run under nohup goes on.
func TestHangup(t *testing.T) {
	t.Parallel()
	// What ignores the signal, as nohup does, hands that on; a handler's is reset.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(hangups) })
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer := `{"access_token":"token","expires_in":"3599"}`
		if strings.Contains(r.URL.Path, "stkpush/v1/processrequest") {
			answer = `{"MerchantRequestID":"m-1","CheckoutRequestID":"ws_CO_1","ResponseCode":"0","ResponseDescription":"accepted","CustomerMessage":"accepted"}`
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(provider.Close)
	for name, c := range map[string]struct {
		shell, timeout string
		code           int
		says           string
	}{
		"a closed terminal": {"exec ", "1m", 130, "stopped before the outcome was known"},
		"nohup":             {"trap '' HUP; exec ", "6s", 8, "still undecided"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			// The shell becomes payctl and so has its process id.
			cmd := exec.CommandContext(t.Context(), "sh", "-c", c.shell+
				"payctl deposit create --phone 0712345678 --amount 100 --reference R --wait --via callback -o json --timeout "+c.timeout)
			cmd.Env = append(os.Environ(), "PAYCTL_PROFILE=local", "PAYCTL_DB="+filepath.Join(dir, "ledger.db"), "HOME="+dir,
				"PAYCTL_DARAJA_BASE_URL="+provider.URL, "PAYCTL_CALLBACK_URL=http://127.0.0.1:1")
			var stdout bytes.Buffer
			cmd.Stdout = &stdout
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			for lines := bufio.NewScanner(stderr); lines.Scan(); {
				said.WriteString(lines.Text() + "\n")
				if strings.Contains(lines.Text(), "waiting for the customer") {
					time.Sleep(100 * time.Millisecond)
					if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
						t.Error(err)
					}
				}
			}
			_ = cmd.Wait() // its code says more
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(said.String(), c.says) {
				t.Errorf("exit %d, want %d: %s", code, c.code, said.String())
			}
			if !strings.Contains(stdout.String(), `"provider_id":"ws_CO_1"`) && !strings.Contains(stdout.String(), `"provider_id": "ws_CO_1"`) {
				t.Errorf("the deposit is not told: %s", stdout.String())
			}
		})
	}
}
