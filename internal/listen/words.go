package listen

import (
	"net/url"

	"github.com/payctl/payctl/internal/payment"
)

// clean returns outside text fit for a log line or a label.
func clean(text string) string { return payment.Line(text, 200) }

// shownURL is a target without what may be secret in it: password and query.
func shownURL(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "(unreadable URL)"
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment = nil, "", false, ""
	return u.String()
}
