package sevi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// The reasons why a body is not read.
var (
	errNotJSON   = errors.New("the body is not JSON")
	errNotObject = errors.New("the body is JSON but not an object")
	errUnknown   = errors.New("the object is neither a transaction (id and amount) nor an order event (order)")
)

// fields is a JSON object whose members are read one by one: nothing but the
// id is sure to be there, and types have changed before (reference/sevi.md §4).
type fields map[string]json.RawMessage

// object reads an object; null, absent and other types are nil.
func object(raw json.RawMessage) fields {
	var f fields
	if json.Unmarshal(raw, &f) != nil {
		return nil
	}
	return f
}

// has reports whether a member is there and not null.
func (f fields) has(name string) bool {
	raw, ok := f[name]
	return ok && string(raw) != "null"
}

// text returns a string member, or the characters of a number; "" for
// anything else.
func (f fields) text(name string) string {
	raw := f[name]
	if len(raw) == 0 {
		return ""
	}
	if raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return strings.TrimSpace(s)
	}
	if raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' {
		return string(raw)
	}
	return ""
}

// notText returns the first of the members that is neither a string nor null, or "". Every
// id is a string (reference/sevi.md §4, §5); one in a number has many texts (5, 5.0, 5e0), of
// which another reader may take another.
func (f fields) notText(names ...string) string {
	for _, name := range names {
		if f.has(name) && f[name][0] != '"' {
			return name
		}
	}
	return ""
}

// upper returns a member of an enumeration, folded to upper case; the sets are
// open and unknown values pass through.
func (f fields) upper(name string) string { return strings.ToUpper(f.text(name)) }

// money reads a number or a quoted number exactly; ok is false when it is
// absent, and a value that is no money is noted.
func (f fields) money(name string, currency payment.Currency, notes *[]string) (a payment.Amount, ok bool) {
	if !f.has(name) {
		return payment.Amount{}, false
	}
	text := f.text(name)
	if text == "" {
		*notes = append(*notes, name+" is not a number")
		return payment.Amount{}, false
	}
	a, err := payment.ParseWireAmount(text, currency)
	if err != nil {
		*notes = append(*notes, fmt.Sprintf("%s: %v", name, err))
		return payment.Amount{}, false
	}
	return a, true
}

// when reads an RFC 3339 time; another form is noted rather than guessed.
func (f fields) when(name string, notes *[]string) time.Time {
	if !f.has(name) {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, f.text(name))
	if err != nil {
		*notes = append(*notes, name+" is not an RFC 3339 time")
		return time.Time{}
	}
	return at.UTC()
}
