package view

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// Body returns a payload as it may be shown: phone numbers and their hashes are masked
// unless whole ones are wanted, credentials always: a queue time-out echoes the request with
// its SecurityCredential (reference/daraja.md §6.5). JSON stays JSON: a number that is a
// phone, as Daraja sends them (reference/daraja.md §4.1), becomes a string of its masked form.
func Body(body []byte, showPhone bool) []byte {
	switch {
	case json.Valid(body):
		return maskJSON(body, showPhone)
	case showPhone:
		return body
	}
	return []byte(payment.MaskDigits(string(body)))
}

// maskJSON masks the values and names of a valid JSON text; whatever holds nothing to hide
// stays byte for byte.
func maskJSON(text []byte, showPhone bool) []byte {
	var out bytes.Buffer
	is := memberPlain // what the next value is, by its name
	for len(text) > 0 {
		n, c := 1, text[0]
		switch {
		case c == '"':
			n = stringLength(text)
			if rest := bytes.TrimLeft(text[n:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
				out.Write(maskString(text[:n], memberPlain.mask(showPhone)))
				is = memberOf(text[:n])
				break
			}
			out.Write(is.value(text[:n], maskString, showPhone))
			is = memberPlain
		case c == '-', c >= '0' && c <= '9':
			if n = bytes.IndexAny(text, " \t\r\n,]}"); n < 0 {
				n = len(text)
			}
			out.Write(is.value(text[:n], maskNumber, showPhone))
			is = memberPlain
		default:
			if strings.IndexByte(" \t\r\n:", c) < 0 {
				is = memberPlain
			}
			out.WriteByte(c)
		}
		text = text[n:]
	}
	return out.Bytes()
}

// member is what the value of a JSON member is known to be by its name.
type member int

const (
	memberPlain member = iota
	memberCredential
	memberPhone
)

// memberOf reads a name as it stands between its quotes.
func memberOf(quoted []byte) member {
	var name string
	if json.Unmarshal(quoted, &name) != nil {
		return memberPlain
	}
	name = strings.ToLower(name)
	switch {
	case name == "securitycredential", name == "password":
		return memberCredential
	case strings.Contains(name, "msisdn"), strings.Contains(name, "phone"):
		return memberPhone
	}
	return memberPlain
}

// value returns a value as it may be shown.
func (m member) value(raw []byte, masked func([]byte, func(string) string) []byte, showPhone bool) []byte {
	if m == memberCredential {
		return []byte(`"***"`)
	}
	return masked(raw, m.mask(showPhone))
}

// mask is what a text in such a value passes.
func (m member) mask(showPhone bool) func(string) string {
	switch {
	case showPhone:
		return func(text string) string { return text }
	case m == memberPhone:
		return payment.MaskPhone
	}
	return payment.MaskDigits
}

// stringLength is how long the string is that a valid JSON text begins with, its
// quotes included.
func stringLength(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// maskString masks one JSON string. One with escapes is masked as what it means:
// digits may hide in \u0037, and those of an escape are none.
func maskString(quoted []byte, mask func(string) string) []byte {
	var text string
	if bytes.IndexByte(quoted, '\\') < 0 || json.Unmarshal(quoted, &text) != nil {
		return []byte(mask(string(quoted)))
	}
	masked := mask(text)
	if masked == text {
		return quoted
	}
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(masked) // a string always encodes
	return []byte(strings.TrimSuffix(out.String(), "\n"))
}

func maskNumber(number []byte, mask func(string) string) []byte {
	masked := mask(string(number))
	if masked == string(number) {
		return number
	}
	return []byte(`"` + masked + `"`)
}
