package mpesa

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// Cents is an amount of Kenyan shillings in hundredths.
type Cents int64

// Shilling is one shilling in cents.
const Shilling Cents = 100

// Limits of the portal (reference/daraja.md §3.1), in cents.
const (
	MaxTransaction = 250_000 * Shilling
	maxDaily       = 500_000 * Shilling
	MaxWallet      = 500_000 * Shilling
)

// Decimal is the amount with two decimals, "150.00".
func (c Cents) Decimal() string {
	sign, n := "", int64(c)
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}

// Whole is the amount without decimals when it has none, "150".
func (c Cents) Whole() string { return strings.TrimSuffix(c.Decimal(), ".00") }

// ParseShillings reads whole shillings from 1 to 250,000 as M-PESA takes them: digits and nothing else.
func ParseShillings(text string) (Cents, bool) {
	if !engine.Digits(text, 1, 9) {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	amount := Cents(n) * Shilling
	return amount, err == nil && amount >= Shilling && amount <= MaxTransaction
}
