// Package loopback answers one question: is this host this machine? Plain HTTP,
// credentials and genuine-looking payments go where it says yes.
package loopback

import (
	"net/netip"
	"strings"
)

// Is reports whether host, without a port or brackets, is this machine: the name
// localhost in any case, or an address of 127.0.0.0/8 or ::1, IPv4 inside IPv6
// included. No name is resolved, since an answer could change; names under
// .localhost are not this machine, since a resolver may say otherwise.
func Is(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
