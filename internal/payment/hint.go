package payment

import "time"

// Hint is a payment that may be a deposit's: a row of the provider's pull list, a
// customer's payment that was confirmed, the result of a transaction status query that
// named no deposit. It proves nothing by itself.
type Hint struct {
	// Source is who told of it: "c2b", "pull", "transaction".
	Source    string
	Provider  ProviderID
	Receipt   string
	Amount    Amount
	Phone     string
	Reference string
	At        time.Time
}

// Fits reports whether a hint can be about a deposit: the amount is the same, the
// reference is or is not told, the phone can be the customer's, and the time is within a
// day of asking.
func (h Hint) Fits(d Deposit) bool {
	since := h.At.Sub(d.SentAt)
	return h.Receipt != "" && h.Amount == d.Amount && d.Phone.MayBe(h.Phone) &&
		(h.Reference == d.Reference || h.Reference == "" && h.Phone != "") &&
		since > -5*time.Minute && since < RepeatWindow
}

// Tells is what a hint says to an operator who looks at a deposit that it fits.
func (h Hint) Tells() string {
	return "a payment that fits is " + h.Receipt + ", by " + h.named() +
		": it proves nothing by itself; \"payctl transaction status " + h.Receipt + "\" does"
}

func (h Hint) named() string {
	switch h.Source {
	case "c2b":
		return "a C2B confirmation"
	case "pull":
		return "the list of pulled payments"
	}
	return "the result of a transaction status query"
}
