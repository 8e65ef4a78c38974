package emulator

import (
	"fmt"
	"net/http"
)

// edgePage is what the edge in front of the gateway answers instead of JSON (reference/daraja.md §2).
const edgePage = `<html><head><title>Service Unavailable</title></head><body><h1>%d %s</h1>` +
	`<p>The request could not be handled. Incident ID: 0-0</p></body></html>`

// before applies the faults that strike before an API sees the request (reference/daraja.md §3.4, §13.6).
func (d *daraja) before(c *call) bool {
	if d.e.quiet.Load() {
		return false
	}
	d.e.mu.Lock()
	defer d.e.mu.Unlock()
	on := d.e.behaviours
	busy := func(code, message, behaviour string) bool {
		c.fail(refusal{http.StatusInternalServerError, code, message, "behaviour " + behaviour})
		return true
	}
	switch {
	case on.roll("request-lost", c.api) != nil:
		c.cut, c.refused, c.reason = true, true, "connection cut before the request was looked at (request-lost)"
		return true
	case on.roll("html-503", c.api) != nil:
		return c.edge(http.StatusServiceUnavailable, "html-503")
	case on.roll("html-403", c.api) != nil:
		return c.edge(http.StatusForbidden, "html-403")
	case on.roll("spike-arrest", c.api) != nil:
		return busy("500.003.02", "Error Occurred: Spike Arrest Violation", "spike-arrest")
	case on.roll("system-busy", c.api) != nil:
		return busy("500.003.02", "System is busy. Please try again in few minutes.", "system-busy")
	case on.roll("quota", c.api) != nil:
		return busy("500.003.03", "Error Occurred: Quota Violation", "quota")
	case on.roll("internal-error", c.api) != nil:
		return busy("500.003.1001", "Internal Server Error", "internal-error")
	case c.api != apiOAuth && on.roll("no-product", c.api) != nil:
		c.fail(refusal{
			http.StatusUnauthorized, "401.003.01",
			"Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found", "behaviour no-product",
		})
		return true
	case c.api != apiOAuth && on.roll("invalid-token", c.api) != nil:
		token := c.r.Header.Get("Authorization")
		c.fail(badToken(styleOf(c.api), token[min(len("Bearer "), len(token)):], "behaviour invalid-token"))
		return true
	default:
		return false
	}
}

func (c *call) edge(status int, behaviour string) bool {
	c.reason = "behaviour " + behaviour
	c.refuseRaw(status, "text/html", fmt.Sprintf(edgePage, status, http.StatusText(status)))
	return true
}

// after applies the faults that strike once the request has been carried out.
func (d *daraja) after(c *call) {
	if d.e.quiet.Load() {
		return
	}
	d.e.mu.Lock()
	on := d.e.behaviours
	slow := on.roll("answer-delay", c.api)
	if !c.cut && on.roll("answer-lost", c.api) != nil {
		c.cut, c.refused = true, true
		c.reason = "connection cut after the request was carried out (answer-lost)"
	}
	d.e.mu.Unlock()
	if slow != nil {
		c.slept = d.e.clock.sleep(c.r.Context(), d.e.done, slow.duration)
	}
}
