package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestListenMemory holds the peak of what the listener's process takes, under more
// senders than one commit has room for at once, to the design's 64 MB.
func TestListenMemory(t *testing.T) {
	t.Parallel()
	const (
		senders = 200
		each    = 50
		most    = 64 << 20
	)
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	cmd := exec.CommandContext(t.Context(), "payctl", "listen", "--addr", "127.0.0.1:0", "--ready-file", ready, "-q")
	cmd.Env = append(os.Environ(), "PAYCTL_PROFILE=local", "PAYCTL_DB="+filepath.Join(dir, "ledger.db"), "HOME="+dir)
	cmd.Stdout = io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	to := (&loaded{t: t}).url(ready) + "/callbacks/daraja/stk"
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			for i := range each {
				if err := postCallback(t.Context(), client, to, fmt.Sprintf("memory-%d-%d", s, i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	peak := peakMemory(t, cmd.Process.Pid)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	t.Logf("%d callbacks from %d senders: %d MiB", senders*each, senders, peak>>20)
	if peak > most {
		t.Errorf("the listener took %d bytes, more than %d", peak, most)
	}
}

// postCallback posts 1.2 KB with an id of its own.
func postCallback(ctx context.Context, client *http.Client, to, id string) error {
	body := fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":%q,"ResultCode":1032,"ResultDesc":"Request cancelled by user","Note":%q}}}`,
		id, strings.Repeat("x", 1000))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %d", resp.StatusCode)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// peakMemory is the most that a process has had in memory, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Skip("the system does not tell a process's peak")
	return 0
}
