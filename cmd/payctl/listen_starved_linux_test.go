package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestListenStarved: 200 senders on kept connections, and a listener that has a quarter of
// one processor, lose no request: what the listener hangs up on has announced it.
func TestListenStarved(t *testing.T) {
	t.Parallel()
	const senders, each = 200, 12
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := pinned(ctx, "payctl", "listen", "--addr", "127.0.0.1:0", "--ready-file", ready, "-q")
	cmd.Env = append(os.Environ(), "PAYCTL_PROFILE=local", "PAYCTL_DB="+filepath.Join(dir, "ledger.db"), "HOME="+dir, "GOMAXPROCS=1")
	cmd.Stdout = io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	to := (&loaded{t: t}).url(ready) + "/callbacks/daraja/stk"
	for range 3 { // busy loops on the same processor
		busy := pinned(ctx, "sh", "-c", "while :; do :; done")
		if err := busy.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = busy.Wait() }()
	}
	defer cancel()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	began := time.Now()
	for s := range senders {
		all.Go(func() {
			for i := range each {
				if err := postCallback(t.Context(), client, to, fmt.Sprintf("starved-%d-%d", s, i)); err != nil {
					t.Errorf("sender %d, request %d: %v", s, i, err)
					return
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d requests in %s", senders*each, time.Since(began).Round(time.Millisecond))
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// pinned is a command on the first processor that this process may use, where taskset
// is installed.
func pinned(ctx context.Context, name string, args ...string) *exec.Cmd {
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return exec.CommandContext(ctx, name, args...)
	}
	return exec.CommandContext(ctx, taskset, append([]string{"--cpu-list", firstProcessor(), name}, args...)...)
}

func firstProcessor() string {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if list, ok := strings.CutPrefix(line, "Cpus_allowed_list:"); ok {
			first, _, _ := strings.Cut(strings.TrimSpace(list), ",")
			first, _, _ = strings.Cut(first, "-")
			return first
		}
	}
	return "0"
}
