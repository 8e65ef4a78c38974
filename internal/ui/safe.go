package ui

import (
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// Safe returns outside text made fit for a terminal line: text from outside can
// neither command the terminal nor forge a line.
func Safe(s string) string { return payment.Escape(s) }

// safeLines is Safe that lets line ends and tabs through, for text of many lines.
func safeLines(s string) string { return payment.Escape(s, '\n', '\t') }

// lines cuts text of our own making at its line ends; empty text has none.
func lines(s string) []string {
	s = strings.TrimRight(s, "\n")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}
