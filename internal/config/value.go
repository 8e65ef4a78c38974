package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// bad is an error about a candidate's value; the value is shown unless it may
// hold a secret.
func (c candidate) bad(problem, hint string) error {
	shown := quote(c.text)
	if c.setting.kind == kindSecret {
		shown = ""
	} else {
		shown = " " + shown
	}
	return payment.Usage(c.origin.String()+": "+c.setting.key+shown+": "+problem, hint)
}

// address checks a URL: its scheme is one of those given, and it has a host
// but no user, query or fragment. The final slash goes.
func (c candidate) address(schemes ...string) (string, error) {
	hint := "write it like " + schemes[len(schemes)-1] + "://host.example"
	u, err := url.Parse(c.text)
	if err != nil {
		return "", c.hidden("is not a URL", hint)
	}
	switch {
	case u.User != nil:
		return "", c.hidden("holds a user name or password", "leave them out of the URL")
	case !contains(schemes, strings.ToLower(u.Scheme)):
		return "", c.bad("does not begin with "+strings.Join(schemes, ":// or ")+"://", hint)
	case u.Hostname() == "":
		return "", c.bad("has no host", hint)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", c.hidden("has a query or fragment", "end it with the path")
	case u.Port() != "" && !isPort(u.Port()):
		return "", c.bad("has no such port", hint)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// hostPort checks an address to listen on.
func (c candidate) hostPort() (string, error) {
	_, err := c.host()
	return c.text, err
}

// host checks an address to listen on and returns its host.
func (c candidate) host() (string, error) {
	host, port, err := net.SplitHostPort(c.text)
	if err != nil || port != "0" && !isPort(port) || strings.ContainsAny(host, " \t/@") {
		return "", c.bad("not host:port", "write it like 127.0.0.1:4020")
	}
	return host, nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// hidden is bad without the value.
func (c candidate) hidden(problem, hint string) error {
	return payment.Usage(c.origin.String()+": "+c.setting.key+": "+problem, hint)
}

// maxShown is the longest text that is shown where a number belongs.
const maxShown = 20

func (c candidate) digits() (string, error) {
	if len(c.text) < 5 || len(c.text) > 9 || strings.Trim(c.text, "0123456789") != "" {
		const problem, hint = "not 5 to 9 digits", "write the number as Safaricom gave it"
		if len(c.text) > maxShown {
			return "", c.hidden(problem, hint) // a passkey, by its length
		}
		c.text = payment.MaskDigits(c.text)
		return "", c.bad(problem, hint)
	}
	return c.text, nil
}

func (c candidate) choice() (string, error) {
	if !contains(c.setting.choices, c.text) {
		return "", c.bad("not one of the choices"+didYouMean(c.text, c.setting.choices), "write "+strings.Join(c.setting.choices, ", "))
	}
	return c.text, nil
}

// addresses reads a list, or text with commas or spaces between the items.
func (c candidate) addresses() ([]netip.Prefix, error) {
	items := c.list
	if items == nil {
		items = strings.FieldsFunc(c.text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	}
	out := make([]netip.Prefix, 0, len(items))
	for _, item := range items {
		if prefix, err := netip.ParsePrefix(item); err == nil {
			prefix = inIPv4(prefix)
			if prefix.Bits() == 0 {
				c.text = item
				return nil, c.bad("stands for every address", "name the networks that are meant")
			}
			if tooWide(prefix) {
				c.text = item
				return nil, c.bad("stands for a large part of all addresses", "name the networks that are meant, of 8 bits or more")
			}
			out = append(out, prefix.Masked())
			continue
		}
		addr, err := netip.ParseAddr(item)
		if err != nil || addr.Zone() != "" {
			c.text = item
			return nil, c.bad("not an IP address or network", "write addresses like 196.201.214.200 or 10.0.0.0/8")
		}
		addr = addr.Unmap()
		out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
	}
	return out, nil
}

// tooWide reports whether a network is so large that two of them may be half of the
// internet. The widest that somebody has to himself are 10.0.0.0/8 and fc00::/7.
func tooWide(p netip.Prefix) bool {
	if p.Addr().Is4() {
		return p.Bits() < 8
	}
	return p.Bits() < 16 && (p.Bits() < 7 || !p.Addr().IsPrivate())
}

// inIPv4 takes IPv4 addresses in IPv6 form for what they are: peers are compared in
// IPv4 form, and none would be in the network as it was written.
func inIPv4(p netip.Prefix) netip.Prefix {
	const mapped = 96 // bits before the IPv4 address
	if p.Addr().Is4In6() && p.Bits() >= mapped {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mapped)
	}
	return p
}

func (c candidate) pattern() (*regexp.Regexp, error) {
	_, err := regexp.Compile(c.text) // alone, or a parenthesis too many would end the group
	re, whole := regexp.Compile(`^(?:` + c.text + `)$`)
	if err != nil || whole != nil {
		return nil, c.bad("not a regular expression", "see https://pkg.go.dev/regexp/syntax")
	}
	return re, nil
}

// duration reads an age.
func (c candidate) duration() (time.Duration, error) {
	d, ok := timing.ParseAge(c.text)
	if !ok {
		return 0, c.bad("not a duration", "write it like 90d, 36h or 0 for ever")
	}
	return d, nil
}

func (c candidate) zone() (string, error) {
	if _, err := timing.Zone(c.text); err != nil {
		return "", c.bad("not a time zone", "write a name such as Africa/Nairobi or UTC")
	}
	return c.text, nil
}

func (c candidate) amount() (payment.Amount, error) {
	a, err := payment.ParseAmount(c.text, payment.KES)
	if err != nil {
		if e, ok := errors.AsType[*payment.Error](err); ok {
			return a, payment.Usage(fmt.Sprintf("%s: %s: %s", c.origin, c.setting.key, e.Message), e.Hint)
		}
		return a, err
	}
	return a, nil
}

func (c candidate) count() (int, error) {
	n, err := strconv.ParseUint(c.text, 10, 16)
	if err != nil {
		return 0, c.bad("not a whole number from 0 to 65535", "write 0 for no limit")
	}
	return int(n), nil
}

// ledger checks the ledger's place: a file, or a PostgreSQL database's URL.
func (c candidate) ledger(s Source) (string, error) {
	scheme, _, isURL := strings.Cut(c.text, "://")
	switch {
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		return c.database()
	case isURL, strings.HasPrefix(c.text, "file:"), strings.HasPrefix(c.text, "sqlite:"):
		return "", c.hidden("a URL of this kind is not supported", "name a file, or postgres://USER@HOST/DATABASE")
	case c.text == ":memory:":
		return "", c.bad("a ledger in memory would be forgotten", "name a file")
	}
	return c.path(s)
}

// database checks a PostgreSQL database's URL. Nothing of it is shown but by secret.URL.
func (c candidate) database() (string, error) {
	hint := "write it like postgres://USER@HOST:5432/DATABASE?sslmode=verify-full"
	u, err := url.Parse(c.text)
	switch {
	case c.origin.Kind == FromProjectFile:
		return "", c.hidden("names a database, which a project file must not do", "name it in the user file, by PAYCTL_DB or with --db")
	case err != nil:
		return "", c.hidden("is not a URL", hint)
	case u.Fragment != "":
		return "", c.hidden("has a fragment", hint+"; # in a password is %23")
	case u.Path == "" || u.Path == "/":
		return "", c.hidden("names no database", hint)
	}
	return c.text, nil
}

func (c candidate) path(s Source) (string, error) {
	if strings.ContainsAny(c.text, "\x00\n\r") {
		return "", c.bad("not a path", "name a file")
	}
	if strings.TrimSpace(c.text) != c.text {
		return "", c.bad("has a blank at an end", "take it away: with it, another file would be meant")
	}
	path, err := s.path(c.text, c.dir)
	if err != nil {
		return "", fromOrigin(c.origin, err)
	}
	return path, nil
}
