package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/deliver"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

var errNone = errors.New("no answer")

// records is a ledger that holds deliveries and writes attempts down.
type records struct {
	deliveries []store.StoredDelivery
	mu         sync.Mutex
	attempts   []store.Attempt
}

func (s *records) Each(ctx context.Context, _ store.DeliveryFilter, do func(store.StoredDelivery) error) error {
	for _, d := range s.deliveries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := do(d); err != nil {
			return err
		}
	}
	return nil
}

func (s *records) RecordAttempts(_ context.Context, list []store.Attempt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts = append(s.attempts, list...)
	return nil
}

func (s *records) EachAttempt(_ context.Context, run string, do func(store.Attempt) error) error {
	for _, a := range s.attempts {
		if a.RunID == run {
			if err := do(a); err != nil {
				return err
			}
		}
	}
	return nil
}

func stored(n int, payments int, apart time.Duration) []store.StoredDelivery {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	out := make([]store.StoredDelivery, n)
	for i := range out {
		out[i] = store.StoredDelivery{
			Delivery: payment.Delivery{
				ID: fmt.Sprintf("dlv_%d", i), Header: http.Header{"Content-Type": {"application/json;charset=UTF-8"}, "Host": {"was.example"}},
				Body: fmt.Appendf(nil, "%d %d", i%payments, i), ReceivedAt: start.Add(time.Duration(i) * apart),
			},
			DepositID: fmt.Sprintf("dep_%d", i%payments), Subject: fmt.Sprintf("dep_%d", i%payments),
		}
	}
	return out
}

// book is an endpoint that remembers the order of what it got.
type book struct {
	mu     sync.Mutex
	orders map[string][]string
	status func(n int64) int
	count  atomic.Int64
}

func (b *book) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	n := b.count.Add(1)
	status := http.StatusOK
	if b.status != nil {
		status = b.status(n)
	}
	var payer, i string
	_, _ = fmt.Sscan(string(body), &payer, &i)
	b.mu.Lock()
	if status == http.StatusOK {
		b.orders[payer] = append(b.orders[payer], i)
	}
	b.mu.Unlock()
	w.WriteHeader(status)
}

func TestOrderIsKeptPerPayment(t *testing.T) {
	t.Parallel()
	b := &book{orders: map[string][]string{}}
	server := httptest.NewServer(b)
	defer server.Close()
	s := &records{deliveries: stored(500, 7, 0)}
	totals, err := send(t.Context(), options{ledger: s, runID: "r", targets: []string{server.URL}, sender: deliver.New(deliver.Options{}), concurrency: 16, now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Totals{Sent: 500}, totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	for payer, order := range b.orders {
		sorted := slices.Clone(order)
		slices.SortFunc(sorted, func(a, b string) int { return len(a)*10000 + int(a[0]) - len(b)*10000 - int(b[0]) })
		want := []string{}
		for i := range 500 {
			if fmt.Sprint(i%7) == payer {
				want = append(want, fmt.Sprint(i))
			}
		}
		if diff := cmp.Diff(want, order); diff != "" {
			t.Errorf("payment %s out of order (-want +got):\n%s", payer, diff)
		}
	}
}

func TestResumeSendsOnlyWhatHasNoAnswer(t *testing.T) {
	t.Parallel()
	b := &book{orders: map[string][]string{}}
	server := httptest.NewServer(b)
	defer server.Close()
	s := &records{deliveries: stored(100, 100, 0)}
	ctx, cancel := context.WithCancel(t.Context())
	o := options{
		ledger: s, runID: "r", targets: []string{server.URL}, sender: deliver.New(deliver.Options{}), concurrency: 4, now: time.Now,
		onResult: func(Result) {
			if b.count.Load() >= 30 {
				cancel()
			}
		},
	}
	if _, err := send(ctx, o); err == nil {
		t.Fatal("the first run was not interrupted")
	}
	answered := len(s.attempts)
	o.onResult = nil
	totals, err := send(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Totals{Sent: int64(100 - answered), Skipped: int64(answered)}, totals); diff != "" {
		t.Errorf("totals of the second run (-want +got):\n%s", diff)
	}
	// A request that the first run gave up may still be at work.
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.orders) != 100 {
		t.Errorf("%d of 100 arrived", len(b.orders))
	}
}

// A resumed run goes on where it stopped: what was tried counts, what is due
// later keeps its time, and who was away at the last attempt gets another.
func TestResumeGoesOnWithRetries(t *testing.T) {
	t.Parallel()
	const pause = 40 * time.Millisecond
	for name, tt := range map[string]struct {
		before []int // the statuses of the attempts before
		status int
		want   int // how often it is sent
		tries  int
		failed bool
		waits  bool
	}{
		"nothing was tried":       {nil, 200, 1, 1, false, false},
		"content":                 {[]int{200}, 200, 0, 0, false, false},
		"content at last":         {[]int{500, 200}, 200, 0, 0, false, false},
		"one retry due":           {[]int{500}, 200, 1, 2, false, true},
		"the last retry due":      {[]int{500, 0}, 200, 1, 3, false, true},
		"retries fail":            {[]int{500}, 500, 2, 3, true, true},
		"retries used up":         {[]int{500, 0, 503}, 200, 0, 0, true, false},
		"away at the last":        {[]int{500, 500, 0}, 200, 1, 4, false, false},
		"away at the last, still": {[]int{500, 500, 0}, 500, 1, 4, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &book{orders: map[string][]string{}, status: func(int64) int { return tt.status }}
			server := httptest.NewServer(b)
			defer server.Close()
			s := &records{deliveries: stored(1, 1, 0)}
			began := time.Now()
			for _, status := range tt.before {
				s.attempts = append(s.attempts, store.Attempt{DeliveryID: "dlv_0", Target: server.URL, RunID: "r", Status: status, At: began})
			}
			tries := 0
			totals, err := send(t.Context(), options{
				ledger: s, runID: "r", targets: []string{server.URL}, sender: deliver.New(deliver.Options{}), now: time.Now,
				retry:    func(payment.ProviderID) []time.Duration { return []time.Duration{pause, pause} },
				onResult: func(r Result) { tries = r.Answers[0].Attempts },
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := int(b.count.Load()); got != tt.want || tries != tt.tries || (totals.Failed > 0) != tt.failed {
				t.Errorf("sent %d times, %d tries, %+v; want %d, %d, failed %v", got, tries, totals, tt.want, tt.tries, tt.failed)
			}
			if took := time.Since(began); tt.waits && took < pause {
				t.Errorf("the retry came after %s, want %s", took, pause)
			}
		})
	}
}

func TestRetryAndFailure(t *testing.T) {
	t.Parallel()
	b := &book{orders: map[string][]string{}, status: func(n int64) int {
		if n <= 2 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}}
	server := httptest.NewServer(b)
	defer server.Close()
	s := &records{deliveries: stored(1, 1, 0)}
	var got Result
	totals, err := send(t.Context(), options{
		ledger: s, runID: "r", targets: []string{server.URL, "http://127.0.0.1:1/"}, sender: deliver.New(deliver.Options{}), now: time.Now,
		retry:    func(payment.ProviderID) []time.Duration { return []time.Duration{time.Millisecond, time.Millisecond} },
		onResult: func(r Result) { got = r },
	})
	if err != nil {
		t.Fatal(err)
	}
	if totals.Failed != 1 || len(got.Answers) != 2 || !got.Answers[0].OK() || got.Answers[0].Attempts != 3 || got.Answers[1].Err == nil {
		t.Errorf("totals %+v, answers %+v", totals, got.Answers)
	}
	if len(s.attempts) != 6 {
		t.Errorf("%d attempts were recorded, want 6", len(s.attempts))
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	var starts []time.Time
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { starts = append(starts, time.Now()) }))
	defer server.Close()
	began := time.Now()
	_, err := send(t.Context(), options{
		ledger: &records{deliveries: stored(4, 1, time.Second)}, runID: "r", targets: []string{server.URL}, sender: deliver.New(deliver.Options{}), speed: 20, now: time.Now,
	})
	if err != nil || len(starts) != 4 || starts[3].Sub(began) < 150*time.Millisecond {
		t.Errorf("%v: %d starts, the last after %s; want it at 20 times the original pace", err, len(starts), time.Since(began))
	}
}

// rude serves raw connections.
func rude(t *testing.T, serve func(conn net.Conn, n int64)) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	var n atomic.Int64
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				serve(conn, n.Add(1))
			}()
		}
	}()
	return "http://" + ln.Addr().String() + "/"
}

func readRequest(conn net.Conn) error {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err
}

// An interrupted run ends at once, and what had no answer is not recorded.
func TestInterruptedWhileWaiting(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url := rude(t, func(conn net.Conn, _ int64) {
		_ = readRequest(conn)
		cancel()
		_, _ = io.Copy(io.Discard, conn)
	})
	s := &records{deliveries: stored(3, 3, 0)}
	started := time.Now()
	_, err := send(ctx, options{ledger: s, runID: "r", targets: []string{url}, sender: deliver.New(deliver.Options{Timeout: 5 * time.Minute}), now: time.Now})
	if !errors.Is(err, context.Canceled) || time.Since(started) > time.Minute {
		t.Errorf("%v after %s", err, time.Since(started))
	}
	if len(s.attempts) != 0 {
		t.Errorf("recorded %+v", s.attempts)
	}
}
