package engine

import (
	"fmt"
	"net/http"
)

// edgePage is what the edge in front of the gateway answers instead of JSON (reference/daraja.md §2).
const edgePage = `<html><head><title>Service Unavailable</title></head><body><h1>%d %s</h1>` +
	`<p>The request could not be handled. Incident ID: 0-0</p></body></html>`

// EdgeFault applies the faults that strike in front of every provider, and reports whether one answered. The lock is held.
func (e *Engine) EdgeFault(c *Call) bool {
	switch on := e.Behaviours; {
	case on.Roll("request-lost", c.API) != nil:
		c.cut, c.Refused, c.Reason = true, true, "connection cut before the request was looked at (request-lost)"
	case on.Roll("html-503", c.API) != nil:
		c.edge(http.StatusServiceUnavailable, "html-503")
	case on.Roll("html-403", c.API) != nil:
		c.edge(http.StatusForbidden, "html-403")
	default:
		return false
	}
	return true
}

func (c *Call) edge(status int, behaviour string) {
	c.Reason = "behaviour " + behaviour
	c.RefuseRaw(status, "text/html", fmt.Sprintf(edgePage, status, http.StatusText(status)))
}

// AfterFaults applies the faults that strike once the request has been carried out.
func (e *Engine) AfterFaults(c *Call) {
	if e.Quiet() {
		return
	}
	e.Lock()
	on := e.Behaviours
	slow := on.Roll("answer-delay", c.API)
	if !c.cut && on.Roll("answer-lost", c.API) != nil {
		c.cut, c.Refused = true, true
		c.Reason = "connection cut after the request was carried out (answer-lost)"
	}
	e.Unlock()
	if slow != nil {
		c.slept = e.Clock.sleep(c.Request.Context(), e.done, slow.Duration)
	}
}
