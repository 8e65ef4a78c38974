package emulator

import "net/http"

// before applies the faults that strike before an API sees the request (reference/daraja.md §3.4, §13.6).
func (d *door) before(c *call) bool {
	if d.e.quiet() {
		return false
	}
	d.e.Lock()
	defer d.e.Unlock()
	on := d.e.behaviours
	busy := func(code, message, behaviour string) bool {
		fail(c, refusal{http.StatusInternalServerError, code, message, "behaviour " + behaviour})
		return true
	}
	switch {
	case d.e.edgeFault(c):
		return true
	case on.roll("spike-arrest", c.api) != nil:
		return busy("500.003.02", "Error Occurred: Spike Arrest Violation", "spike-arrest")
	case on.roll("system-busy", c.api) != nil:
		return busy("500.003.02", "System is busy. Please try again in few minutes.", "system-busy")
	case on.roll("quota", c.api) != nil:
		return busy("500.003.03", "Error Occurred: Quota Violation", "quota")
	case on.roll("internal-error", c.api) != nil:
		return busy("500.003.1001", "Internal Server Error", "internal-error")
	case c.api != apiOAuth && on.roll("no-product", c.api) != nil:
		fail(c, refusal{
			http.StatusUnauthorized, "401.003.01",
			"Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found", "behaviour no-product",
		})
		return true
	case c.api != apiOAuth && on.roll("invalid-token", c.api) != nil:
		token := c.r.Header.Get("Authorization")
		fail(c, badToken(styleOf(c.api), token[min(len("Bearer "), len(token)):], "behaviour invalid-token"))
		return true
	default:
		return false
	}
}
