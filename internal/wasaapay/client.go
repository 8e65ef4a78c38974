package wasaapay

import (
	"net/http"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// The addresses of reference/wasaapay.md §1. One REST host serves both
// environments: the key selects which.
const (
	// RESTURL is the REST base.
	RESTURL = "https://api.wasaapay.com/api/v1/partner"
	// SandboxSocketURL is the stream's host for sandbox keys.
	SandboxSocketURL = "wss://sandbox.wasaapay.com"
	// ProductionSocketURL is the stream's host for production keys.
	ProductionSocketURL = "wss://api.wasaapay.com"
)

// defaultTimeout bounds one REST call when the caller hands in no HTTP client.
const defaultTimeout = 30 * time.Second

// Config is what a client needs. New checks its form; what is missing is
// reported by the first call that needs it.
type Config struct {
	Environment payment.Environment
	// BaseURL is the REST base, with or without /api/v1/partner; "" means RESTURL.
	BaseURL string
	// SocketURL is the stream's host, never derived from BaseURL; "" means the
	// environment's own.
	SocketURL string
	APIKey    *secret.Secret
	// WebhookSecrets are tried in order, so that one can be rotated.
	WebhookSecrets []*secret.Secret
	// Wallet is the walletId for deposits that name none.
	Wallet string
	// PhoneForm is "+254" (default) or "254": how numbers are written on the wire.
	PhoneForm string
	// AmountForm is "number" (default) or "string": the JSON type of amounts.
	AmountForm string
	// AllowCents lets M-Pesa deposits be other than whole shillings.
	AllowCents bool
	// Transports are the stream's transports in the order tried; none means
	// websocket, then polling.
	Transports []string
	// SocketHeader is a header that carries the key on the stream's requests too,
	// such as X-API-Key; "" sends it in the CONNECT payload alone
	// (reference/wasaapay.md §12.1).
	SocketHeader string
	// Packets is told each packet of the stream, sent or received, without the key.
	// It may be nil.
	Packets func(sent bool, packet string)
	// HTTP sends REST calls; nil is a client of its own.
	HTTP *http.Client
	// StreamHTTP carries the stream, so that its proxy and TLS settings hold
	// there too; its overall timeout is not used. nil means HTTP.
	StreamHTTP *http.Client
	// Log is called after each REST exchange, with everything secret taken out.
	Log func(apiclient.Exchange)
	Now func() time.Time
	// Budget shares the rate limit among processes; nil shares nothing.
	Budget payment.Budget
}

// Client is one partner's connection to one environment. It is safe for
// concurrent use.
type Client struct {
	*Receiver
	cfg    Config
	base   string
	socket string
	http   *apiclient.Client
	// greetingWait and confirmationWait are the stream's limits.
	greetingWait, confirmationWait time.Duration
}

var (
	_ payment.Depositor = (*Client)(nil)
	_ payment.Streamer  = (*Client)(nil)
	_ payment.Receiver  = (*Client)(nil)
)

// New returns a client. Malformed settings, and a key whose class is that of
// another environment, are KindUsage errors; missing ones are not looked for here.
func New(cfg Config) (*Client, error) {
	base, err := restBase(cfg)
	if err != nil {
		return nil, err
	}
	socket, err := socketBase(cfg)
	if err != nil {
		return nil, err
	}
	if err := checkForms(&cfg); err != nil {
		return nil, err
	}
	if err := checkKeyClass(cfg); err != nil {
		return nil, err
	}
	if cfg.SocketHeader != "" && strings.Trim(cfg.SocketHeader, headerLetters) != "" {
		return nil, usage("socket_header: not the name of a header", "write a name such as X-API-Key")
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: defaultTimeout}
	}
	if cfg.StreamHTTP == nil {
		cfg.StreamHTTP = cfg.HTTP
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Client{
		Receiver: NewReceiver(cfg.Environment, cfg.WebhookSecrets),
		cfg:      cfg,
		base:     base,
		socket:   socket,
		http:     apiclient.New(apiclient.Options{HTTP: cfg.HTTP, Provider: payment.WasaaPay, Log: cfg.Log}),

		greetingWait: authenticatedWait, confirmationWait: subscribedWait,
	}, nil
}

// headerLetters are what a header's name is made of here.
const headerLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"

func checkForms(cfg *Config) error {
	switch cfg.PhoneForm {
	case "":
		cfg.PhoneForm = "+254"
	case "+254", "254":
	default:
		return usage("phone_form: not a form of phone numbers", `write "+254" or "254"`)
	}
	switch cfg.AmountForm {
	case "":
		cfg.AmountForm = "number"
	case "number", "string":
	default:
		return usage("amount_form: not a JSON type for amounts", "write number or string")
	}
	return nil
}

// KeyClass returns the environment that an API key's prefix names, or "" when
// it names none (reference/wasaapay.md §2; both families of C1, and the live
// analogue of the second).
func KeyClass(key *secret.Secret) payment.Environment {
	switch value := key.Reveal(); {
	case strings.HasPrefix(value, "sk_sandbox_"), strings.HasPrefix(value, "ppk_sandbox_"):
		return payment.Sandbox
	case strings.HasPrefix(value, "sk_live_"), strings.HasPrefix(value, "ppk_live_"):
		return payment.Production
	}
	return ""
}

// checkKeyClass refuses a key of one environment in a profile of another: a
// live key in a test profile moves real money.
func checkKeyClass(cfg Config) error {
	class := KeyClass(cfg.APIKey)
	switch {
	case class == payment.Production && cfg.Environment != payment.Production:
		return usage("api_key: a production key in a "+string(cfg.Environment)+" profile",
			"use a sandbox key, or a profile whose environment is production")
	case class == payment.Sandbox && cfg.Environment == payment.Production:
		return usage("api_key: a sandbox key in a production profile",
			"use a live key, or a profile whose environment is sandbox")
	}
	return nil
}

// Missing names the settings, as environment variables, that a deposit needs
// and cfg lacks; nil when there are none.
func Missing(cfg Config) []string {
	var out []string
	if !cfg.APIKey.IsSet() {
		out = append(out, "PAYCTL_WASAAPAY_API_KEY")
	}
	if cfg.Wallet == "" {
		out = append(out, "PAYCTL_WASAAPAY_WALLET")
	}
	return out
}

// needKey reports a missing key before anything is sent.
func needKey(cfg Config) error {
	missing := Missing(cfg)
	if len(missing) == 0 {
		return nil
	}
	if cfg.APIKey.IsSet() {
		return usage("wallet: no wallet is given or configured", "give --wallet ID, or set PAYCTL_WASAAPAY_WALLET")
	}
	return &payment.Error{
		Kind: payment.KindUnauthorized, Provider: payment.WasaaPay,
		Message: "wasaapay: missing " + strings.Join(missing, " and "),
		Hint:    "set what is missing in the environment or the profile",
	}
}

func (c *Client) header() http.Header {
	h := http.Header{}
	h.Set("X-API-Key", c.cfg.APIKey.Reveal())
	return h
}

// secrets are what every request carries that nobody may read in an answer.
func (c *Client) secrets() []string { return []string{c.cfg.APIKey.Reveal()} }

func usage(message, hint string) *payment.Error {
	e := payment.Usage(message, hint)
	e.Provider = payment.WasaaPay
	return e
}
