package emulator

import (
	"fmt"
	"net/http"
)

// edgePage is what the edge in front of the gateway answers instead of JSON (reference/daraja.md §2).
const edgePage = `<html><head><title>Service Unavailable</title></head><body><h1>%d %s</h1>` +
	`<p>The request could not be handled. Incident ID: 0-0</p></body></html>`

// edgeFault applies the faults that strike in front of every provider, and reports whether one answered. The lock is held.
func (e *engine) edgeFault(c *call) bool {
	switch on := e.behaviours; {
	case on.roll("request-lost", c.api) != nil:
		c.cut, c.refused, c.reason = true, true, "connection cut before the request was looked at (request-lost)"
	case on.roll("html-503", c.api) != nil:
		c.edge(http.StatusServiceUnavailable, "html-503")
	case on.roll("html-403", c.api) != nil:
		c.edge(http.StatusForbidden, "html-403")
	default:
		return false
	}
	return true
}

func (c *call) edge(status int, behaviour string) {
	c.reason = "behaviour " + behaviour
	c.refuseRaw(status, "text/html", fmt.Sprintf(edgePage, status, http.StatusText(status)))
}

// afterFaults applies the faults that strike once the request has been carried out.
func (e *engine) afterFaults(c *call) {
	if e.quiet() {
		return
	}
	e.Lock()
	on := e.behaviours
	slow := on.roll("answer-delay", c.api)
	if !c.cut && on.roll("answer-lost", c.api) != nil {
		c.cut, c.refused = true, true
		c.reason = "connection cut after the request was carried out (answer-lost)"
	}
	e.Unlock()
	if slow != nil {
		c.slept = e.clock.sleep(c.r.Context(), e.done, slow.duration)
	}
}
