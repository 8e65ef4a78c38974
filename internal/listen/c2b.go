package listen

// A C2B payment names no push that payctl made and carries no signature
// (reference/daraja.md §8, §10.1): only the way it came vouches for it.

// openC2B is why C2B is not believed on a listener that nothing guards.
const openC2B = "nothing vouches for a C2B payment here: no secret path, and no check of addresses that is enforced"

// distrustRoute returns why the way that a delivery came is not believed, or "".
func (s *Server) distrustRoute(path string) string {
	if s.o.C2BUntrusted && s.routes[path].Unproven {
		return openC2B
	}
	return ""
}
