// Package view holds the shape of everything that is shown: a struct with JSON tags, whose
// keys are the contract (design/cli.md), with its text for people and, for lists, its
// cells. Whether whole phone numbers are shown is a parameter. It decides nothing.
package view

import (
	"github.com/payctl/payctl/internal/payment"
)

// phones is a text that may hold phone numbers, masked unless they are to be shown.
func phones(text string, show bool) string {
	if show {
		return text
	}
	return payment.MaskDigits(text)
}

// phone is a phone number as it came, of whatever form, masked unless it is to be shown.
func phone(text string, show bool) string {
	if show {
		return text
	}
	return payment.MaskPhone(text)
}
