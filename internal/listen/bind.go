package listen

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/serve"
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
	return e.check("addr", host, "listen on 127.0.0.1")
}

// CheckSocket is CheckBind for a socket that somebody else has opened. A Unix
// socket is guarded by its file's permissions.
func CheckSocket(addr net.Addr, e Exposure) error {
	if addr.Network() == "unix" {
		return nil
	}
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return payment.Usage(fmt.Sprintf("socket activation: %s is no address of a listener", addr), "hand over a stream socket of TCP or Unix")
	}
	return e.check("socket activation", host, "have the socket unit listen on 127.0.0.1")
}

func (e Exposure) check(what, host, instead string) error {
	if loopback.Is(host) {
		return nil
	}
	where := host
	if where == "" {
		where = "every interface"
	}
	switch {
	case !e.Secret:
		return payment.Usage(what+": listening on "+where+" needs a secret path, since callbacks carry no proof of origin", "give --secret-path, or "+instead+" behind a tunnel")
	case !e.TLS && !e.AllowPlain:
		return payment.Usage(what+": plain HTTP on "+where+" would show tokens and payers to the network", "give --tls-cert and --tls-key, or "+instead+" behind an HTTPS proxy")
	}
	return nil
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

// Socket is the socket that the service manager opened, or a new one. An
// opened one must be as well protected as addr would have to be.
func Socket(ctx context.Context, getenv func(string) string, addr string, e Exposure) (net.Listener, error) {
	inherited, err := Activated(getenv, os.Getpid())
	switch {
	case err != nil:
		return nil, err
	case len(inherited) == 0:
		return serve.Bind(ctx, addr)
	case len(inherited) > 1:
		err = payment.Usagef("name one ListenStream in the socket unit", "socket activation: %d sockets were handed over, and one can be served", len(inherited))
	default:
		err = CheckSocket(inherited[0].Addr(), e)
	}
	if err != nil {
		serve.Close(inherited...)
		return nil, err
	}
	return inherited[0], nil
}
