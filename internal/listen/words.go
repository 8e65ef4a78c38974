package listen

import "github.com/payctl/payctl/internal/payment"

// clean returns outside text fit for a log line or a label.
func clean(text string) string { return payment.Line(text, 200) }
