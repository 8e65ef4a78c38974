package listen

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/payctl/payctl/internal/payment"
)

// Exposure says how a listener is protected, for CheckBind.
type Exposure struct {
	// TLS serves HTTPS.
	TLS bool
	// Secret has an install token, so that every callback path is secret.
	Secret bool
	// AllowPlain accepts plain HTTP on other addresses than loopback, such as
	// behind a proxy on another machine.
	AllowPlain bool
}

// CheckBind returns nil when addr (host:port) may be listened on: loopback
// always, any other address only with a secret path, and without TLS only when
// that was asked for. Errors are KindUsage.
func CheckBind(addr string, e Exposure) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return payment.Usage(fmt.Sprintf("addr %q: not host:port", addr), "write for example 127.0.0.1:4020")
	}
	if isLoopbackHost(host) {
		return nil
	}
	where := host
	if where == "" {
		where = "every interface"
	}
	switch {
	case !e.Secret:
		return payment.Usage("addr: listening on "+where+" needs a secret path, since callbacks carry no proof of origin", "set an install token, or listen on 127.0.0.1 behind a tunnel")
	case !e.TLS && !e.AllowPlain:
		return payment.Usage("addr: plain HTTP on "+where+" would show tokens and payers to the network", "give --tls-cert and --tls-key, or listen on 127.0.0.1 behind an HTTPS proxy")
	}
	return nil
}

func isLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// CheckToken returns a KindUsage error for an install token that could not be
// a path segment or is short enough to be guessed.
func CheckToken(token string) error {
	const least = 16
	hint := "use 16 to 128 letters, digits, '-' and '_'"
	switch {
	case len(token) < least:
		return payment.Usage(fmt.Sprintf("install token: has %d characters, which can be guessed", len(token)), hint)
	case !isToken(token):
		return payment.Usage("install token: is too long or holds a character that does not belong in a path", hint)
	}
	return nil
}
