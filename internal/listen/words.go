package listen

import (
	"net/url"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// clean makes outside text fit for a log line or a label: bounded, valid UTF-8,
// without control characters, with phone numbers masked.
func clean(text string) string {
	const most = 200
	if len(text) > most {
		text = text[:most] + "…"
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return payment.MaskDigits(text)
}

// shownURL is a target without what may be secret in it: password and query.
func shownURL(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "(unreadable URL)"
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment = nil, "", false, ""
	return u.String()
}
