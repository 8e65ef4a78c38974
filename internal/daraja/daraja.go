// Package daraja speaks Safaricom's M-Pesa gateway: OAuth tokens, STK push and
// query, transaction status, the other result-envelope APIs, the callbacks they
// cause, and one catalogue of codes that both the settlement rules and the
// operator's explanations read. Wire facts are those of reference/daraja.md.
//
// It sends each request once and says what an answer proves. It keeps no
// ledger, waits for nothing, shares no rate budget and prints nothing: those
// belong to store, watch and cli.
package daraja

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// The hosts (reference/daraja.md §1).
const (
	SandboxURL    = "https://sandbox.safaricom.co.ke"
	ProductionURL = "https://api.safaricom.co.ke"
)

// defaultTimeout bounds one call when the caller hands in no HTTP client.
const defaultTimeout = 30 * time.Second

// Config is what a client needs. New checks its form only; what is missing is
// reported by the first call that needs it.
type Config struct {
	Environment payment.Environment
	// BaseURL is scheme and host; "" means the environment's own host. The local
	// environment has none and must name one.
	BaseURL        string
	ConsumerKey    *secret.Secret
	ConsumerSecret *secret.Secret
	Passkey        *secret.Secret
	// ShortCode is the paybill number, or the store number of a till.
	ShortCode string
	// Till makes pushes CustomerBuyGoodsOnline with PartyB = Till (§3.1).
	Till string
	// Initiator is the API operator's user name, for result-envelope APIs.
	Initiator         string
	InitiatorPassword *secret.Secret
	// Certificate is the M-PESA public key certificate, PEM or DER.
	Certificate []byte
	// FetchInitiatorPassword and ReadCertificate, if set, stand in for the two
	// values above and are asked by the calls that carry them: a payment must not
	// fail over what it does not need.
	FetchInitiatorPassword func(context.Context) (*secret.Secret, error)
	ReadCertificate        func() ([]byte, error)
	// TokenCache is the path of a 0600 file that processes share; "" keeps
	// tokens in memory.
	TokenCache string
	// Validation decides C2B validation requests; the zero rule accepts all.
	Validation ValidationRule
	HTTP       *http.Client
	// Log is called after each exchange, with everything secret taken out.
	Log func(apiclient.Exchange)
	Now func() time.Time
	// Budget is the app's, shared with other processes; nil sets no limit. PerQuery is what
	// one question takes of it; 0 sets no limit.
	Budget   payment.Budget
	PerQuery time.Duration
}

// Client is one merchant's connection to one environment. It is safe for
// concurrent use.
type Client struct {
	Receiver
	cfg    Config
	base   string
	host   string
	http   *apiclient.Client
	tokens *tokens
}

var (
	_ payment.Depositor          = (*Client)(nil)
	_ payment.TransactionQuerier = (*Client)(nil)
	_ payment.Receiver           = (*Client)(nil)
)

// New returns a client. Malformed settings are KindUsage errors; missing ones
// are not looked for here.
func New(cfg Config) (*Client, error) {
	base, err := baseURL(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.ShortCode != "" && !digitsBetween(cfg.ShortCode, 5, 7) {
		return nil, payment.Usage("shortcode: not 5 to 7 digits", "set PAYCTL_DARAJA_SHORTCODE to the paybill or store number")
	}
	if cfg.Till != "" && !digitsBetween(cfg.Till, 5, 9) {
		return nil, payment.Usage("till: not 5 to 9 digits", "set PAYCTL_DARAJA_TILL to the till number, or leave it out for a paybill")
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: defaultTimeout}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{
		Receiver: Receiver{Rule: cfg.Validation},
		cfg:      cfg,
		base:     strings.TrimRight(base.String(), "/"),
		host:     base.Host,
		http:     apiclient.New(apiclient.Options{HTTP: cfg.HTTP, Provider: payment.Daraja, Log: cfg.Log}),
	}
	c.tokens = newTokens(c)
	return c, nil
}

// baseURL chooses and checks the host. A profile that names one environment
// and the other's host is refused: its keys would give an unhelpful 400 at
// best and real money at worst (reference/daraja.md §1, §11 row 11).
func baseURL(cfg Config) (*url.URL, error) {
	raw := cfg.BaseURL
	if raw == "" {
		switch cfg.Environment {
		case payment.Sandbox:
			raw = SandboxURL
		case payment.Production:
			raw = ProductionURL
		case payment.Local:
			return nil, payment.Usage("base_url: missing for the local environment", "set PAYCTL_DARAJA_BASE_URL to the emulator's address")
		default:
			return nil, payment.Usage("environment: unknown", "write local, sandbox or production")
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, payment.Usage("base_url: not a plain http or https address", "write scheme and host, such as "+SandboxURL)
	}
	u.Host = strings.ToLower(u.Host)
	name := u.Hostname()
	switch {
	case name == hostOf(ProductionURL) && cfg.Environment != payment.Production:
		return nil, payment.Usage("base_url: the production host in a "+string(cfg.Environment)+" profile", "give production its own profile, with its own keys")
	case name == hostOf(SandboxURL) && cfg.Environment != payment.Sandbox:
		return nil, payment.Usage("base_url: the sandbox host in a "+string(cfg.Environment)+" profile", "give the sandbox its own profile, with its own keys")
	case u.Scheme == "http" && cfg.Environment != payment.Local && !loopback.Is(name):
		return nil, payment.Usage("base_url: plain http would send the keys in the clear", "write https")
	}
	return u, nil
}

func hostOf(raw string) string { return strings.TrimPrefix(raw, "https://") }

func digitsBetween(s string, low, high int) bool {
	if len(s) < low || len(s) > high {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Missing names the settings, as environment variables, that a push or a query
// needs and cfg lacks; nil when there are none.
func Missing(cfg Config) []string {
	return append(missingKeys(cfg), lacking([]setting{
		{"PAYCTL_DARAJA_SHORTCODE", cfg.ShortCode != ""},
		{"PAYCTL_DARAJA_PASSKEY", cfg.Passkey.IsSet()},
	})...)
}

// MissingInitiator names the settings that the result-envelope APIs need
// (transaction status, balance, reversal) and cfg lacks.
func MissingInitiator(cfg Config) []string {
	return append(missingKeys(cfg), lacking([]setting{
		{"PAYCTL_DARAJA_SHORTCODE", cfg.ShortCode != ""},
		{"PAYCTL_DARAJA_INITIATOR", cfg.Initiator != ""},
		{"PAYCTL_DARAJA_INITIATOR_PASSWORD", cfg.FetchInitiatorPassword != nil || cfg.InitiatorPassword.IsSet()},
		{"PAYCTL_DARAJA_CERTIFICATE", cfg.ReadCertificate != nil || len(cfg.Certificate) > 0},
	})...)
}

// missingMerchant is for the APIs that need keys and a shortcode alone.
func missingMerchant(cfg Config) []string {
	return append(missingKeys(cfg), lacking([]setting{{"PAYCTL_DARAJA_SHORTCODE", cfg.ShortCode != ""}})...)
}

func missingKeys(cfg Config) []string {
	return lacking([]setting{
		{"PAYCTL_DARAJA_CONSUMER_KEY", cfg.ConsumerKey.IsSet()},
		{"PAYCTL_DARAJA_CONSUMER_SECRET", cfg.ConsumerSecret.IsSet()},
	})
}

type setting struct {
	name string
	set  bool
}

func lacking(all []setting) []string {
	var out []string
	for _, s := range all {
		if !s.set {
			out = append(out, s.name)
		}
	}
	return out
}

// require turns missing settings into one error that names them all.
func require(endpoint string, missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	return &payment.Error{
		Kind:     payment.KindUnauthorized,
		Message:  endpoint + ": missing " + strings.Join(missing, ", "),
		Hint:     "set them in the environment or in the profile; payctl config show says where each comes from",
		Provider: payment.Daraja,
	}
}
