package emulator

import (
	"fmt"
	"strconv"
	"strings"
)

// cents is an amount of Kenyan shillings in hundredths.
type cents int64

const shilling cents = 100

// Limits of the portal (reference/daraja.md §3.1), in cents.
const (
	maxTransaction = 250_000 * shilling
	maxDaily       = 500_000 * shilling
	maxWallet      = 500_000 * shilling
)

// decimal is the amount with two decimals, "150.00".
func (c cents) decimal() string {
	sign, n := "", int64(c)
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}

// whole is the amount without decimals when it has none, "150".
func (c cents) whole() string { return strings.TrimSuffix(c.decimal(), ".00") }

// parseShillings reads whole shillings from 1 to 250,000 as M-PESA takes them: digits and nothing else.
func parseShillings(text string) (cents, bool) {
	if !digits(text, 1, 9) {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	amount := cents(n) * shilling
	return amount, err == nil && amount >= shilling && amount <= maxTransaction
}
