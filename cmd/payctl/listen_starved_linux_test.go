package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestListenStarved: 200 senders on kept connections, and a listener that has a quarter of
// one processor, lose no request: what the listener hangs up on has announced it.
func TestListenStarved(t *testing.T) {
	t.Parallel()
	const senders, each = 200, 12
	l := starvedListener(t)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	began := time.Now()
	for s := range senders {
		all.Go(func() {
			for i := range each {
				if err := postCallback(t.Context(), client, l.to, fmt.Sprintf("starved-%d-%d", s, i)); err != nil {
					t.Errorf("sender %d, request %d: %v", s, i, err)
					return
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d requests in %s", senders*each, time.Since(began).Round(time.Millisecond))
	l.stop()
}

// starved is a listener that has a quarter of one processor.
type starved struct {
	to     string // where STK callbacks go
	ledger string
	stop   func() // sends SIGTERM and waits for its end
}

func starvedListener(t *testing.T) starved {
	t.Helper()
	dir := t.TempDir()
	ready, ledger := filepath.Join(dir, "ready"), filepath.Join(dir, "ledger.db")
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := pinned(ctx, "payctl", "listen", "--addr", "127.0.0.1:0", "--ready-file", ready, "-q")
	cmd.Env = append(os.Environ(), "PAYCTL_PROFILE=local", "PAYCTL_DB="+ledger, "HOME="+dir, "GOMAXPROCS=1")
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
		t.Cleanup(func() { _ = busy.Wait() })
	}
	t.Cleanup(cancel)
	return starved{to: to, ledger: ledger, stop: func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}}
}

// TestListenStopsWithAWord: SIGTERM comes while 200 senders are at it on kept connections of
// a listener that is starved. Each request is answered or finds no listener: none that has
// come is hung up on. What a sender writes a second later, when the listener's goodbye has
// reached it, finds a closed connection: senders that are starved too are counted.
func TestListenStopsWithAWord(t *testing.T) {
	t.Parallel()
	const senders = 200
	l := starvedListener(t)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	var answered, refused, crossed atomic.Int64
	var unanswered sync.Map
	warm := make(chan struct{}, senders)
	for s := range senders {
		all.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("stopped-%d-%d", s, i)
				err := postCallback(t.Context(), client, l.to, id)
				switch {
				case err == nil:
					answered.Add(1)
				case errors.Is(err, syscall.ECONNREFUSED):
					refused.Add(1)
					return
				case errors.Is(err, syscall.ECONNRESET):
					t.Errorf("%s had come: %v", id, err)
					return
				default:
					crossed.Add(1)
					unanswered.Store(id, err)
					return
				}
				if i == 1 {
					warm <- struct{}{}
				}
			}
		})
	}
	for range senders {
		<-warm
	}
	l.stop()
	all.Wait()
	t.Logf("%d answered, then %d refused, %d crossed the goodbye", answered.Load(), refused.Load(), crossed.Load())
	stored := (&loaded{t: t, ledger: l.ledger}).stored()
	unanswered.Range(func(id, err any) bool {
		if name, _ := id.(string); stored[name] {
			t.Errorf("%s was taken and not answered: %v", name, err)
		}
		return true
	})
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
