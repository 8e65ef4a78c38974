package listen

import (
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// The routes that are not callbacks.
const (
	routeHealth  = "/healthz"
	routeReady   = "/readyz"
	routeMetrics = "/metrics"
)

// maxToken bounds the secret last segment of a path, in bytes.
const maxToken = 128

// Routes returns every path that is served beside callback routes, after them and
// without tokens.
func Routes(callbacks []payment.Route) []string {
	var out []string
	for _, r := range callbacks {
		out = append(out, r.Path)
	}
	return append(out, routeHealth, routeReady, routeMetrics)
}

// tidied is a path without doubled and trailing slashes.
func tidied(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return strings.TrimRight(path, "/")
}

// findCallback matches an escaped path against the callback routes, with one
// optional last segment as token. A path that differs only by trailing or doubled
// slashes is that route, since Daraja sends once (reference/daraja.md §4.3).
// Nothing else is cleaned, decoded or redirected: a POST would lose its body, and
// two spellings of one path would be two doors.
func (s *Server) findCallback(path string) (r payment.Route, token string, ok bool) {
	path = tidied(path)
	if r, ok = s.routes[path]; ok {
		return r, "", true
	}
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return payment.Route{}, "", false
	}
	token = path[i+1:]
	if r, ok = s.routes[path[:i]]; ok && isToken(token) {
		return r, token, true
	}
	return payment.Route{}, "", false
}

// isToken tells a plausible token from path tricks: letters, digits, '-' and '_'.
func isToken(token string) bool {
	if token == "" || len(token) > maxToken {
		return false
	}
	for i := range len(token) {
		c := token[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
