package store

import (
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// phoneKey is a payer's number as the ledger looks it up: the whole number, or what
// a provider left of a masked one, such as 2547*222 for "2547 ***** 222"
// (reference/daraja.md §10.1); "" for anything else, a hash among it.
func phoneKey(text string) string {
	if phone, err := payment.ParsePhone(text); err == nil {
		return phone.MSISDN()
	}
	head, tail, masked := strings.Cut(text, "*")
	head, tail = strings.TrimPrefix(strings.TrimSpace(head), "+"), strings.TrimSpace(strings.TrimLeft(tail, "* "))
	if !masked || !isShort(head) || !isShort(tail) {
		return ""
	}
	return head + "*" + tail
}

func isShort(digits string) bool {
	_, err := strconv.ParseUint(digits, 10, 64)
	return err == nil && len(digits) <= mostEnd
}

// mostEnd is how many digits may be left at either end of a masked number.
const mostEnd = 8

// phoneKeys are all keys that a number may be stored under.
func phoneKeys(phone payment.Phone) []any {
	number := phone.MSISDN()
	out := []any{number}
	for head := 1; head <= mostEnd; head++ {
		for tail := 1; tail <= mostEnd && head+tail < len(number); tail++ {
			out = append(out, number[:head]+"*"+number[len(number)-tail:])
		}
	}
	return out
}
