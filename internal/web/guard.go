package web

import (
	"errors"
	"net"
	"net/http"
	"slices"
)

// guard keeps other pages out: one of the internet can have a browser on this machine send
// requests here, and by rebinding its own name read the answers.
type guard struct {
	hosts []string
	cross *http.CrossOriginProtection
}

func newGuard(addr string) (*guard, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" {
		return nil, errors.New("the address has no host and port")
	}
	g := &guard{cross: http.NewCrossOriginProtection()}
	for _, name := range []string{"127.0.0.1", "localhost", "::1", host} {
		at := net.JoinHostPort(name, port)
		if port == "80" { // which a browser leaves out
			at = name
			if name == "::1" {
				at = "[::1]"
			}
		}
		if !slices.Contains(g.hosts, at) {
			g.hosts = append(g.hosts, at)
		}
	}
	return g, nil
}

// wrap puts the guard in front of next. The Host comes first: a page whose name was
// rebound is same-origin and sends no Origin.
func (g *guard) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header())
		switch {
		case !slices.Contains(g.hosts, r.Host):
			http.Error(w, "payctl ui answers to its own address only", http.StatusMisdirectedRequest)
		case r.Method != http.MethodGet && r.Method != http.MethodPost:
			http.Error(w, "payctl ui knows GET and POST", http.StatusMethodNotAllowed)
		case g.foreign(r):
			http.Error(w, "a page of another site may not call payctl ui", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// foreign reports whether the page of another origin sent a request. Another port of this
// machine is the same site to a browser, and another origin here. To follow a link to a
// page is no harm.
func (g *guard) foreign(r *http.Request) bool {
	if r.Method != http.MethodGet && g.cross.Check(r) != nil {
		return true
	}
	origin, site := r.Header.Values("Origin"), r.Header.Get("Sec-Fetch-Site")
	switch {
	case len(origin) > 1:
		return true
	case len(origin) == 0, origin[0] == "http://"+r.Host:
	case origin[0] == "null" && site == "same-origin": // a form of a page that sends no referrer
	default:
		return true
	}
	switch site {
	case "", "same-origin", "none":
		return false
	}
	return r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
}

// harden sets what a browser is told with every answer.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	h.Set("Cache-Control", "no-store")
}
