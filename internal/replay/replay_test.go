package replay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/replay"
	"github.com/payctl/payctl/internal/store"
)

var errNone = errors.New("no answer")

// shelf is a ledger that holds deliveries and writes attempts down.
type shelf struct {
	deliveries []store.StoredDelivery
	mu         sync.Mutex
	attempts   []store.Attempt
}

func (s *shelf) Each(ctx context.Context, _ store.DeliveryFilter, do func(store.StoredDelivery) error) error {
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

func (s *shelf) RecordAttempt(_ context.Context, a store.Attempt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts = append(s.attempts, a)
	return nil
}

func (s *shelf) EachAttempt(_ context.Context, run string, do func(store.Attempt) error) error {
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
			DepositID: fmt.Sprintf("dep_%d", i%payments),
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
	s := &shelf{deliveries: stored(500, 7, 0)}
	totals, err := replay.Run(t.Context(), replay.Options{Ledger: s, RunID: "r", Targets: []string{server.URL}, Client: server.Client(), Concurrency: 16, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(replay.Totals{Sent: 500}, totals); diff != "" {
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
	s := &shelf{deliveries: stored(100, 100, 0)}
	ctx, cancel := context.WithCancel(t.Context())
	o := replay.Options{
		Ledger: s, RunID: "r", Targets: []string{server.URL}, Client: server.Client(), Concurrency: 4, Now: time.Now,
		OnResult: func(replay.Result) {
			if b.count.Load() >= 30 {
				cancel()
			}
		},
	}
	if _, err := replay.Run(ctx, o); err == nil {
		t.Fatal("the first run was not interrupted")
	}
	answered := len(s.attempts)
	o.OnResult = nil
	totals, err := replay.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(replay.Totals{Sent: int64(100 - answered), Skipped: int64(answered)}, totals); diff != "" {
		t.Errorf("totals of the second run (-want +got):\n%s", diff)
	}
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
			s := &shelf{deliveries: stored(1, 1, 0)}
			began := time.Now()
			for _, status := range tt.before {
				s.attempts = append(s.attempts, store.Attempt{DeliveryID: "dlv_0", Target: server.URL, RunID: "r", Status: status, At: began})
			}
			tries := 0
			totals, err := replay.Run(t.Context(), replay.Options{
				Ledger: s, RunID: "r", Targets: []string{server.URL}, Client: server.Client(), Now: time.Now,
				Retry:    func(payment.ProviderID) []time.Duration { return []time.Duration{pause, pause} },
				OnResult: func(r replay.Result) { tries = r.Answers[0].Attempts },
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
	s := &shelf{deliveries: stored(1, 1, 0)}
	var got replay.Result
	totals, err := replay.Run(t.Context(), replay.Options{
		Ledger: s, RunID: "r", Targets: []string{server.URL, "http://127.0.0.1:1/"}, Client: server.Client(), Now: time.Now,
		Retry:    func(payment.ProviderID) []time.Duration { return []time.Duration{time.Millisecond, time.Millisecond} },
		OnResult: func(r replay.Result) { got = r },
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
	_, err := replay.Run(t.Context(), replay.Options{
		Ledger: &shelf{deliveries: stored(4, 1, time.Second)}, RunID: "r", Targets: []string{server.URL}, Client: server.Client(), Speed: 20, Now: time.Now,
	})
	if err != nil || len(starts) != 4 || starts[3].Sub(began) < 150*time.Millisecond {
		t.Errorf("%v: %d starts, the last after %s; want it at 20 times the original pace", err, len(starts), time.Since(began))
	}
}

func TestCheckTarget(t *testing.T) {
	t.Parallel()
	for target, local := range map[string]bool{
		"http://127.0.0.1:3000/x": true, "http://localhost/": true, "https://[::1]:8443/": true, "http://127.8.9.1/": true,
		"http://example.com/": false, "http://10.0.0.1/": false, "http://localhost.example.com/": false, "http://[::ffff:127.0.0.1]/": true,
		"ftp://127.0.0.1/": false, "127.0.0.1:3000": false, "": false,
	} {
		if err := replay.CheckTarget(target, false); (err == nil) != local {
			t.Errorf("%q: got %v", target, err)
		}
	}
	if err := replay.CheckTarget("https://example.com/hook", true); err != nil {
		t.Errorf("allowed remote: %v", err)
	}
	if err := replay.CheckTarget("javascript:alert(1)", true); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("no URL: %v", err)
	}
}
