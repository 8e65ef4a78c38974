// Package wasaapay plays WasaaPay's partner API for the emulator, its webhooks and its Socket.IO channel, from
// reference/wasaapay.md alone: never from payctl's own adapter, whose mistakes it would repeat and hide.
package wasaapay

import (
	"net/http"
	"time"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// WasaaPay's APIs and classes of what it sends, as logs and behaviours name them.
const (
	apiDeposit         = "deposit"
	apiDepositGet      = "deposit-get"
	apiWallet          = "wallet"
	apiWalletGet       = "wallet-get"
	apiTransferPreview = "transfer-preview"
	apiTransfer        = "transfer"
	apiTransferGet     = "transfer-get"
	apiUsers           = "users"

	outWebhook = "webhook"
	outSocket  = "socket"

	providerWasaaPay = "wasaapay"

	partnerPath = "/api/v1/partner"
	typePartner = "application/json; charset=utf-8"
)

// APIs are the names of WasaaPay's APIs, and of the classes of what it sends, in logs and behind @ in behaviours.
func APIs() []string {
	return []string{
		apiDeposit, apiDepositGet, apiWallet, apiWalletGet, apiTransferPreview, apiTransfer, apiTransferGet, apiUsers,
		outWebhook, outSocket,
	}
}

// api plays WasaaPay's partner API (reference/wasaapay.md). What that document marks as unknown is answered in one
// plausible way, marked "payctl convention" below; no client may take such an answer for the provider's word.
//
// A deposit is an STK push of WasaaPay's own paybill, so the payer, the balances and the rules are M-PESA's: the same
// customers that Daraja's pushes ask. The engine's lock guards the state.
type api struct {
	e    *engine.Engine
	sock *socketHub

	gate      *gate
	wallets   *wallets
	deposits  *deposits
	transfers *transfers
	webhooks  *webhooks
}

// New makes a partner API in front of an M-PESA. Its webhooks go to webhookURL.
func New(e *engine.Engine, net *mpesa.Network, webhookURL string) *api {
	g := &gate{e: e}
	hooks := &webhooks{e: e, url: webhookURL}
	sock := newSocketHub(e, g)
	books := &wallets{e: e, gate: g}
	a := &api{
		e: e, sock: sock, gate: g, wallets: books, webhooks: hooks,
		deposits:  &deposits{e: e, net: net, gate: g, wallets: books, webhooks: hooks, sock: sock},
		transfers: &transfers{e: e, gate: g, wallets: books, webhooks: hooks},
	}
	a.Reset()
	net.Join(a.deposits)
	return a
}

// Name is the key of the part in the state.
func (a *api) Name() string { return providerWasaaPay }

// Reset forgets everything. The lock is held.
func (a *api) Reset() {
	a.gate.reset()
	a.wallets.reset()
	a.deposits.reset()
	a.transfers.reset()
	a.sock.reset()
}

// Built-in wallets: the local one, and one to transfer to.
const (
	secondWallet  = "wallet_local_2"
	firstAccount  = "WP0000000001"
	secondAccount = "WP0000000002"
)

// Env is what a client of WasaaPay needs to reach the emulator at base.
func (a *api) Env(base string) map[string]string {
	creds := engine.Credentials()
	return map[string]string{
		"WASAAPAY_API_KEY":               creds.WasaaPayAPIKey,
		"PAYCTL_WASAAPAY_API_KEY":        creds.WasaaPayAPIKey,
		"PAYCTL_WASAAPAY_WEBHOOK_SECRET": creds.WasaaPayWebhookSecret,
		"PAYCTL_WASAAPAY_WALLET":         creds.WasaaPayWallet,
		"PAYCTL_WASAAPAY_BASE_URL":       base + partnerPath,
		"PAYCTL_WASAAPAY_SOCKET_URL":     base,
	}
}

// Routes registers the paths of reference/wasaapay.md §6.
func (a *api) Routes(mux *http.ServeMux) {
	way := a.gate.dialect()
	get := func(api, path string, run func(*engine.Call)) {
		a.e.Serve(mux, way, engine.Route{API: api, Method: http.MethodGet, Path: partnerPath + path, Run: run})
	}
	post := func(api, path string, run writer) {
		a.e.Serve(mux, way, engine.Route{API: api, Method: http.MethodPost, Path: partnerPath + path, Run: a.gate.write(run)})
	}
	post(apiDeposit, "/deposits/mpesa", a.deposits.create)
	get(apiDepositGet, "/deposits/{id}", a.deposits.get)
	post(apiWallet, "/wallets", a.wallets.create)
	get(apiWalletGet, "/wallets/{id}/balance", a.wallets.balance)
	get(apiWalletGet, "/wallets/{id}/transactions", a.wallets.transactions)
	post(apiTransferPreview, "/transfers/preview", a.transfers.preview)
	post(apiTransfer, "/transfers", a.transfers.create)
	get(apiTransferGet, "/transfers/{id}", a.transfers.get)
	get(apiUsers, "/users", a.wallets.users)
	for _, path := range []string{"/deposits/card", "/deposits/paypal"} {
		a.e.Serve(mux, way, engine.Route{API: apiDeposit, Path: partnerPath + path, Run: a.gate.notPlayed})
	}
	a.e.Serve(mux, way, engine.Route{API: engine.APIUnknown, Path: "/api/", Run: a.gate.notFound})
	a.e.Serve(mux, way, engine.Route{API: engine.APIUnknown, Path: "/partner/", Run: a.gate.notFound})
	a.e.Serve(mux, way, engine.Route{API: engine.APIUnknown, Path: socketPath, Run: a.gate.notFound})
	mux.Handle(socketPath+"/", a.sock)
}

// success is the envelope of reference/wasaapay.md §5.
type success struct {
	Success bool `json:"success"`
	Data    any  `json:"data"`
}

// rfc3339ms is the time form of socket events and, by convention, of REST; webhooks leave the fraction out
// (reference/wasaapay.md §15, C8).
const rfc3339ms = "2006-01-02T15:04:05.000Z"

func millis(t time.Time) string { return t.UTC().Format(rfc3339ms) }
