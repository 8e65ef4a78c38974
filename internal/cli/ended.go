package cli

import (
	"errors"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/watch"
)

// ended returns what a command came to, whatever became of printing it: a script
// that took a write error for the outcome would ask the customer again. about says
// what could not be printed, so that the operator can look it up. A reader that has
// gone wants to know nothing.
func (e *env) ended(printed, outcome error, about string) error {
	if printed != nil && !errors.Is(printed, ui.ErrBrokenPipe) {
		e.out.Warn("%s; it could not be printed: %s", about, e.phoneText(payment.FirstLine(printed.Error())))
	}
	return outcome
}

// aboutDeposit names a deposit and where it stands.
func aboutDeposit(d payment.Deposit) string { return "deposit " + d.ID + " is " + string(d.Status) }

func aboutResults(results watch.Results) string {
	var parts []string
	for _, r := range results {
		parts = append(parts, aboutDeposit(r.Deposit))
	}
	return strings.Join(parts, ", ")
}
