// Package timing holds what every other package needs of time: the zone that
// M-PESA writes its times in, and a wait that a context ends. What time it is
// is left to the Now function that each package is given.
package timing

import (
	"context"
	"sync"
	"time"
)

// EATOffset is East Africa Time's distance from UTC.
const EATOffset = 3 * time.Hour

var eat = sync.OnceValue(func() *time.Location { //nolint:gochecknoglobals // immutable
	return time.FixedZone("EAT", int(EATOffset/time.Second))
})

// EAT returns East Africa Time: UTC+3 without daylight saving, so that no zone
// data is needed (reference/daraja.md §3.2).
func EAT() *time.Location { return eat() }

// Wait returns nil after d, or ctx's error as soon as ctx has ended. A d of
// nothing or less does not wait.
func Wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RFC3339 writes t as every JSON document of payctl has it: in UTC, with
// milliseconds.
func RFC3339(t time.Time) string { return t.UTC().Format(rfc3339) }

const rfc3339 = "2006-01-02T15:04:05.000Z"

// RFC3339OrNull is RFC3339, nil for the zero time.
func RFC3339OrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := RFC3339(t)
	return &text
}
