package wasaapay

import (
	"fmt"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// wireMoney makes an amount of data.amount, a string or a number, without a
// float (C7), and of data.currency, which is KES where none is given (C18).
// Every member may be absent or null, which is no amount. Of anything else that
// is no amount of money, problem says what is wrong. text and unit are the
// characters of the values, "" where they are neither string nor number.
func wireMoney(amount, currency []byte, text, unit string) (_ payment.Amount, problem string) {
	name := payment.Currency(strings.ToUpper(unit))
	switch {
	case isAbsent(currency):
		name = payment.KES
	case !isCurrency(name):
		return payment.Amount{}, "the currency is not three letters"
	}
	switch {
	case isAbsent(amount) && name != payment.KES:
		return payment.Amount{}, "the currency is " + string(name) + ", of no amount"
	case isAbsent(amount):
		return payment.Amount{}, ""
	case text == "":
		return payment.Amount{}, "the amount is neither a number nor the text of one"
	}
	out, err := payment.ParseWireAmount(text, name)
	if err != nil {
		return payment.Amount{}, "the " + clean(err.Error())
	}
	return out, ""
}

func isAbsent(raw []byte) bool { return len(raw) == 0 || raw[0] == 'n' }

func isCurrency(c payment.Currency) bool {
	return len(c) == 3 && strings.Trim(string(c), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// otherAmount says how the answer's amount differs from the deposit's, or "". A
// deposit that was adopted by its id has no amount to compare.
func (a answer) otherAmount(d payment.Deposit) string {
	if !a.amount.HasValue() || d.Amount.Minor() == 0 || a.amount == d.Amount {
		return ""
	}
	return fmt.Sprintf("the answer is about %s %s, not the %s %s asked for", a.amount, a.amount.Currency(), d.Amount, d.Amount.Currency())
}
