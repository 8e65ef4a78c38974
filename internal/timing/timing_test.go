package timing_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/payctl/payctl/internal/timing"
)

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := timing.Wait(t.Context(), time.Minute); err != nil || time.Since(start) != time.Minute {
			t.Errorf("waited %s, %v", time.Since(start), err)
		}
		if err := timing.Wait(t.Context(), -time.Second); err != nil || time.Since(start) != time.Minute {
			t.Errorf("waited for nothing: %s, %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := timing.Wait(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute+time.Second {
			t.Errorf("a deadline: %s, %v", time.Since(start), err)
		}
		if err := timing.Wait(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an ended context: %v", err)
		}
	})
}

func TestEAT(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 22, 30, 0, 0, time.UTC)
	if got, want := at.In(timing.EAT()).Format(time.RFC3339), "2026-01-03T01:30:00+03:00"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
