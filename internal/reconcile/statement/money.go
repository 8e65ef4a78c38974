package statement

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

var (
	errAmount = errors.New("is not an amount of whole cents")
	errGroups = errors.New("has commas that do not stand between thousands")
)

// cents reads an amount as files have it: with thousands separators, no-break
// spaces, the minus sign of typographers, or as a Java double (1.0E7). Nothing is
// rounded.
func cents(text string) (int64, error) {
	text = tidyNumber(text)
	sign := int64(1)
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		sign, text = -1, rest
	}
	if strings.IndexByte(text, ',') >= 0 {
		plain, err := ungrouped(text)
		if err != nil {
			return 0, err
		}
		text = plain
	}
	amount, err := payment.ParseWireAmount(text, payment.KES)
	if err != nil || strings.HasPrefix(text, "-") {
		return 0, errAmount
	}
	return sign * amount.Minor(), nil
}

// tidyNumber takes out blanks of every sort and spells the minus.
func tidyNumber(text string) string {
	clean := true
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c >= 0x80 {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '\u2212', '\u2013', '\ufe63', '\uff0d':
			return '-'
		case ' ', '\t', '\u00a0', '\u202f', '\u2007', '\u2009', '\ufeff', '\u200b':
			return -1
		}
		return r
	}, text)
}

// ungrouped takes the commas out of 1,234,567.89.
func ungrouped(text string) (string, error) {
	whole, fraction, point := strings.Cut(text, ".")
	groups := strings.Split(whole, ",")
	for i, g := range groups {
		if len(g) != 3 && (i > 0 || len(g) == 0 || len(g) > 3) {
			return "", errGroups
		}
	}
	whole = strings.Join(groups, "")
	if !point {
		return whole, nil
	}
	return whole + "." + fraction, nil
}

// spelled writes a number that a spreadsheet keeps as a double as the spreadsheet does, with
// 15 digits of what has a fraction: 2405.9800000000001 is 2405.98, and what a formula made of
// 0.1 and 0.2 is 0.3. Other text is left alone.
func spelled(number string) string {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return number
	}
	if f != math.Trunc(f) {
		f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', 15, 64), 64)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// Decimal writes cents as a decimal with two places.
func Decimal(minor int64) string { return payment.AmountOf(minor, payment.KES).String() }
