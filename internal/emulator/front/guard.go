package front

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/loopback"
)

// ControlHeader is what a control call that changes something must carry, with the value 1. A form cannot send it, and a
// script of another page must ask first, which is refused.
const ControlHeader = "X-Payctl-Control"

// Guard keeps web pages out: a page on the internet can make a browser on this machine send requests here, and by
// rebinding its own name read the answers.
//
// A request must name this machine, a provider's host or one of the public hosts. The control plane answers no page but
// one of its own origin, and changes nothing without ControlHeader. Everything else also answers pages of this machine,
// with CORS, since front ends are developed against it.
type Guard struct {
	// PublicHosts are further names that the emulator is reached by, lower-case and without a port.
	PublicHosts []string
	// Control is the path prefix of the control plane.
	Control string
	// Refused is told of each refusal: the answer and the reason.
	Refused func(r *http.Request, answer, reason string)
}

// Wrap puts the guard in front of next.
func (g *Guard) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reason := g.objection(r); reason != "" {
			g.refuse(w, r, reason)
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" && !strings.HasPrefix(r.URL.Path, g.Control) {
			allow(w.Header(), r, origin)
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// objection is what stands against a request, "" for nothing.
func (g *Guard) objection(r *http.Request) string {
	if !g.knows(r) {
		return fmt.Sprintf("the host %q is neither this machine's nor a provider's; if it is meant, start the emulator with --public-host", clipHost(r.Host))
	}
	origin := r.Header.Get("Origin")
	if strings.HasPrefix(r.URL.Path, g.Control) {
		switch {
		case origin != "" && origin != ownOrigin(r):
			return "a page of " + clipHost(origin) + " may not call the control plane"
		case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Header.Get(ControlHeader) != "1":
			return "a call that changes something needs the header " + ControlHeader + ": 1"
		}
		return ""
	}
	switch {
	case origin != "" && origin != ownOrigin(r) && !ofThisMachine(origin):
		return "a page of " + clipHost(origin) + " may not call the emulator; pages of this machine may"
	case origin == "" && r.Header.Get("Sec-Fetch-Site") == "cross-site":
		return "a page of another site may not call the emulator"
	}
	return ""
}

// knows reports whether the request names a host that the emulator answers to.
func (g *Guard) knows(r *http.Request) bool {
	host, _ := splitHost(r.Host)
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if loopback.Is(host) || slices.Contains(providerHosts(), host) || slices.Contains(g.PublicHosts, host) {
		return true
	}
	// The address that the request came to, as an address: where no name is resolved, none can be rebound.
	named, err := netip.ParseAddr(host)
	local, found := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if err != nil || !found {
		return false
	}
	reached, err := netip.ParseAddrPort(local.String())
	return err == nil && named.Unmap() == reached.Addr().Unmap().WithZone("")
}

// ownOrigin is the origin of a page that the emulator itself served.
func ownOrigin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// ofThisMachine reports whether an Origin header names a page that this machine serves.
func ofThisMachine(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && loopback.Is(u.Hostname())
}

// allow lets the page of origin read the answer and send what the providers' APIs want.
func allow(h http.Header, r *http.Request, origin string) {
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	if r.Method != http.MethodOptions {
		h.Set("Access-Control-Expose-Headers", "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset")
		return
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
		h.Add("Vary", "Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Headers", asked)
	}
}

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, reason string) {
	answer, err := json.Marshal(map[string]string{"error": "payctl emulator: " + reason})
	if err != nil {
		answer = nil // unreachable for a text
	}
	g.Refused(r, string(answer), reason)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write(append(answer, '\n')) // a client that has gone away is its own concern
}

// PublicHost reads a name for Guard.PublicHosts. The error says what is wrong with it.
func PublicHost(name string) (string, error) {
	host := hostName(name)
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", fmt.Errorf("%q is not a host name such as host.docker.internal, without scheme, port and path", clipHost(name))
		}
	}
	return host, nil
}
