//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// TestSharedBudget: two machines that ask with one app, and have nothing in common but the
// ledger, keep to the app's limit together.
func TestSharedBudget(t *testing.T) {
	t.Parallel()
	place := sharedLedger(t)
	const interval, questions = 300 * time.Millisecond, 10
	var mu sync.Mutex
	var at []time.Time
	g := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !strings.Contains(r.URL.Path, "stkpushquery") {
			_, _ = io.WriteString(w, `{"access_token":"token","expires_in":"3599"}`)
			return
		}
		mu.Lock()
		at = append(at, time.Now())
		mu.Unlock()
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"requestId":"1","errorCode":"500.001.1001","errorMessage":"The transaction is being processed"}`)
	}))
	t.Cleanup(g.Close)
	var machines []*shop
	for range 2 {
		m := newMachine(t, place)
		m.env = append(slices.Clone(m.env), "PAYCTL_DARAJA_BASE_URL="+g.URL, "PAYCTL_DARAJA_QUERIES_PER_MINUTE=200",
			"PAYCTL_DARAJA_CONSUMER_KEY=key-of-the-app", "PAYCTL_DARAJA_CONSUMER_SECRET=secret-of-the-app",
			"PAYCTL_DARAJA_SHORTCODE=174379", "PAYCTL_DARAJA_PASSKEY="+strings.Repeat("a", 64))
		machines = append(machines, m)
	}
	var group errgroup.Group
	for i := range questions {
		group.Go(func() error {
			if got := machines[i%2].run("status", "get", fmt.Sprint("ws_CO_", i), "--provider", "daraja"); got.code != 8 {
				return fmt.Errorf("exit %d: %s", got.code, got.stderr)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if len(at) != questions {
		t.Fatalf("%d questions", len(at))
	}
	// A loaded machine delays single questions; all together cannot have been faster.
	took := at[len(at)-1].Sub(at[0])
	t.Logf("%d questions from two machines in %s", questions, took.Round(time.Millisecond))
	if took < (questions-2)*interval {
		t.Errorf("ten questions took %s, want at least %s", took, (questions-2)*interval)
	}
}
