package budget

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newFiles(t *testing.T) (Files, *clock) {
	c := &clock{now: time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)}
	return Files{Dir: filepath.Join(t.TempDir(), "budget"), Now: c.Now}, c
}

func reserve(t *testing.T, f Files, per, most time.Duration) payment.Slot {
	t.Helper()
	s, err := f.ReserveWithin(t.Context(), "app", per, most)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Slots follow one another, whoever asks; what is too far off is not booked; what is not
// used goes back.
func TestReserve(t *testing.T) {
	t.Parallel()
	f, c := newFiles(t)
	for _, want := range []time.Duration{0, 12 * time.Second, 24 * time.Second} {
		if s := reserve(t, f, 12*time.Second, time.Hour); s.Wait != want {
			t.Errorf("wait %s, want %s", s.Wait, want)
		}
	}
	if s := reserve(t, f, 12*time.Second, 30*time.Second); s.Wait != 36*time.Second || !s.At.IsZero() {
		t.Errorf("booked beyond its patience: %+v", s)
	}
	last := reserve(t, f, 12*time.Second, time.Hour)
	if err := f.Unreserve(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if s := reserve(t, f, 12*time.Second, time.Hour); s.Wait != last.Wait {
		t.Errorf("wait %s after giving back, want %s", s.Wait, last.Wait)
	}
	c.Add(-time.Hour)
	if s := reserve(t, f, 12*time.Second, 2*time.Hour); s.Wait != 48*time.Second {
		t.Errorf("wait %s after the clock was set back", s.Wait)
	}
	if s := reserve(t, f, 0, 0); s != (payment.Slot{}) {
		t.Errorf("no limit gives %+v", s)
	}
}

// Several that heard of one refusal teach no more than one does.
func TestOneHoldTeachesOnce(t *testing.T) {
	t.Parallel()
	f, c := newFiles(t)
	reserve(t, f, 10*time.Second, time.Hour)
	for i := range 3 {
		if err := f.Hold(t.Context(), "app", c.Now().Add(time.Minute+time.Duration(i)*100*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
	c.Add(time.Minute)
	first, second := reserve(t, f, 10*time.Second, time.Hour), reserve(t, f, 10*time.Second, time.Hour)
	if gap := second.Wait - first.Wait; gap != 15*time.Second {
		t.Errorf("%s apart, want 15s", gap)
	}
}

// A refusal makes everybody wait, and the interval longer for a while.
func TestHoldTeaches(t *testing.T) {
	t.Parallel()
	f, c := newFiles(t)
	reserve(t, f, 10*time.Second, time.Hour)
	if err := f.Hold(t.Context(), "app", c.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if s := reserve(t, f, 10*time.Second, time.Hour); s.Wait != time.Minute || s.Per != 15*time.Second {
		t.Errorf("after a refusal: %+v", s)
	}
	if s := reserve(t, f, 10*time.Second, time.Hour); s.Wait != 75*time.Second {
		t.Errorf("wait %s, want 1m15s", s.Wait)
	}
	c.Add(forgetAfter)
	if s := reserve(t, f, 10*time.Second, time.Hour); s.Per != 10*time.Second {
		t.Errorf("not forgotten: %+v", s)
	}
	for range 20 {
		if err := f.Hold(t.Context(), "app", c.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if s := reserve(t, f, 10*time.Second, 100*time.Hour); s.Per > mostLearned {
			t.Errorf("learned too much: %s", s.Per)
		}
	}
}

// Many at once get distinct slots, in one line.
func TestShared(t *testing.T) {
	t.Parallel()
	f, _ := newFiles(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[time.Duration]bool{}
	for range 20 {
		wg.Go(func() {
			s, err := f.ReserveWithin(context.WithoutCancel(t.Context()), "app", time.Second, time.Hour)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[s.Wait] = true
		})
	}
	wg.Wait()
	if len(seen) != 20 || !seen[19*time.Second] {
		t.Errorf("%d distinct slots", len(seen))
	}
}

// What cannot be used never keeps a question back.
func TestUnusable(t *testing.T) {
	t.Parallel()
	f, c := newFiles(t)
	reserve(t, f, time.Minute, time.Hour)
	files, err := filepath.Glob(filepath.Join(f.Dir, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, error %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := reserve(t, f, time.Minute, time.Hour); s.Wait != 0 {
		t.Errorf("a damaged file: %+v", s)
	}
	for _, dir := range []string{"", files[0]} {
		if s := reserve(t, Files{Dir: dir, Now: c.Now}, time.Minute, time.Hour); s.Wait != 0 {
			t.Errorf("%q: %+v", dir, s)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.ReserveWithin(ctx, "app", time.Second, time.Hour); payment.KindOf(err) != payment.KindInterrupted {
		t.Errorf("error %v", err)
	}
}
