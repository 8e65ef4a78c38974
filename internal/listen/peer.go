package listen

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedFor is read only when a trusted proxy sent it.
const forwardedFor = "X-Forwarded-For"

// peerOf returns the address a request came from: the socket's peer, or, when
// that is a trusted proxy, the right-most hop of X-Forwarded-For that is not
// one. What stands further left was written by the sender (reference/daraja.md
// §8). The zero address means that the peer has none, such as a Unix socket's.
func (s *Server) peerOf(r *http.Request) (peer, socket netip.Addr) {
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		socket = at.Addr().Unmap().WithZone("")
	}
	peer = socket
	if len(s.o.TrustedProxies) == 0 || !s.trusts(socket) {
		return peer, socket
	}
	hops := strings.Split(strings.Join(r.Header.Values(forwardedFor), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop, ok := parseHop(hop)
		if !ok {
			return peer, socket
		}
		peer = hop
		if !s.trusts(hop) {
			return peer, socket
		}
	}
	return peer, socket
}

// parseHop reads an address, with or without port and brackets.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone(""), true
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return addr.Unmap().WithZone(""), err == nil
}

func (s *Server) trusts(a netip.Addr) bool {
	for _, p := range s.o.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// proxyHeaders are what proxies and tunnels add. Any of them shows that a request
// was passed on; none of them is believed.
//
//nolint:gochecknoglobals // immutable table
var proxyHeaders = []string{
	forwardedFor, "Forwarded", "Via", "X-Real-Ip", "Cf-Connecting-Ip", "Cf-Ray", "True-Client-Ip", "X-Client-Ip",
	"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Original-Forwarded-For", "X-Cluster-Client-Ip",
	"Fastly-Client-Ip", "Fly-Client-Ip", "X-Envoy-External-Address",
}

// isLocal tells a request that was made on this machine from one that a tunnel
// or proxy on this machine passed on. The socket's peer decides; a header can only
// take that away.
func isLocal(r *http.Request, socket netip.Addr) bool {
	if !socket.IsLoopback() {
		return false
	}
	for _, name := range proxyHeaders {
		if len(r.Header[name]) > 0 {
			return false
		}
	}
	return true
}
