// Package daraja plays Safaricom's gateway for the emulator, from reference/daraja.md alone: never from payctl's own
// adapter, whose mistakes it would repeat and hide. Money and prompts are M-PESA's (package mpesa).
package daraja

import (
	"net/http"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// Daraja's APIs and classes of callbacks, as logs and behaviours name them.
const (
	apiOAuth        = "oauth"
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
	apiRatiba       = "ratiba"
	apiOrgInfo      = "org-info"

	outResult       = "result"
	outTimeout      = "timeout"
	outValidation   = "validation"
	outConfirmation = "confirmation"
	outRatiba       = "ratiba-result"

	providerDaraja = "daraja"
)

// gateway plays Safaricom's gateway. The engine's lock guards its state.
type gateway struct {
	e   *engine.Engine
	net *mpesa.Network

	door    *door
	express *express
	results *results
	c2b     *c2b
	pulls   *pulls
	ratiba  *ratiba
}

// New makes a gateway in front of an M-PESA.
func New(e *engine.Engine, net *mpesa.Network) *gateway {
	d := &door{e: e}
	c := &c2b{e: e, net: net, door: d}
	g := &gateway{
		e: e, net: net, door: d, c2b: c,
		express: &express{e: e, net: net, door: d, c2b: c},
		results: &results{e: e, net: net, door: d},
		pulls:   &pulls{e: e, net: net, door: d},
		ratiba:  &ratiba{e: e, door: d},
	}
	g.Reset()
	net.Join(g.express)
	return g
}

// Name is the key of the part in the state.
func (g *gateway) Name() string { return providerDaraja }

// Reset forgets everything. The lock is held.
func (g *gateway) Reset() {
	g.net.Reset()
	g.door.reset()
	g.express.reset()
	g.results.reset()
	g.c2b.reset()
	g.pulls.reset()
}

// Env is what a client of Daraja needs to reach the emulator at base.
func (g *gateway) Env(base string) map[string]string {
	creds := engine.Credentials()
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

// Routes registers Daraja's paths (reference/daraja.md §1).
func (g *gateway) Routes(mux *http.ServeMux) {
	way := g.door.dialect()
	get := func(api, path string, run func(*engine.Call)) {
		g.e.Serve(mux, way, engine.Route{API: api, Method: http.MethodGet, Path: path, Run: run})
	}
	post := func(api, path string, run func(*engine.Call)) {
		g.e.Serve(mux, way, engine.Route{API: api, Method: http.MethodPost, Path: path, Run: run})
	}
	get(apiOAuth, "/oauth/v1/generate", g.door.oauth)
	post(mpesa.APIPush, "/mpesa/stkpush/v1/processrequest", g.express.push)
	post(apiQuery, "/mpesa/stkpushquery/v1/query", g.express.query)
	post(apiQuery, "/mpesa/stkpushquery/v2/query", g.express.query) // many clients have it (reference/daraja.md §14)
	post(apiC2BRegister, "/mpesa/c2b/v1/registerurl", g.c2b.register)
	post(apiC2BRegister, "/mpesa/c2b/v2/registerurl", g.c2b.register)
	post(apiC2BSimulate, "/mpesa/c2b/v1/simulate", g.c2b.simulate)
	post(apiC2BSimulate, "/mpesa/c2b/v2/simulate", g.c2b.simulate)
	for _, api := range g.results.apis() {
		for _, path := range api.paths {
			post(api.api, path, g.results.ask(&api))
		}
	}
	post(apiQR, "/mpesa/qrcode/v1/generate", g.door.qr)
	post(apiPullRegister, "/pulltransactions/v1/register", g.pulls.register)
	post(apiPullQuery, "/pulltransactions/v1/query", g.pulls.query)
	post(apiRatiba, "/standingorder/v1/createStandingOrderExternal", g.ratiba.create)
	post(apiOrgInfo, "/sfcverify/v1/query/info", g.door.orgInfo)
	for path, name := range notPlayed() {
		g.e.Serve(mux, way, engine.Route{API: engine.APIUnknown, Path: path, Run: g.door.notPlayed(name)})
	}
	for _, path := range []string{"/oauth/", "/mpesa/", "/pulltransactions/", "/standingorder/", "/sfcverify/"} {
		g.e.Serve(mux, way, engine.Route{API: engine.APIUnknown, Path: path, Run: g.door.notFound})
	}
}

// notPlayed are the APIs of the portal that are not documented well enough to be played, by path.
func notPlayed() map[string]string {
	return map[string]string{
		"/v1/ussdpush/get-msisdn":  "B2B Express (USSD push to till)",
		"/v1/billmanager-invoice/": "Bill Manager",
		"/imsi/v1/checkATI":        "IMSI and swap check",
		"/imsi/v2/checkATI":        "IMSI and swap check",
	}
}

// Stranger answers for the paths that no provider has, as the gateway does.
func (g *gateway) Stranger() http.HandlerFunc {
	return g.e.Handle(g.door.dialect(), engine.Route{API: engine.APIUnknown, Run: g.door.notFound})
}
