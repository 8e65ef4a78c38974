package daraja

import (
	"net/http"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// before applies the faults that strike before an API sees the request (reference/daraja.md §3.4, §13.6).
func (d *door) before(c *engine.Call) bool {
	if d.e.Quiet() {
		return false
	}
	d.e.Lock()
	defer d.e.Unlock()
	on := d.e.Behaviours
	busy := func(code, message, behaviour string) bool {
		fail(c, refusal{http.StatusInternalServerError, code, message, "behaviour " + behaviour})
		return true
	}
	switch {
	case d.e.EdgeFault(c):
		return true
	case on.Roll("spike-arrest", c.API) != nil:
		return busy("500.003.02", "Error Occurred: Spike Arrest Violation", "spike-arrest")
	case on.Roll("system-busy", c.API) != nil:
		return busy("500.003.02", "System is busy. Please try again in few minutes.", "system-busy")
	case on.Roll("quota", c.API) != nil:
		return busy("500.003.03", "Error Occurred: Quota Violation", "quota")
	case on.Roll("internal-error", c.API) != nil:
		return busy("500.003.1001", "Internal Server Error", "internal-error")
	case c.API != apiOAuth && on.Roll("no-product", c.API) != nil:
		fail(c, refusal{
			http.StatusUnauthorized, "401.003.01",
			"Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found", "behaviour no-product",
		})
		return true
	case c.API != apiOAuth && on.Roll("invalid-token", c.API) != nil:
		token := c.Request.Header.Get("Authorization")
		fail(c, badToken(styleOf(c.API), token[min(len("Bearer "), len(token)):], "behaviour invalid-token"))
		return true
	default:
		return false
	}
}
