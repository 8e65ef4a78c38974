package emulator

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// Daraja's APIs and classes of callbacks, as logs and behaviours name them.
const (
	apiOAuth        = "oauth"
	apiPush         = "push"
	apiQuery        = "query"
	apiStatus       = "status"
	apiBalance      = "balance"
	apiReversal     = "reversal"
	apiB2C          = "b2c"
	apiB2B          = "b2b"
	apiC2BRegister  = "c2b-register"
	apiC2BSimulate  = "c2b-simulate"
	apiQR           = "qr"
	apiPullRegister = "pull-register"
	apiPullQuery    = "pull-query"
	apiUnknown      = "unknown"
	apiCustomers    = "customers" // what the emulator says of its own bound

	outSTK          = "stk"
	outResult       = "result"
	outTimeout      = "timeout"
	outValidation   = "validation"
	outConfirmation = "confirmation"

	providerDaraja = "daraja"
)

// daraja plays Safaricom's gateway. The emulator's lock guards its state.
type daraja struct {
	e    *Emulator
	keys keyring

	tokens   map[string]time.Time // token → end of its life
	payments paymentBook
	ledger   *ledger
	c2b      map[string]c2bURLs // by shortcode
	pulls    map[string]pullRegistration
	used     map[string]bool // OriginatorConversationIDs that callers made (B2C version 3)
	limiter  time.Time       // when the query's rate limit lets the next one pass
}

func newDaraja(e *Emulator) *daraja {
	d := &daraja{e: e}
	d.reset()
	return d
}

func (d *daraja) name() string { return providerDaraja }

func (d *daraja) reset() {
	d.tokens = map[string]time.Time{}
	d.payments = newPaymentBook()
	d.ledger = newLedger()
	d.ledger.busy, d.ledger.forgot = d.e.busy, d.tellForgotten
	d.c2b = map[string]c2bURLs{}
	d.pulls = map[string]pullRegistration{}
	d.used = map[string]bool{}
	d.limiter = time.Time{}
}

func (d *daraja) env(base string) map[string]string {
	creds := Credentials()
	return map[string]string{
		"PAYCTL_DARAJA_BASE_URL":           base,
		"PAYCTL_DARAJA_CONSUMER_KEY":       creds.ConsumerKey,
		"PAYCTL_DARAJA_CONSUMER_SECRET":    creds.ConsumerSecret,
		"PAYCTL_DARAJA_SHORTCODE":          creds.Shortcode,
		"PAYCTL_DARAJA_PASSKEY":            creds.Passkey,
		"PAYCTL_DARAJA_INITIATOR":          creds.Initiator,
		"PAYCTL_DARAJA_INITIATOR_PASSWORD": creds.InitiatorPassword,
	}
}

// routes registers Daraja's paths (reference/daraja.md §1).
func (d *daraja) routes(mux *http.ServeMux) {
	way := d.dialect()
	get := func(api, path string, run func(*call)) {
		d.e.serve(mux, way, route{api: api, method: http.MethodGet, path: path, run: run})
	}
	post := func(api, path string, run func(*call)) {
		d.e.serve(mux, way, route{api: api, method: http.MethodPost, path: path, run: run})
	}
	get(apiOAuth, "/oauth/v1/generate", d.oauth)
	post(apiPush, "/mpesa/stkpush/v1/processrequest", d.push)
	post(apiQuery, "/mpesa/stkpushquery/v1/query", d.query)
	post(apiC2BRegister, "/mpesa/c2b/v1/registerurl", d.register)
	post(apiC2BRegister, "/mpesa/c2b/v2/registerurl", d.register)
	post(apiC2BSimulate, "/mpesa/c2b/v1/simulate", d.simulate)
	post(apiC2BSimulate, "/mpesa/c2b/v2/simulate", d.simulate)
	for _, api := range d.resultAPIs() {
		for _, path := range api.paths {
			post(api.api, path, d.ask(&api))
		}
	}
	post(apiQR, "/mpesa/qrcode/v1/generate", d.qr)
	post(apiPullRegister, "/pulltransactions/v1/register", d.pullRegister)
	post(apiPullQuery, "/pulltransactions/v1/query", d.pullQuery)
	for _, path := range []string{"/oauth/", "/mpesa/", "/pulltransactions/"} {
		d.e.serve(mux, way, route{api: apiUnknown, path: path, run: d.notFound})
	}
}

// dialect is how the gateway refuses what never reaches an API.
func (d *daraja) dialect() dialect {
	return dialect{
		provider: providerDaraja,
		wrongVerb: func(c *call) {
			c.fail(refusal{http.StatusMethodNotAllowed, "405.001", "Method Not Allowed", c.reason})
		},
		badBody: d.badBody,
		before:  d.before,
		after:   d.after,
	}
}

func (d *daraja) badBody(c *call, err error) {
	if errors.Is(err, errBodyTooLarge) {
		// Daraja's documents are silent; this is the fault of the gateway product behind it (Apigee).
		c.refuseRaw(http.StatusRequestEntityTooLarge, typeJSON,
			`{"fault":{"faultstring":"Body buffer overflow","detail":{"errorcode":"protocol.http.TooBigBody"}}}`)
		return
	}
	c.fail(badPayload(err.Error()))
}

func (d *daraja) notFound(c *call) {
	c.fail(refusal{
		http.StatusNotFound, "404.001.01", "Resource not found",
		"no API of the emulator has the path " + c.r.URL.Path,
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
func (c *call) fail(f refusal) {
	c.refused, c.reason = true, f.reason
	c.reply(f.status, struct {
		RequestID    string `json:"requestId"`
		ErrorCode    string `json:"errorCode"`
		ErrorMessage string `json:"errorMessage"`
	}{c.e.ids.request(), f.code, f.message})
}

// refuseRaw answers with bytes of another kind; the reason must have been set.
func (c *call) refuseRaw(status int, kind, body string) {
	c.refused = true
	c.status, c.kind, c.answer = status, kind, []byte(body)
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
	case apiPullRegister, apiPullQuery:
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
func (d *daraja) enter(c *call) (fields, bool) {
	if f, ok := d.checkToken(c); !ok {
		c.fail(f)
		return nil, false
	}
	if !strings.Contains(strings.ToLower(c.r.Header.Get("Content-Type")), "json") {
		c.fail(badField("BusinessShortCode", "the content type is not application/json"))
		return nil, false
	}
	f, err := parseFields(c.body)
	if err != nil {
		c.fail(badPayload(err.Error()))
		return nil, false
	}
	return f, true
}

func (d *daraja) checkToken(c *call) (refusal, bool) {
	style := styleOf(c.api)
	token, found := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	if !found {
		if style == tokenC2B {
			style = tokenNoauth
		}
		return badToken(style, "", "the Authorization header is not Bearer and a token"), false
	}
	d.e.mu.Lock()
	end, known := d.tokens[token]
	d.e.mu.Unlock()
	switch {
	case !known:
		return badToken(style, token, "the token was not issued by this emulator, or a newer one ended it"), false
	case !d.e.now().Before(end):
		return badToken(style, token, "the token has expired"), false
	default:
		return refusal{}, true
	}
}
