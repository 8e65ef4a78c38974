package emulator

import (
	"cmp"
	"errors"
	"net/http"
	"time"
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

func wasaapayAPIs() []string {
	return []string{
		apiDeposit, apiDepositGet, apiWallet, apiWalletGet, apiTransferPreview, apiTransfer, apiTransferGet, apiUsers,
		outWebhook, outSocket,
	}
}

// wasaapay plays WasaaPay's partner API (reference/wasaapay.md). What that document marks as unknown is answered in one
// plausible way, marked "payctl convention" below; no client may take such an answer for the provider's word.
//
// A deposit is an STK push of WasaaPay's own paybill, so the payer, the balances and the rules are M-PESA's: the same
// customers that Daraja's pushes ask. The emulator's lock guards the state.
type wasaapay struct {
	e     *Emulator
	mpesa *daraja
	sock  *socketHub

	wallets   map[string]*account
	accounts  map[string]string // account number → wallet id
	deposits  depositBook
	transfers map[string]*transfer
	moved     []string // ids of transfers, oldest first
	replies   replyBook
	window    rateWindow
}

func newWasaaPay(e *Emulator, mpesa *daraja) *wasaapay {
	w := &wasaapay{e: e, mpesa: mpesa}
	w.sock = newSocketHub(w)
	w.reset()
	return w
}

func (w *wasaapay) name() string { return providerWasaaPay }

// Built-in wallets: the local one, and one to transfer to.
const (
	secondWallet  = "wallet_local_2"
	firstAccount  = "WP0000000001"
	secondAccount = "WP0000000002"
)

func (w *wasaapay) reset() {
	w.wallets, w.accounts = map[string]*account{}, map[string]string{}
	w.deposits = newDepositBook()
	w.transfers, w.moved = map[string]*transfer{}, nil
	w.replies = newReplyBook()
	w.window = rateWindow{}
	begin := w.e.now()
	w.open(&account{ID: Credentials().WasaaPayWallet, Number: firstAccount, User: "local-user", Owner: "LOCAL WALLET", Created: begin})
	w.open(&account{ID: secondWallet, Number: secondAccount, User: "local-user-2", Owner: "TEST RECIPIENT", Created: begin})
}

func (w *wasaapay) env(base string) map[string]string {
	creds := Credentials()
	vars := map[string]string{
		"WASAAPAY_API_KEY":               creds.WasaaPayAPIKey,
		"PAYCTL_WASAAPAY_API_KEY":        creds.WasaaPayAPIKey,
		"PAYCTL_WASAAPAY_WEBHOOK_SECRET": creds.WasaaPayWebhookSecret,
		"PAYCTL_WASAAPAY_WALLET":         creds.WasaaPayWallet,
		"PAYCTL_WASAAPAY_BASE_URL":       base + partnerPath,
		"PAYCTL_WASAAPAY_SOCKET_URL":     base,
	}
	for name, value := range w.e.dropInEnv(base) {
		vars[name] = value
	}
	return vars
}

// routes registers the paths of reference/wasaapay.md §6.
func (w *wasaapay) routes(mux *http.ServeMux) {
	way := w.dialect()
	get := func(api, path string, run func(*call)) {
		w.e.serve(mux, way, route{api: api, method: http.MethodGet, path: partnerPath + path, run: run})
	}
	post := func(api, path string, run writer) {
		w.e.serve(mux, way, route{api: api, method: http.MethodPost, path: partnerPath + path, run: w.write(run)})
	}
	post(apiDeposit, "/deposits/mpesa", w.createDeposit)
	get(apiDepositGet, "/deposits/{id}", w.getDeposit)
	post(apiWallet, "/wallets", w.createWallet)
	get(apiWalletGet, "/wallets/{id}/balance", w.getBalance)
	get(apiWalletGet, "/wallets/{id}/transactions", w.getTransactions)
	post(apiTransferPreview, "/transfers/preview", w.previewTransfer)
	post(apiTransfer, "/transfers", w.createTransfer)
	get(apiTransferGet, "/transfers/{id}", w.getTransfer)
	get(apiUsers, "/users", w.getUsers)
	for _, path := range []string{"/deposits/card", "/deposits/paypal"} {
		w.e.serve(mux, way, route{api: apiDeposit, path: partnerPath + path, run: w.notPlayed})
	}
	w.e.serve(mux, way, route{api: apiUnknown, path: "/api/", run: w.notFound})
	w.e.serve(mux, way, route{api: apiUnknown, path: "/partner/", run: w.notFound})
	w.e.serve(mux, way, route{api: apiUnknown, path: socketPath, run: w.notFound})
	mux.Handle(socketPath+"/", w.sock)
}

// dialect is how the API refuses what never reaches it. Statuses and shapes are a payctl convention.
func (w *wasaapay) dialect() dialect {
	return dialect{
		provider: providerWasaaPay,
		wrongVerb: func(c *call) {
			w.fail(c, fault{http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "Method not allowed", c.reason})
		},
		badBody: func(c *call, err error) {
			status := http.StatusBadRequest
			if errors.Is(err, errBodyTooLarge) {
				status = http.StatusRequestEntityTooLarge
			}
			w.fail(c, fault{status, "BODY_UNREADABLE", "The request body could not be read", err.Error()})
		},
		before: w.before,
		after:  w.mpesa.after,
	}
}

func (w *wasaapay) notFound(c *call) {
	reason := "no such path; the REST base is " + partnerPath
	if c.r.URL.Path == socketPath {
		reason = "the Socket.IO path ends with a slash: " + socketPath + "/"
	}
	w.fail(c, fault{http.StatusNotFound, "NOT_FOUND", "Not found", reason})
}

func (w *wasaapay) notPlayed(c *call) {
	w.fail(c, fault{
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
func (w *wasaapay) fail(c *call, f fault) {
	form := "nested"
	if !w.e.quiet.Load() {
		w.e.locked(func() { form = w.e.behaviours.choice("error-form", c.api, form) })
	}
	c.refused, c.reason = true, cmp.Or(f.reason, f.message)
	w.refuse(c, f, form)
}

// failLocked is fail for callers that hold the emulator's lock.
func (w *wasaapay) failLocked(c *call, f fault) {
	c.refused, c.reason = true, cmp.Or(f.reason, f.message)
	w.refuse(c, f, w.e.behaviours.choice("error-form", c.api, "nested"))
}

func (w *wasaapay) refuse(c *call, f fault, form string) {
	type detail struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	code := "EMULATOR_" + f.code
	switch form {
	case "flat":
		c.partner(f.status, struct {
			Success   bool   `json:"success"`
			ErrorCode string `json:"errorCode"`
			Message   string `json:"message"`
		}{false, code, f.message})
	case "text":
		c.partner(f.status, struct {
			Success bool   `json:"success"`
			Error   string `json:"error"`
		}{false, f.message})
	case "list":
		c.partner(f.status, struct {
			Success bool     `json:"success"`
			Errors  []detail `json:"errors"`
		}{false, []detail{{code, f.message}}})
	case "html":
		c.refuseRaw(f.status, "text/html", "<html><body><h1>"+http.StatusText(f.status)+"</h1></body></html>")
	default:
		c.partner(f.status, struct {
			Success bool   `json:"success"`
			Error   detail `json:"error"`
		}{false, detail{code, f.message}})
	}
}

// partner fills in a JSON answer as this provider writes it.
func (c *call) partner(status int, value any) {
	c.reply(status, value)
	c.kind = typePartner
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
