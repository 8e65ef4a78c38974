package engine

import (
	"net/netip"
	"net/url"
	"strings"
)

// LintURL returns what is wrong with a callback address, "" when nothing is. Without strict any HTTP or HTTPS address
// will do, so that an application on the same machine can be called; strict is what production demands
// (reference/daraja.md §3.6).
func LintURL(text string, strict bool) string {
	if text == "" {
		return "is missing"
	}
	if strings.ContainsAny(text, " \t\r\n<>{}") {
		return "contains a space or a placeholder"
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "is not an http or https address"
	}
	if !strict {
		return ""
	}
	host := u.Hostname()
	addr, err := netip.ParseAddr(host)
	switch {
	case u.Scheme != "https":
		return "is not https (strict-callback-url)"
	case host != strings.ToLower(host):
		return "has upper-case letters in its host (strict-callback-url)"
	case err == nil && isLocal(addr), host == "localhost", strings.HasSuffix(host, ".localhost"), err != nil && !strings.Contains(host, "."):
		return "is not public (strict-callback-url)"
	}
	lower := strings.ToLower(text)
	for _, word := range []string{"m-pesa", "mpesa", "safaricom", "exe", "exec", "cmd", "sql", "query"} {
		if strings.Contains(lower, word) {
			return "contains the banned word " + word + " (strict-callback-url)"
		}
	}
	return ""
}
