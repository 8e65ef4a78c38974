package wasaapay

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// dialect is how the API refuses what never reaches it. Statuses and shapes are a payctl convention.
func (g *gate) dialect() engine.Dialect {
	return engine.Dialect{
		Provider: providerWasaaPay,
		WrongVerb: func(c *engine.Call) {
			g.fail(c, fault{http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "Method not allowed", c.Reason})
		},
		BadBody: func(c *engine.Call, err error) {
			status := http.StatusBadRequest
			if errors.Is(err, engine.ErrBodyTooLarge) {
				status = http.StatusRequestEntityTooLarge
			}
			g.fail(c, fault{status, "BODY_UNREADABLE", "The request body could not be read", err.Error()})
		},
		Before: g.before,
		After:  g.e.AfterFaults,
	}
}

func (g *gate) notFound(c *engine.Call) {
	reason := "no such path; the REST base is " + partnerPath
	if c.Request.URL.Path == socketPath {
		reason = "the Socket.IO path ends with a slash: " + socketPath + "/"
	}
	g.fail(c, fault{http.StatusNotFound, "NOT_FOUND", "Not found", reason})
}

func (g *gate) notPlayed(c *engine.Call) {
	g.fail(c, fault{
		http.StatusNotImplemented, "NOT_PLAYED", "The emulator does not play this payment method",
		"card and PayPal deposits are not documented well enough to be played",
	})
}

// fault is one refusal. Its code gets a prefix that tells it from the provider's codes, of which none is known
// (reference/wasaapay.md §5).
type fault struct {
	status  int
	code    string
	message string
	reason  string
}

// fail answers with an error envelope, in the form that the behaviour error-form asks for.
func (g *gate) fail(c *engine.Call, f fault) {
	form := "nested"
	if !g.e.Quiet() {
		g.e.Locked(func() { form = g.e.Behaviours.Choice("error-form", c.API, form) })
	}
	c.Refused, c.Reason = true, cmp.Or(f.reason, f.message)
	g.refuse(c, f, form)
}

// failLocked is fail for callers that hold the emulator's lock.
func (g *gate) failLocked(c *engine.Call, f fault) {
	c.Refused, c.Reason = true, cmp.Or(f.reason, f.message)
	g.refuse(c, f, g.e.Behaviours.Choice("error-form", c.API, "nested"))
}

func (g *gate) refuse(c *engine.Call, f fault, form string) {
	type detail struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	code := "EMULATOR_" + f.code
	switch form {
	case "flat":
		partner(c, f.status, struct {
			Success   bool   `json:"success"`
			ErrorCode string `json:"errorCode"`
			Message   string `json:"message"`
		}{false, code, f.message})
	case "text":
		partner(c, f.status, struct {
			Success bool   `json:"success"`
			Error   string `json:"error"`
		}{false, f.message})
	case "list":
		partner(c, f.status, struct {
			Success bool     `json:"success"`
			Errors  []detail `json:"errors"`
		}{false, []detail{{code, f.message}}})
	case "html":
		c.RefuseRaw(f.status, "text/html", "<html><body><h1>"+http.StatusText(f.status)+"</h1></body></html>")
	default:
		partner(c, f.status, struct {
			Success bool   `json:"success"`
			Error   detail `json:"error"`
		}{false, detail{code, f.message}})
	}
}

// partner fills in a JSON answer as this provider writes it.
func partner(c *engine.Call, status int, value any) {
	c.Reply(status, value)
	c.Kind = typePartner
}
