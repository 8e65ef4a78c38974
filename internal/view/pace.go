package view

import (
	"strconv"
	"strings"
	"time"
)

// Pace is what people who wait want to know: how long it has been, when the prompt is
// over, and within which time customers usually answer.
type Pace struct {
	// Since is when the waiting began, Expires when the customer's prompt is over; zero if
	// nobody was asked.
	Since, Expires time.Time
	// Half is the time within which half of the customers answered, 0 if not known.
	Half time.Duration
}

// Text is the state of the waiting at a time, short enough for a spinner's line.
func (p Pace) Text(now time.Time) string {
	parts := []string{whole(now.Sub(p.Since))}
	switch left := p.Expires.Sub(now); {
	case p.Expires.IsZero():
	case left > 0:
		parts = append(parts, "prompt ends in "+whole(left))
	default:
		parts = append(parts, "prompt is over")
	}
	return strings.Join(parts, ", ")
}

// Usual says what usually happens, "" if that is not known.
func (p Pace) Usual() string {
	if p.Half <= 0 {
		return ""
	}
	return "half answer within " + whole(p.Half)
}

// whole is a duration in whole seconds.
func whole(d time.Duration) string {
	return strconv.Itoa(int(max(d, 0)/time.Second)) + " s"
}
