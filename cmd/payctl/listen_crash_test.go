//go:build !windows

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// TestListenCrash loads "payctl listen" over HTTP, kills it with -9 at random
// moments, starts it again, and holds every acknowledged callback against the
// ledger. A few rounds here; PAYCTL_TORTURE=1 (make torture) runs
// PAYCTL_TORTURE_ROUNDS of them, 200 by default.
func TestListenCrash(t *testing.T) {
	t.Parallel()
	rounds := 3
	if os.Getenv("PAYCTL_TORTURE") != "" {
		rounds = 200
		if n, err := strconv.Atoi(os.Getenv("PAYCTL_TORTURE_ROUNDS")); err == nil {
			rounds = n
		}
	}
	dir := t.TempDir()
	l := &loaded{t: t, dir: dir, ledger: filepath.Join(dir, "ledger.db"), acknowledged: map[string]bool{}}
	for round := range rounds {
		l.round(round)
	}
	stored := l.stored()
	lost := 0
	for id := range l.acknowledged {
		if !stored[id] {
			lost++
			if lost < 5 {
				t.Errorf("%s was acknowledged and is not in the ledger", id)
			}
		}
	}
	t.Logf("%d rounds of kill -9: %d callbacks acknowledged, %d stored, %d lost", rounds, len(l.acknowledged), len(stored), lost)
	if len(l.acknowledged) < rounds {
		t.Errorf("only %d callbacks were acknowledged; the test proves nothing", len(l.acknowledged))
	}
}

type loaded struct {
	t            *testing.T
	dir, ledger  string
	mu           sync.Mutex
	acknowledged map[string]bool
	// first is told of the first callback that a round's listener acknowledged.
	first chan struct{}
}

// round starts a listener, loads it and kills it.
func (l *loaded) round(n int) {
	l.t.Helper()
	ready := filepath.Join(l.dir, fmt.Sprintf("ready-%d", n))
	cmd := exec.CommandContext(l.t.Context(), "payctl", "listen", "--addr", "127.0.0.1:0", "--ready-file", ready, "-q")
	cmd.Env = append(os.Environ(), "PAYCTL_PROFILE=local", "PAYCTL_DB="+l.ledger, "HOME="+l.dir)
	cmd.Stdout = io.Discard
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	url := l.url(ready)
	l.first = make(chan struct{}, 1)
	ctx, stop := context.WithCancel(l.t.Context())
	var senders sync.WaitGroup
	for s := range 8 {
		senders.Go(func() { l.send(ctx, url, fmt.Sprintf("%d-%d", n, s)) })
	}
	select {
	case <-l.first:
	case <-time.After(patience):
		l.t.Error("the listener acknowledged nothing")
	}
	time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
	_ = cmd.Wait()
	stop()
	senders.Wait()
}

func (l *loaded) url(ready string) string {
	l.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if data, err := os.ReadFile(ready); err == nil {
			return strings.TrimSpace(string(data))
		}
	}
	l.t.Fatal("the listener did not get ready")
	return ""
}

// send posts callbacks with unique ids and keeps those that were acknowledged.
func (l *loaded) send(ctx context.Context, url, sender string) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for i := 0; ctx.Err() == nil; i++ {
		id := fmt.Sprintf("crash-%s-%d", sender, i)
		body := fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":%q,"ResultCode":1032,"ResultDesc":"Request cancelled by user"}}}`, id)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/callbacks/daraja/stk", strings.NewReader(body))
		if err != nil {
			return
		}
		resp, err := client.Do(req)
		if err != nil {
			return
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK && err == nil {
			l.mu.Lock()
			l.acknowledged[id] = true
			l.mu.Unlock()
			select {
			case l.first <- struct{}{}:
			default:
			}
		}
	}
}

// stored are the ids in the ledger, which must also be sound.
func (l *loaded) stored() map[string]bool {
	l.t.Helper()
	ledger, err := store.Open(l.t.Context(), store.Options{Path: l.ledger})
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = ledger.Close() }()
	problems, err := ledger.Check(l.t.Context())
	if err != nil || len(problems) > 0 {
		l.t.Errorf("the ledger after the crashes: %v %v", problems, err)
	}
	ids := map[string]bool{}
	err = ledger.Deliveries.Each(l.t.Context(), store.DeliveryFilter{Provider: payment.Daraja}, func(d store.StoredDelivery) error {
		if d.Event != nil {
			ids[d.Event.ProviderID] = true
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return ids
}
