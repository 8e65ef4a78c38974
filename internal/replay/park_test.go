package replay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/deliver"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// shop is an endpoint inside the process, for a bubble's clock.
const shop = "http://shop.example/hook"

// post is one request that the endpoint saw.
type post struct {
	At   time.Duration
	Body string
}

type endpoint struct {
	mu     sync.Mutex
	began  time.Time
	posts  []post
	answer func(body string, earlier int) int
	// takes is how long an answer takes.
	takes func(body string) time.Duration
}

// Post takes a delivery in place of a deliver.Sender.
func (e *endpoint) Post(ctx context.Context, r deliver.Request) deliver.Answer {
	body := string(r.Body)
	e.mu.Lock()
	if e.began.IsZero() {
		e.began = time.Now()
	}
	earlier := 0
	for _, p := range e.posts {
		if p.Body == body {
			earlier++
		}
	}
	e.posts = append(e.posts, post{time.Since(e.began), body})
	e.mu.Unlock()
	if e.takes != nil {
		select {
		case <-time.After(e.takes(body)):
		case <-ctx.Done():
			return deliver.Answer{Err: ctx.Err()}
		}
	}
	status := http.StatusOK
	if e.answer != nil {
		status = e.answer(body, earlier)
	}
	return deliver.Answer{Status: status}
}

// about keeps the posts whose body begins so.
func (e *endpoint) about(prefix string) []post {
	return slices.DeleteFunc(slices.Clone(e.posts), func(p post) bool { return !strings.HasPrefix(p.Body, prefix) })
}

func (e *endpoint) options(deliveries []store.StoredDelivery, waits ...time.Duration) (options, *records) {
	s := &records{deliveries: deliveries}
	return options{
		ledger: s, runID: "r", targets: []string{shop}, sender: e, now: time.Now,
		retry: func(payment.ProviderID) []time.Duration { return waits },
	}, s
}

// TestOrderOfOnePaymentWithoutADeposit holds that what is about one payment keeps its
// order, whether the ledger has a deposit of it or not.
func TestOrderOfOnePaymentWithoutADeposit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const payments = 50
		var all []store.StoredDelivery
		for i := range payments {
			for k := range 2 {
				all = append(all, store.StoredDelivery{
					Delivery: payment.Delivery{ID: fmt.Sprintf("dlv_%d_%d", i, k), Provider: payment.WasaaPay, Body: fmt.Appendf(nil, "%d.%d", i, k)},
					Subject:  fmt.Sprint("about_", i),
				})
			}
		}
		e := &endpoint{takes: func(body string) time.Duration {
			if strings.HasSuffix(body, ".0") {
				return time.Second
			}
			return 0
		}}
		o, _ := e.options(all)
		o.concurrency = 200
		if _, err := send(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		for i := range payments {
			got := e.about(fmt.Sprintf("%d.", i))
			if len(got) != 2 || got[0].Body > got[1].Body || got[1].At-got[0].At < time.Second {
				t.Errorf("payment %d: %v", i, got)
			}
		}
	})
}

// named are deliveries of payments by name, in this order.
func named(names ...string) []store.StoredDelivery {
	out := make([]store.StoredDelivery, len(names))
	for i, name := range names {
		payer, _, _ := strings.Cut(name, ".")
		out[i] = store.StoredDelivery{Delivery: payment.Delivery{ID: "dlv_" + name, Body: []byte(name)}, DepositID: "dep_" + payer, Subject: "dep_" + payer}
	}
	return out
}

// TestARetryHoldsUpItsPaymentOnly holds that one delivery that waits for its
// retry stops neither its lane nor the reading.
func TestARetryHoldsUpItsPaymentOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const others = 500 // many times what a lane has room for
		names := []string{"a.1", "a.2", "a.3"}
		for i := range others {
			names = append(names, fmt.Sprintf("b%d.1", i))
		}
		e := &endpoint{answer: func(body string, earlier int) int {
			if body == "a.1" && earlier < 2 || body == "a.2" && earlier < 1 {
				return http.StatusServiceUnavailable
			}
			return http.StatusOK
		}}
		o, s := e.options(named(append(names, "a.4")...), time.Minute, time.Hour)
		o.concurrency = 2
		var order []string
		o.onResult = func(r Result) {
			if strings.HasPrefix(r.Delivery.ID, "dlv_a") {
				order = append(order, fmt.Sprintf("%s after %d", r.Delivery.ID, r.Answers[0].Attempts))
			}
		}
		totals, err := send(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Totals{Sent: others + 4}, totals); diff != "" {
			t.Errorf("totals (-want +got):\n%s", diff)
		}
		const hour = time.Hour + time.Minute
		want := []post{{0, "a.1"}, {time.Minute, "a.1"}, {hour, "a.1"}, {hour, "a.2"}, {hour + time.Minute, "a.2"}, {hour + time.Minute, "a.3"}, {hour + time.Minute, "a.4"}}
		if diff := cmp.Diff(want, e.about("a.")); diff != "" {
			t.Errorf("the payment that waits (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"dlv_a.1 after 3", "dlv_a.2 after 2", "dlv_a.3 after 1", "dlv_a.4 after 1"}, order); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		for _, p := range e.about("b") {
			if p.At > 0 {
				t.Fatalf("%s was held up for %s", p.Body, p.At)
			}
		}
		if len(s.attempts) != others+4+3 {
			t.Errorf("%d attempts are recorded", len(s.attempts))
		}
	})
}

// TestStoppedWhileRetriesWait holds that a run ends at once though retries wait,
// and that a resumed one keeps their times and their order.
func TestStoppedWhileRetriesWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(body string, earlier int) int {
			if body == "a.1" && earlier < 1 {
				return http.StatusBadGateway
			}
			return http.StatusOK
		}}
		o, _ := e.options(named("a.1", "b.1", "a.2"), time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		totals, err := send(ctx, o)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute || totals.Sent != 1 {
			t.Fatalf("%+v, %v after %s", totals, err, time.Since(began))
		}
		totals, err = send(t.Context(), o)
		if diff := cmp.Diff(Totals{Sent: 2, Skipped: 1}, totals); err != nil || diff != "" {
			t.Errorf("%v, totals (-want +got):\n%s", err, diff)
		}
		want := []post{{0, "a.1"}, {0, "b.1"}, {time.Hour, "a.1"}, {time.Hour, "a.2"}}
		if diff := cmp.Diff(want, e.posts); diff != "" {
			t.Errorf("posts (-want +got):\n%s", diff)
		}
	})
}

// TestWaitingRetriesAreBounded holds that reading waits when too much of what
// was read has not come to its end, by number and by size, and goes on after.
func TestWaitingRetriesAreBounded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ deliveries, size, most int }{
		"many": {12_000, 10, 10_000}, "large": {300, 1 << 20, 79}, // 79 MiB, about what 10,000 usual ones are at most
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				all := stored(tt.deliveries, tt.deliveries, 0)
				pad := strings.Repeat(" ", tt.size)
				for i := range all {
					all[i].Body = []byte(pad)
				}
				early, posts := 0, 0
				began := time.Now()
				o, _ := (&endpoint{}).options(all, time.Hour)
				o.sender = posting(func() deliver.Answer {
					posts++
					if time.Since(began) == 0 {
						early++
					}
					return deliver.Answer{Status: http.StatusServiceUnavailable}
				})
				totals, err := send(t.Context(), o)
				if diff := cmp.Diff(Totals{Sent: int64(tt.deliveries), Failed: int64(tt.deliveries)}, totals); err != nil || diff != "" {
					t.Errorf("%v, totals (-want +got):\n%s", err, diff)
				}
				if early != tt.most || posts != 2*tt.deliveries {
					t.Errorf("%d were sent before the first retry, want %d; %d posts", early, tt.most, posts)
				}
			})
		})
	}
}

type posting func() deliver.Answer

func (f posting) Post(context.Context, deliver.Request) deliver.Answer { return f() }

// TestRateHoldsForWhatWasHeldBack holds that what waited behind a retry does not
// start in a burst.
func TestRateHoldsForWhatWasHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(body string, earlier int) int {
			if body == "a.1" && earlier == 0 {
				return http.StatusServiceUnavailable
			}
			return http.StatusOK
		}}
		o, _ := e.options(named("a.1", "a.2", "a.3", "a.4"), time.Minute)
		o.rate = 1
		if _, err := send(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		want := []post{{0, "a.1"}, {60 * time.Second, "a.1"}, {60 * time.Second, "a.2"}, {61 * time.Second, "a.3"}, {62 * time.Second, "a.4"}}
		if diff := cmp.Diff(want, e.posts); diff != "" {
			t.Errorf("posts (-want +got):\n%s", diff)
		}
	})
}

// TestTinyPaces holds that a pace too slow for a clock is slow, not the fastest.
func TestTinyPaces(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*options){
		"rate": func(o *options) { o.rate = 1e-12 }, "least rate": func(o *options) { o.rate = 5e-324 },
		"speed": func(o *options) { o.speed = 1e-300 }, "both": func(o *options) { o.rate, o.speed = 1e-12, 1e-12 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{}
				o, _ := e.options(stored(3, 3, time.Second))
				set(&o)
				ctx, cancel := context.WithTimeout(t.Context(), 365*24*time.Hour)
				defer cancel()
				totals, err := send(ctx, o)
				if !errors.Is(err, context.DeadlineExceeded) || totals.Sent != 1 {
					t.Errorf("%d sent in a year, %v", totals.Sent, err)
				}
			})
		})
	}
}

// TestWantedIsAskedBeforeEachAttempt holds that what somebody else brought there
// meanwhile, even while a retry waits, is not sent again and counts as skipped.
func TestWantedIsAskedBeforeEachAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{answer: func(string, int) int { return http.StatusServiceUnavailable }}
		o, _ := e.options(named("a.1", "b.1", "c.1"), time.Minute)
		began := time.Now()
		o.wanted = func(_ context.Context, id, target string) (bool, error) {
			return target == shop && id != "dlv_a.1" && (id != "dlv_b.1" || time.Since(began) == 0), nil
		}
		var results []string
		o.onResult = func(r Result) { results = append(results, r.Delivery.ID) }
		totals, err := send(t.Context(), o)
		if diff := cmp.Diff(Totals{Sent: 1, Skipped: 2, Failed: 1}, totals); err != nil || diff != "" {
			t.Errorf("%v, totals (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff([]post{{0, "b.1"}, {0, "c.1"}, {time.Minute, "c.1"}}, e.posts); diff != "" {
			t.Errorf("posts (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"dlv_c.1"}, results); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		failing := errors.New("the disk")
		o.runID, o.wanted = "r2", func(context.Context, string, string) (bool, error) { return false, failing }
		if _, err := send(t.Context(), o); !errors.Is(err, failing) {
			t.Errorf("the ledger's error is lost: %v", err)
		}
	})
}
