package portal

import (
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/timing"
)

// period reads both ends of a statement, which the portal counts in Nairobi and to the second, both included.
func period(from, to string, now time.Time) (begin, end time.Time, err error) {
	now = now.In(timing.EAT())
	today := now.Format(time.DateOnly)
	if from == "" {
		from = today
	}
	if to == "" {
		to = today
	}
	if begin, err = moment(from, now, 0); err != nil {
		return begin, end, fmt.Errorf("from %w", err)
	}
	if end, err = moment(to, now, 24*time.Hour-time.Second); err != nil {
		return begin, end, fmt.Errorf("to %w", err)
	}
	if end.Before(begin) {
		return begin, end, fmt.Errorf("to %q is before from %q", to, from)
	}
	return begin, end, nil
}

// moment reads one end; a day stands for its beginning plus rest.
func moment(text string, now time.Time, rest time.Duration) (time.Time, error) {
	zone := timing.EAT()
	if at, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return at.Add(rest), nil
	}
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, nil
		}
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.In(zone).Truncate(time.Second), nil
	}
	if age, ok := timing.ParseAge(text); ok {
		return now.Add(-age).Truncate(time.Second), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2026-11-04, 2026-11-04 15:00:00 (in Nairobi), RFC 3339, or an age such as 2h or 3d", text)
}
