package view

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// Body returns a payload as it may be shown: phone numbers are masked unless whole
// ones are wanted, credentials always: a queue time-out echoes the request with its
// SecurityCredential (reference/daraja.md §6.5). JSON stays JSON: a number that is a phone, as Daraja sends them
// (reference/daraja.md §4.1), becomes a string of its masked form.
func Body(body []byte, showPhone bool) []byte {
	isJSON := json.Valid(body)
	if isJSON {
		body = hideCredentials(body)
	}
	switch {
	case showPhone:
		return body
	case isJSON:
		return maskJSON(body)
	}
	return []byte(payment.MaskDigits(string(body)))
}

// maskJSON masks the values and names of a valid JSON text; whatever holds no
// number stays byte for byte.
func maskJSON(text []byte) []byte {
	var out bytes.Buffer
	for len(text) > 0 {
		n := 1
		switch c := text[0]; {
		case c == '"':
			n = stringLength(text)
			out.Write(maskString(text[:n]))
		case c == '-', c >= '0' && c <= '9':
			if n = bytes.IndexAny(text, " \t\r\n,]}"); n < 0 {
				n = len(text)
			}
			out.Write(maskNumber(text[:n]))
		default:
			out.WriteByte(c)
		}
		text = text[n:]
	}
	return out.Bytes()
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
func maskString(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return []byte(payment.MaskDigits(string(quoted)))
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return []byte(payment.MaskDigits(string(quoted)))
	}
	masked := payment.MaskDigits(text)
	if masked == text {
		return quoted
	}
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(masked) // a string always encodes
	return []byte(strings.TrimSuffix(out.String(), "\n"))
}

func maskNumber(number []byte) []byte {
	masked := payment.MaskDigits(string(number))
	if masked == string(number) {
		return number
	}
	return []byte(`"` + masked + `"`)
}

// isCredential reports whether a member of this name, as it stands between its quotes,
// holds a credential.
func isCredential(quoted []byte) bool {
	var name string
	if json.Unmarshal(quoted, &name) != nil {
		return false
	}
	return strings.EqualFold(name, "SecurityCredential") || strings.EqualFold(name, "Password")
}

// hideCredentials puts "***" in the place of the credentials in a valid JSON text; the
// other bytes stay as they are.
func hideCredentials(text []byte) []byte {
	var out bytes.Buffer
	hides := false
	for len(text) > 0 {
		if text[0] != '"' {
			// Blanks and the colon stand between a name and its value.
			hides = hides && strings.IndexByte(" \t\r\n:", text[0]) >= 0
			out.WriteByte(text[0])
			text = text[1:]
			continue
		}
		n := stringLength(text)
		switch rest := bytes.TrimLeft(text[n:], " \t\r\n"); {
		case hides:
			out.WriteString(`"***"`)
			hides = false
		default:
			out.Write(text[:n])
			hides = len(rest) > 0 && rest[0] == ':' && isCredential(text[:n])
		}
		text = text[n:]
	}
	return out.Bytes()
}
