package cli

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

func statusSpan(status string) ui.Span {
	switch payment.Status(status) {
	case payment.StatusCompleted:
		return ui.OK(status)
	case payment.StatusFailed:
		return ui.Bad(status)
	case payment.StatusUnknown:
		return ui.Warn(status)
	case payment.StatusCreated, payment.StatusPending:
	}
	return ui.Plain(status)
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func or(s *string, otherwise string) string {
	if s == nil {
		return otherwise
	}
	return *s
}

func rfc3339(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func timeOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := rfc3339(t)
	return &s
}
