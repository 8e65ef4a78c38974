package store

import (
	"time"

	"github.com/payctl/payctl/internal/payment"
)

func scanInt(v any, to *int64) error {
	n, ok := v.(int64)
	if !ok && v != nil {
		return unreadable("a number", v)
	}
	*to = n
	return nil
}

func scanText(v any, to *string) error {
	switch v := v.(type) {
	case nil:
		*to = ""
	case string:
		*to = v
	case []byte:
		*to = string(v)
	default:
		return unreadable("a text", v)
	}
	return nil
}

func scanTime(v any, to *time.Time) error {
	*to = time.Time{}
	if v == nil {
		return nil
	}
	var n int64
	err := scanInt(v, &n)
	*to = fromMicros(n)
	return err
}

func scanMinor(v any, to *payment.Amount) error {
	*to = payment.Amount{}
	if v == nil {
		return nil
	}
	var n int64
	err := scanInt(v, &n)
	*to = payment.AmountOf(n, payment.KES) // until its currency is read
	return err
}

func scanCurrency(v any, to *payment.Amount) error {
	var code string
	err := scanText(v, &code)
	if to.HasValue() {
		*to = payment.AmountOf(to.Minor(), payment.Currency(code))
	}
	return err
}
