package apiclient

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/payctl/payctl/internal/payment"
)

// shortestSecret is the length from which a value can be taken out of text, in
// bytes: a shorter one may be part of any word.
const shortestSecret = 8

// hidable returns the secrets that are long enough, the longest first: one
// that is part of another would leave the rest.
func hidable(secrets []string) []string {
	var out []string
	for _, s := range secrets {
		if len(s) >= shortestSecret {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

// hide takes hidable secrets out of a text.
func hide(text string, secrets []string) string {
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "[redacted]")
	}
	return text
}

// escapedString finds JSON strings with an escape in them.
var escapedString = sync.OnceValue(func() *regexp.Regexp { //nolint:gochecknoglobals // compiled once
	return regexp.MustCompile(`"[^"\\]*(?:\\.[^"\\]*)+"`)
})

// hideJSON takes hidable secrets out of a body, and out of its JSON strings what
// they mean: "/" may come as "\/", and any character as its number. What such a
// string hides besides, a phone number, goes with it.
func hideJSON(body []byte, secrets []string) []byte {
	if len(secrets) == 0 {
		return body
	}
	body = []byte(hide(string(body), secrets))
	if bytes.IndexByte(body, '\\') < 0 {
		return body
	}
	return escapedString().ReplaceAllFunc(body, func(quoted []byte) []byte {
		var meant string
		if json.Unmarshal(quoted, &meant) != nil {
			return quoted
		}
		hidden := hide(meant, secrets)
		if hidden == meant {
			return quoted
		}
		var out bytes.Buffer
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		_ = e.Encode(payment.MaskDigits(hidden)) // a string always encodes
		return bytes.TrimRight(out.Bytes(), "\n")
	})
}

// Hide takes what the request carried in secret out of a text of the answer's,
// a message say: some servers quote what they refuse.
func (r *Response) Hide(text string) string { return hide(text, r.secrets) }
