package replay

import (
	"fmt"
	"net/url"

	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/payment"
)

// CheckTarget returns nil for a URL on this machine, and for any other one only
// when that was allowed: what is sent looks genuine, and must not reach a
// stranger by a slip. Names other than localhost are not resolved, since an
// answer could change. Errors are KindUsage.
func CheckTarget(target string, allowRemote bool) error {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return payment.Usage(fmt.Sprintf("to %q: is not an http or https URL", target), "write http://127.0.0.1:3000/path")
	}
	if u.User != nil {
		return payment.Usage("to "+u.Host+": has a user name or password in it", "leave it out; what is sent carries the provider's own headers")
	}
	if allowRemote || loopback.Is(u.Hostname()) {
		return nil
	}
	return payment.Usage(fmt.Sprintf("to %s: is not on this machine", u.Host), "add --allow-remote if genuine-looking payments may be sent there")
}
