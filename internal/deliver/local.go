package deliver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/payment"
)

// IsLocal reports whether a host, without port, is this machine for a Sender: what
// loopback.Is says, what ends with .localhost, and names that the hosts file maps to
// loopback. A Sender connects these to this machine itself, so that no name server
// has a say.
func IsLocal(ctx context.Context, host string) bool { return len(localAddresses(ctx, host)) > 0 }

// localAddresses are the loopback addresses of a host of this machine; nil is
// any other host.
func localAddresses(ctx context.Context, host string) []string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(host); err == nil {
		if loopback.Is(host) {
			return []string{host}
		}
		return nil
	}
	if host == "" {
		return nil
	}
	named := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if named {
		host = "localhost"
	}
	var out []string
	found, _ := hostsFile().LookupHost(ctx, host)
	for _, text := range found {
		if !loopback.Is(text) {
			if named {
				continue
			}
			return nil // one address elsewhere is enough to lead there
		}
		out = append(out, text)
	}
	if named && len(out) == 0 {
		out = []string{"127.0.0.1", "::1"}
	}
	return out
}

// errNoServer keeps a lookup from leaving this machine.
var errNoServer = errors.New("only the hosts file is asked")

// hostsFile looks names up in the hosts file, wherever the system has it.
func hostsFile() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errNoServer }}
}

// Check returns nil for a target on this machine, and for any other one only when
// that was allowed: what is sent looks genuine, and must not reach a stranger by a
// slip. A Sender that is Insecure never sends there. Errors are KindUsage.
func (s *Sender) Check(ctx context.Context, target string, allowRemote bool) error {
	u, err := url.Parse(target)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return payment.Usage(fmt.Sprintf("to %q: is not an http or https URL", Shown(target)), "write http://127.0.0.1:3000/path")
	}
	if u.User != nil {
		return payment.Usage("to "+u.Host+": has a user name or password in it", "leave it out; --header 'Authorization: …' carries a credential")
	}
	local := IsLocal(ctx, u.Hostname())
	switch {
	case s.o.Insecure && !local:
		return insecureElsewhere(u.Host)
	case local || allowRemote:
		return nil
	}
	return payment.Usage(fmt.Sprintf("to %s: is not on this machine", u.Host), "add --allow-remote if genuine-looking payments may be sent there")
}

func insecureElsewhere(host string) error {
	return payment.Usage("insecure: "+host+" is not on this machine", "name the certificate authority with --ca FILE")
}

// Shown is a target as it may be printed: without a password, and with the names
// of its query but not their values.
func Shown(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		text, _, _ := strings.Cut(target, "?")
		if strings.Contains(text, "@") {
			return "(unreadable URL)"
		}
		return payment.MaskDigits(strings.ToValidUTF8(text, "\uFFFD"))
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.RawQuery != "" {
		parts := strings.Split(u.RawQuery, "&")
		for i, part := range parts {
			if name, _, hasValue := strings.Cut(part, "="); hasValue {
				parts[i] = name + "=…"
			} else {
				parts[i] = "…"
			}
		}
		u.RawQuery = ""
		return u.String() + "?" + strings.Join(parts, "&")
	}
	return u.String()
}
