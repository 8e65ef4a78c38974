package daraja

import (
	"net"
	"net/url"
	"strings"

	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/payment"
)

// LintCallbackURL checks a URL that Safaricom is to call, by the rules of
// reference/daraja.md §3.6. errs are what the gateway refuses or can never
// reach; warnings are what it may refuse. In the local environment anything
// that is an http or https address will do. Nothing is contacted.
func LintCallbackURL(raw string, env payment.Environment) (errs, warnings []string) {
	if raw == "" {
		return []string{"missing"}, nil
	}
	if strings.ContainsAny(raw, " \t\r\n") {
		return []string{"has white space"}, nil
	}
	if strings.ContainsAny(raw, "<>{}") {
		return []string{"has a placeholder in it"}, nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return []string{"not an http or https address"}, nil
	}
	if u.User != nil {
		errs = append(errs, "has a user name or password in it")
	}
	if u.Fragment != "" {
		errs = append(errs, "has a fragment (#)")
	}
	if env == payment.Local {
		return errs, nil
	}
	if u.Scheme == "http" {
		if env == payment.Production {
			errs = append(errs, "not https, which production requires")
		} else {
			warnings = append(warnings, "not https: only some sandbox APIs accept that")
		}
	}
	errs = append(errs, lintHost(strings.ToLower(u.Hostname()))...)
	if u.Host != strings.ToLower(u.Host) {
		warnings = append(warnings, "the host has upper-case letters, which the gateway has refused; it is sent in lower case")
	}
	return errs, append(warnings, lintWords(raw)...)
}

func lintHost(host string) []string {
	if ip := net.ParseIP(host); ip != nil {
		if ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified() || ip.IsLinkLocalUnicast() {
			return []string{"the address " + host + " is not public"}
		}
		return nil
	}
	switch {
	case loopback.Is(host) || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal"):
		return []string{"the host " + host + " is not public"}
	case !strings.Contains(host, "."):
		return []string{"the host " + host + " is not a full name"}
	case host == "example.com" || host == "example.org" || host == "example.net" || strings.Contains(host, "yourdomain") || strings.Contains(host, "your-domain"):
		return []string{"the host " + host + " is a placeholder"}
	}
	return nil
}

// lintWords looks for the words of §3.6, which are enforced or liable to be on
// C2B registration and not reliably on STK, and for public testers.
func lintWords(raw string) []string {
	lower := strings.ToLower(raw)
	var out []string
	for _, word := range payment.RefusedWords(raw) {
		out = append(out, "has the word \""+word+"\" in it, which the gateway may refuse")
	}
	for _, tester := range [...]string{"ngrok", "mockbin", "requestbin"} {
		if strings.Contains(lower, tester) {
			out = append(out, tester+" addresses are discouraged and may be blocked, above all in production")
		}
	}
	return out
}

// NormalizeCallbackURL lower-cases the host and leaves every other byte: the
// path is delivered unchanged and carries the secret token (§3.6).
func NormalizeCallbackURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return raw
	}
	return strings.Replace(raw, u.Host, strings.ToLower(u.Host), 1)
}
