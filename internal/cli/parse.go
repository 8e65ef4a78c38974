package cli

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// parseTime reads a point in time: RFC 3339, a date with or without a time, in the zone
// that times are printed in, or an age.
func (e *env) parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, ok := timing.ParseAge(text); ok {
		return e.now().Add(-ago), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, e.zone()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usagef("write 2026-01-02, \"2026-01-02 15:04\", 2026-01-02T15:04:05Z, or an age such as 2h or 3d", "%s %q: is not a time", flag, text)
}

// ageFlag is a flag that takes an age: a duration, or whole days or weeks.
type ageFlag struct{ age *time.Duration }

// String implements pflag.Value.
func (f ageFlag) String() string {
	if f.age == nil {
		return "0s"
	}
	return f.age.String()
}

// Type implements pflag.Value.
func (f ageFlag) Type() string { return "age" }

// Set implements pflag.Value.
func (f ageFlag) Set(text string) error {
	age, ok := timing.ParseAge(text)
	if !ok {
		return errors.New("write an age such as 90s, 2h, 3d or 2w")
	}
	*f.age = age
	return nil
}

// flagPhone reads --phone.
func flagPhone(text string) (payment.Phone, error) {
	if text == "" {
		return payment.Phone{}, usagef("give the customer's number, such as --phone 0712345678", "phone: --phone is missing")
	}
	return payment.ParsePhone(text)
}

// flagAmount reads --amount, in KES.
func flagAmount(text string) (payment.Amount, error) {
	if text == "" {
		return payment.Amount{}, usagef("give the amount in KES, such as --amount 100", "amount: --amount is missing")
	}
	return payment.ParseAmount(text, payment.KES)
}

// sortedKeys returns a map's keys in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// itoa writes a count.
func itoa(n int) string { return strconv.Itoa(n) }
