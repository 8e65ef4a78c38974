package engine

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// One step runs what is due in order of time and then of scheduling, and what that schedules.
func TestAdvance(t *testing.T) {
	t.Parallel()
	c, err := newClock(ClockVirtual, nil)
	if err != nil {
		t.Fatal(err)
	}
	begun := c.now()
	var got []string
	note := func(text string) func() {
		return func() { got = append(got, text+" "+c.now().Sub(begun).String()) }
	}
	c.After(2*time.Second, note("b"))
	c.After(time.Second, func() {
		note("a")()
		c.After(time.Second, note("d"))
		c.After(time.Hour, note("late"))
	})
	c.After(2*time.Second, note("c"))
	c.After(-time.Second, note("now"))
	ran, err := c.Advance(10 * time.Second)
	if err != nil || ran != 5 {
		t.Errorf("ran %d, %v", ran, err)
	}
	if diff := cmp.Diff([]string{"now 0s", "a 1s", "b 2s", "c 2s", "d 2s"}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if now := c.now().Sub(begun); now != 10*time.Second {
		t.Errorf("the clock shows %s", now)
	}
	if n, next := c.Pending(); n != 1 || next != time.Hour-9*time.Second {
		t.Errorf("pending %d in %s", n, next)
	}
}

// Advancing from inside an event is refused instead of waiting for itself.
func TestAdvanceInside(t *testing.T) {
	t.Parallel()
	c, err := newClock(ClockVirtual, nil)
	if err != nil {
		t.Fatal(err)
	}
	var inner error
	c.After(0, func() { _, inner = c.Advance(time.Second) })
	if _, err := c.Advance(0); err != nil || inner != ErrClockBusy { //nolint:errorlint // the sentinel itself
		t.Errorf("outer %v, inner %v", err, inner)
	}
}

// The real clock in a bubble: callbacks come when they should, and Close leaves no goroutine.
func TestRealClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []time.Duration
		begun := time.Now()
		e := running(t, Config{}, func(*http.Request) (*http.Response, error) {
			got = append(got, time.Since(begun))
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})
		for i, delay := range []time.Duration{3 * time.Second, time.Second, 2 * time.Second} {
			e.Locked(func() {
				e.Emit(&Delivery{Class: "stk", URL: "http://app.test/" + strings.Repeat("x", i)}, delay)
			})
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff([]time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, got); diff != "" {
			t.Errorf("callbacks (-want +got):\n%s", diff)
		}
		end(t, e)
	})
}

// A target that never answers is given up after five seconds (reference/daraja.md §4.3), validation after eight (§10.1).
func TestPatience(t *testing.T) {
	t.Parallel()
	for patience, want := range map[time.Duration]time.Duration{0: 5 * time.Second, CheckPatience: 8 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			e := running(t, Config{}, hanging)
			begun := time.Now()
			var took time.Duration
			e.Locked(func() {
				e.Emit(&Delivery{Class: "stk", URL: "http://app.test/", Patience: patience, Then: func(int, []byte) { took = time.Since(begun) }}, 0)
			})
			time.Sleep(time.Minute)
			synctest.Wait()
			if took != want {
				t.Errorf("given up after %s, want %s", took, want)
			}
			end(t, e)
		})
	}
}
