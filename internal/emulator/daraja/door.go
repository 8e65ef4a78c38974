package daraja

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// door is what every request to the gateway passes: faults, tokens, and the order of checks.
type door struct {
	e *engine.Engine

	tokens map[string]time.Time // token → end of its life
}

func (d *door) reset() { d.tokens = map[string]time.Time{} }

// dialect is how the gateway refuses what never reaches an API.
func (d *door) dialect() engine.Dialect {
	return engine.Dialect{
		Provider: providerDaraja,
		WrongVerb: func(c *engine.Call) {
			fail(c, refusal{http.StatusMethodNotAllowed, "405.001", "Method Not Allowed", c.Reason})
		},
		BadBody: d.badBody,
		Before:  d.before,
		After:   d.e.AfterFaults,
	}
}

func (d *door) badBody(c *engine.Call, err error) {
	if errors.Is(err, engine.ErrBodyTooLarge) {
		// Daraja's documents are silent; this is the fault of the gateway product behind it (Apigee).
		c.RefuseRaw(http.StatusRequestEntityTooLarge, engine.TypeJSON,
			`{"fault":{"faultstring":"Body buffer overflow","detail":{"errorcode":"protocol.http.TooBigBody"}}}`)
		return
	}
	fail(c, badPayload(err.Error()))
}

func (d *door) notFound(c *engine.Call) {
	fail(c, refusal{
		http.StatusNotFound, "404.001.01", "Resource not found",
		"no API of the emulator has the path " + c.Request.URL.Path,
	})
}

// refusal is one synchronous error (reference/daraja.md §3.4), and the reason that only the log shows.
type refusal struct {
	status  int
	code    string
	message string
	reason  string
}

func badField(name, reason string) refusal {
	return refusal{http.StatusBadRequest, "400.002.02", "Bad Request - Invalid " + name, reason}
}

func badPayload(reason string) refusal {
	return refusal{http.StatusBadRequest, "400.002.05", "Invalid Request Payload", reason}
}

func badMerchant(message, reason string) refusal {
	return refusal{http.StatusInternalServerError, "500.001.1001", message, reason}
}

// fail answers with an error object.
func fail(c *engine.Call, f refusal) {
	c.Refused, c.Reason = true, f.reason
	c.Reply(f.status, struct {
		RequestID    string `json:"requestId"`
		ErrorCode    string `json:"errorCode"`
		ErrorMessage string `json:"errorMessage"`
	}{mpesa.RequestID(c.Engine.IDs), f.code, f.message})
}

// tokenStyle is the way in which an API refuses a token (reference/daraja.md §3.4).
type tokenStyle uint8

const (
	tokenSTK    tokenStyle = iota // 404.001.03
	tokenC2B                      // 400.003.01, also transaction status
	tokenB2C                      // 401.002.01, also balance
	tokenPull                     // 401.001
	tokenNoauth                   // 404.001.04: no bearer at all, on C2B and status
)

// styleOf is the token style of an API.
func styleOf(api string) tokenStyle {
	switch api {
	case apiStatus, apiC2BRegister, apiC2BSimulate:
		return tokenC2B
	case apiBalance, apiB2C, apiB2B, apiReversal:
		return tokenB2C
	case apiPullRegister, apiPullQuery, apiOrgInfo:
		return tokenPull
	default:
		return tokenSTK
	}
}

// badToken is the refusal of a token in one style.
func badToken(style tokenStyle, token, reason string) refusal {
	switch style {
	case tokenC2B:
		return refusal{http.StatusBadRequest, "400.003.01", "Invalid Access Token", reason}
	case tokenB2C:
		return refusal{http.StatusUnauthorized, "401.002.01", "Error Occurred - Invalid Access Token - " + token, reason}
	case tokenPull:
		return refusal{http.StatusUnauthorized, "401.001", "Invalid Access Token", reason}
	case tokenNoauth:
		return refusal{http.StatusNotFound, "404.001.04", "Invalid Authentication Header", reason}
	case tokenSTK:
	}
	return refusal{http.StatusNotFound, "404.001.03", "Invalid Access Token", reason}
}

// enter checks token, content type and JSON, in this order (reference/daraja.md §3.5), and answers when one fails.
func (d *door) enter(c *engine.Call) (engine.Fields, bool) {
	if f, ok := d.checkToken(c); !ok {
		fail(c, f)
		return nil, false
	}
	if !strings.Contains(strings.ToLower(c.Request.Header.Get("Content-Type")), "json") {
		fail(c, badField("BusinessShortCode", "the content type is not application/json"))
		return nil, false
	}
	f, err := engine.ParseFields(c.Body)
	if err != nil {
		fail(c, badPayload(err.Error()))
		return nil, false
	}
	return f, true
}

func (d *door) checkToken(c *engine.Call) (refusal, bool) {
	style := styleOf(c.API)
	scheme, token, found := strings.Cut(c.Request.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		if style == tokenC2B {
			style = tokenNoauth
		}
		return badToken(style, "", "the Authorization header is not Bearer and a token"), false
	}
	d.e.Lock()
	end, known := d.tokens[token]
	d.e.Unlock()
	switch {
	case !known:
		return badToken(style, token, "the token was not issued by this emulator, or a newer one ended it"), false
	case !d.e.Now().Before(end):
		return badToken(style, token, "the token has expired"), false
	default:
		return refusal{}, true
	}
}
