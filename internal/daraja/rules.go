package daraja

import (
	"fmt"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// Limits of one push (reference/daraja.md §3.1; older figures still circulate).
const (
	// MinAmount and MaxAmount are whole shillings per transaction.
	MinAmount = 1
	MaxAmount = 250_000
	// MaxReference and MaxDescription are characters; longer ones are accepted
	// by the gateway and then no prompt arrives (§3.2).
	MaxReference   = 12
	MaxDescription = 13
	// DefaultDescription is sent when there is none: the documents call the
	// field optional, the gateway does not (§3.2).
	DefaultDescription = "Payment"
)

// CheckDeposit holds a deposit against the rules of §3.1 and returns warnings
// for what has broken requests without being forbidden. Errors are KindUsage.
func CheckDeposit(d payment.Deposit) (warnings []string, err error) {
	if err := checkAmount(d.Amount); err != nil {
		return nil, err
	}
	if d.Phone.IsZero() {
		return nil, payment.Usage("phone: missing", "name the customer's M-PESA number")
	}
	switch {
	case strings.TrimSpace(d.Reference) == "":
		return nil, payment.Usage("reference: missing", "give the payment a reference of 1 to 12 characters")
	case len([]rune(d.Reference)) > MaxReference:
		return nil, payment.Usage(fmt.Sprintf("reference: %d characters, at most %d reach the customer's prompt", len([]rune(d.Reference)), MaxReference), "shorten it")
	case len([]rune(d.Description)) > MaxDescription:
		return nil, payment.Usage(fmt.Sprintf("description: %d characters, at most %d are accepted", len([]rune(d.Description)), MaxDescription), "shorten it")
	}
	if !plainText(d.Reference) {
		warnings = append(warnings, "reference: characters other than letters, digits, space, dot, dash and underscore have broken requests")
	}
	if !plainText(d.Description) {
		warnings = append(warnings, "description: characters other than letters, digits, space, dot, dash and underscore have broken requests")
	}
	if !d.Phone.LikelySafaricom() {
		warnings = append(warnings, "phone: not in a Safaricom range; the prompt needs an M-PESA line")
	}
	return warnings, nil
}

func checkAmount(a payment.Amount) error {
	hint := fmt.Sprintf("M-PESA takes whole shillings from %d to %d", MinAmount, MaxAmount)
	if a.HasValue() && a.Currency() != payment.KES {
		return payment.Usage("amount: "+string(a.Currency())+" is not KES", hint)
	}
	whole, exact := a.Whole()
	switch {
	case !a.HasValue():
		return payment.Usage("amount: missing", hint)
	case !exact:
		return payment.Usage("amount: "+a.String()+" has cents", hint)
	case whole < MinAmount:
		return payment.Usage("amount: "+a.String()+" is below the minimum", hint)
	case whole > MaxAmount:
		return payment.Usage("amount: "+a.String()+" is above the maximum", hint)
	}
	return nil
}

func plainText(s string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == ' ', r == '.', r == '_', r == '-':
		default:
			return false
		}
	}
	return true
}
