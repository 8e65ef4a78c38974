// Package view holds the shape of everything that is shown: a struct with JSON tags, whose
// keys are the contract (design/cli.md), with its text for people and, for lists, its
// cells. Whether whole phone numbers are shown is a parameter. It decides nothing.
package view

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// textOrNull is a text, nil where there is none.
func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// textOr is the text, or what stands for none.
func textOr(s *string, otherwise string) string {
	if s == nil {
		return otherwise
	}
	return *s
}

// utc is a time as scripts see it.
func utc(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// utcOrNull is utc, nil where the time is not known.
func utcOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return textOrNull(utc(t))
}

// phones is a text that may hold phone numbers, masked unless they are to be shown.
func phones(text string, show bool) string {
	if show {
		return text
	}
	return payment.MaskDigits(text)
}
