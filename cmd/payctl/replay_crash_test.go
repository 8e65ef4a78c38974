package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// counter is an endpoint that counts how often it got each delivery.
type counter struct {
	mu    sync.Mutex
	total int
	times map[string]int
	// reached is closed when the total comes to at.
	at      int
	reached chan struct{}
}

// wait returns a channel that is closed as soon as so many deliveries arrived.
func (c *counter) wait(at int) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.reached = at, make(chan struct{})
	if c.total >= at {
		close(c.reached)
	}
	return c.reached
}

// ServeHTTP implements http.Handler.
func (c *counter) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut off with its sender
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times[string(body)]++
	if c.total++; c.total == c.at {
		close(c.reached)
	}
}

// fillLedger records n deliveries, five of each payment.
func fillLedger(t *testing.T, path string, n int) {
	t.Helper()
	ledger, err := store.Open(t.Context(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(256)
	for i := range n {
		group.Go(func() error {
			id := "ws_CO_" + strconv.Itoa(i/5)
			_, err := ledger.Deliveries.Record(ctx, store.Arrival{
				Delivery: payment.Delivery{
					Provider: payment.WasaaPay, Route: "/callbacks/wasaapay", Method: http.MethodPost, ReceivedAt: time.Now(),
					Header: http.Header{"Content-Type": {"application/json"}}, Body: fmt.Appendf(nil, `{"n":%d}`, i),
				},
				Inspection: payment.Inspection{
					Verdict: payment.VerdictValid,
					Event:   &payment.Event{Provider: payment.WasaaPay, Name: "bill.completed", Key: strconv.Itoa(i), ProviderID: id},
				},
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
}

// A replay is killed with -9 twice and taken up again: each delivery arrives,
// and only those whose answer was not seen arrive once more.
func TestReplaySurvivesKill(t *testing.T) {
	t.Parallel()
	n, lanes := 10000, 16
	if testing.Short() {
		n = 1000
	}
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger.db")
	fillLedger(t, ledger, n)
	shop := &counter{times: map[string]int{}}
	server := httptest.NewServer(shop)
	defer server.Close()

	replayed := func(ctx context.Context, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "payctl", append([]string{"--profile", "local", "--db", ledger, "webhook", "replay", "-o", "ndjson"}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_STATE_HOME="+dir)
		return cmd
	}
	kills := 0
	args := []string{"--since", "1h", "--to", server.URL, "--concurrency", strconv.Itoa(lanes)}
	for _, at := range []int{n / 3, n * 2 / 3} {
		cmd := replayed(t.Context(), args...)
		reached := shop.wait(at)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-reached:
		case <-time.After(2 * patience):
			t.Fatalf("%d of %d deliveries did not come", at, n)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the replay came to its end before it was killed")
		}
		kills++
		args = []string{"--resume"}
	}
	out, err := replayed(t.Context(), args...).Output()
	if err != nil {
		t.Fatalf("resume: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if want := fmt.Sprintf(`"total":%d,"ok":%d,"failed":0`, n, n); !strings.Contains(lines[len(lines)-1], want) {
		t.Errorf("summary %s, want %s", lines[len(lines)-1], want)
	}
	checkDelivered(t, shop, n, kills*lanes*2) // under way, or answered and not yet recorded
	checkAttempts(t, ledger, n)
}

func checkDelivered(t *testing.T, shop *counter, n, mostTwice int) {
	t.Helper()
	shop.mu.Lock()
	defer shop.mu.Unlock()
	once, again := 0, 0
	for _, times := range shop.times {
		if times == 1 {
			once++
		} else {
			again++
		}
	}
	t.Logf("%d deliveries, killed with -9 twice: %d arrived once, %d more than once, %d never", n, once, again, n-once-again)
	if once+again != n {
		t.Errorf("%d of %d arrived", once+again, n)
	}
	if again > mostTwice {
		t.Errorf("%d arrived more than once; at most %d were under way or not yet recorded when it was killed", again, mostTwice)
	}
}

// checkAttempts holds the ledger to one answer for each delivery: what arrived
// twice is what had no recorded answer.
func checkAttempts(t *testing.T, path string, n int) {
	t.Helper()
	ledger, err := store.Open(t.Context(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ledger.Close() }()
	run := ""
	answered := 0
	err = ledger.Deliveries.Each(t.Context(), store.DeliveryFilter{}, func(d store.StoredDelivery) error {
		attempts, err := ledger.Deliveries.Attempts(t.Context(), d.ID)
		if err != nil {
			return err
		}
		if len(attempts) == 1 && attempts[0].Status == http.StatusOK {
			answered++
			run = attempts[0].RunID
		}
		return nil
	})
	if err != nil || answered != n {
		t.Errorf("%d of %d have exactly one answer in the ledger: %v", answered, n, err)
	}
	if r, err := ledger.Runs.Find(t.Context(), run); err != nil || r.FinishedAt.IsZero() {
		t.Errorf("the run is not finished: %+v, %v", r, err)
	}
}
