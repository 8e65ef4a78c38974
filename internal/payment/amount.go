package payment

import (
	"fmt"
	"strconv"
	"strings"
)

// Currency is an ISO 4217 code in upper case.
type Currency string

// The currencies that the providers name (reference/sevi.md §4, reference/wasaapay.md §8).
const (
	KES Currency = "KES"
	UGX Currency = "UGX"
	USD Currency = "USD"
)

// minorPerMajor is 10 to the number of decimal places. All currencies that the
// providers send are carried with two places: UGX has none in practice, but
// payloads may state two (reference/sevi.md §4).
const minorPerMajor = 100

// maxAmountDigits bounds the integer part, so that minor units fit an int64.
const maxAmountDigits = 15

// Amount is money in integer minor units (cents) of a currency. It never
// passes through a float. The zero value is no amount; use HasValue.
type Amount struct {
	minor    int64
	currency Currency
}

// AmountOf returns minor units (cents) of a currency.
func AmountOf(minor int64, currency Currency) Amount {
	return Amount{minor: minor, currency: currency}
}

// ParseAmount reads what an operator types: digits with at most two decimals.
// Signs, exponents, separators and spaces are KindUsage errors, as are zero
// and anything too large to be money.
func ParseAmount(text string, currency Currency) (Amount, error) {
	bad := func(problem string) (Amount, error) {
		return Amount{}, Usage(fmt.Sprintf("amount %s: %s", Quote(text, maxQuoted), problem), "write digits with at most two decimals, such as 100 or 99.50")
	}
	whole, fraction, hasPoint := strings.Cut(text, ".")
	switch {
	case text == "":
		return bad("is empty")
	case strings.HasPrefix(text, "-"):
		return bad("is negative")
	case strings.Contains(text, ","):
		return bad("has a thousands separator")
	case !isDigits(whole) || hasPoint && !isDigits(fraction):
		return bad("is not a plain decimal number")
	case len(fraction) > 2:
		return bad("has more than two decimals")
	case len(whole) > maxAmountDigits:
		return bad("is too large")
	}
	amount, err := ParseWireAmount(text, currency)
	if err != nil {
		return bad("is not a plain decimal number")
	}
	if amount.minor == 0 {
		return bad("is zero")
	}
	return amount, nil
}

// ParseWireAmount reads the text of an amount that a provider sent: a JSON
// number's or string's characters, exponents and trailing zeros included
// ("1000", "150.00", "1E2", "-35"). What does not come out as whole minor
// units is an error; nothing is rounded.
func ParseWireAmount(text string, currency Currency) (Amount, error) {
	rest := strings.TrimSpace(text)
	negative := strings.HasPrefix(rest, "-")
	rest = strings.TrimPrefix(rest, "-")
	mantissa, exponent := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		n, err := strconv.ParseInt(rest[i+1:], 10, 16)
		if err != nil {
			return Amount{}, fmt.Errorf("amount %s: bad exponent", Quote(text, maxQuoted))
		}
		mantissa, exponent = rest[:i], int(n)
	}
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	if !isDigits(whole) || hasPoint && !isDigits(fraction) {
		return Amount{}, fmt.Errorf("amount %s: not a decimal number", Quote(text, maxQuoted))
	}
	minor, err := shiftToMinor(whole+fraction, exponent-len(fraction)+2)
	if err != nil {
		return Amount{}, fmt.Errorf("amount %s: %w", Quote(text, maxQuoted), err)
	}
	if negative {
		minor = -minor
	}
	return Amount{minor: minor, currency: currency}, nil
}

// shiftToMinor returns digits × 10^shift, which must be a whole number.
func shiftToMinor(digits string, shift int) (int64, error) {
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return 0, nil
	}
	if shift < 0 {
		cut := len(digits) + shift
		if cut < 0 || strings.Trim(digits[cut:], "0") != "" {
			return 0, fmt.Errorf("has a part smaller than one cent")
		}
		digits, shift = digits[:cut], 0
	}
	if digits == "" {
		return 0, nil
	}
	if len(digits)+shift > maxAmountDigits+2 {
		return 0, fmt.Errorf("is too large")
	}
	return strconv.ParseInt(digits+strings.Repeat("0", shift), 10, 64)
}

// HasValue tells an amount from the zero value.
func (a Amount) HasValue() bool { return a.currency != "" }

// Minor returns the amount in minor units (cents).
func (a Amount) Minor() int64 { return a.minor }

// Currency returns the currency, "" for the zero value.
func (a Amount) Currency() Currency { return a.currency }

// Whole returns the amount in whole units, and whether it has no cents.
func (a Amount) Whole() (int64, bool) {
	return a.minor / minorPerMajor, a.minor%minorPerMajor == 0
}

// String returns the amount as a decimal with two places, without currency ("1000.00").
func (a Amount) String() string {
	sign, minor := "", a.minor
	if minor < 0 {
		sign, minor = "-", -minor
	}
	return fmt.Sprintf("%s%d.%02d", sign, minor/minorPerMajor, minor%minorPerMajor)
}

// unlike says that a is not the amount asked for. The currencies are named only
// where they are what differs.
func (a Amount) unlike(asked Amount) string {
	if a.currency == asked.currency {
		return "the amount " + a.String() + " is not the " + asked.String() + " asked for"
	}
	return "the amount " + a.String() + " " + string(a.currency) + " is not the " + asked.String() + " " + string(asked.currency) + " asked for"
}

// maxQuoted bounds an amount that an error repeats, in bytes.
const maxQuoted = 40

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
