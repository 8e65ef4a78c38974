package config

import (
	"context"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// Config is what a run goes by. Secrets in it are references; see SecretRef.
type Config struct {
	// Profile is the chosen profile's name, Environment whose system it speaks to.
	Profile     string
	Environment payment.Environment
	// DB is the ledger's path: one ledger per profile and environment unless one
	// was named. It is empty when no home directory is known and none was named;
	// Ledger says so in words.
	DB string
	// CallbackURL is the public base URL of "payctl listen", without a final
	// slash; "" if not set.
	CallbackURL string
	// Output, Color and Timezone are how things are shown where no flag says so;
	// "" if not set.
	Output, Color, Timezone string
	// ProductionCap is the largest amount that a script may ask for in
	// production; without a value scripts may not ask at all.
	ProductionCap payment.Amount
	Daraja        DarajaSettings
	WasaaPay      WasaaPaySettings
	Sevi          SeviSettings
	Listen        ListenSettings
	// CacheDir holds what may be deleted (tokens), StateDir what should stay;
	// "" when no home directory is known.
	CacheDir, StateDir string
	// Warnings are what looks like a mistake but is none, one line each.
	Warnings []string

	source Source
	layers []layer
	// known are the names of all profiles, definedIn the places of those in files.
	known     []string
	definedIn map[string]Origin
	chosen    Explained
	userFile  File
	project   File
	ledgerErr error
	// tunnel is what a listener of the profile says; nil for none.
	tunnel *Tunnel
}

// DarajaSettings are Safaricom's (reference/daraja.md §1, §2, §6).
type DarajaSettings struct {
	// BaseURL is scheme and host of the profile's environment.
	BaseURL string
	// ShortCode is the paybill, or the store number of a till; Till is "" for a paybill.
	ShortCode, Till string
	// Initiator is the API operator's name, Certificate the path of the file
	// that its password is encrypted with.
	Initiator, Certificate string
	// QueriesPerMinute is the budget for status questions of all processes
	// together, 0 for none (reference/daraja.md §5: 5 in the sandbox).
	QueriesPerMinute int

	ConsumerKey, ConsumerSecret, Passkey, InitiatorPassword *SecretRef
}

// WasaaPaySettings are WasaaPay's (reference/wasaapay.md §1, §2, §7.2).
type WasaaPaySettings struct {
	// BaseURL and SocketURL are set apart: neither can be derived from the other.
	BaseURL, SocketURL string
	// SocketHeader is a header that carries the key to SocketURL too; "" for none.
	SocketHeader string
	// Wallet is the walletId that deposits go to.
	Wallet string
	// PhoneFormat is "+254" or "254", AmountFormat "number" or "string": how
	// they are sent.
	PhoneFormat, AmountFormat string
	// TakeAbsent takes webhooks that do not say their environment for the profile's own.
	TakeAbsent bool

	APIKey, WebhookSecret, WebhookSecretPrevious *SecretRef
}

// WebhookSecrets returns the present secret and, during a rotation, the
// previous one. It is empty when none is set. Errors are those of SecretRef.Get.
func (w WasaaPaySettings) WebhookSecrets(ctx context.Context) ([]*secret.Secret, error) {
	return present(ctx, w.WebhookSecret, w.WebhookSecretPrevious)
}

// SeviSettings are the wallet webhook's (reference/sevi.md §2).
type SeviSettings struct {
	// Addresses are the sources that may post; empty lets all.
	Addresses []netip.Prefix

	Token, TokenPrevious *SecretRef
}

// Tokens returns the present token and, during a rotation, the previous one.
// Errors are those of SecretRef.Get.
func (s SeviSettings) Tokens(ctx context.Context) ([]*secret.Secret, error) {
	return present(ctx, s.Token, s.TokenPrevious)
}

func present(ctx context.Context, refs ...*SecretRef) ([]*secret.Secret, error) {
	var out []*secret.Secret
	for _, ref := range refs {
		if !ref.IsSet() {
			continue
		}
		value, err := ref.Get(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

// IPCheck says what a callback from an unlisted address means.
type IPCheck string

// The checks (reference/daraja.md §8).
const (
	// IPOff does not look.
	IPOff IPCheck = "off"
	// IPNote notes it beside the delivery.
	IPNote IPCheck = "note"
	// IPEnforce makes the delivery untrusted.
	IPEnforce IPCheck = "enforce"
)

// ListenSettings are the receiver's.
type ListenSettings struct {
	// Addr is host:port to listen on, "" if not set.
	Addr string
	// TrustedProxies are the peers whose forwarded headers are believed.
	TrustedProxies []netip.Prefix
	IPCheck        IPCheck
	// Tunnel, TunnelURL and TunnelHost are as the flags.
	Tunnel, TunnelURL, TunnelHost string
	// DarajaAddresses are allowed beside the published ones.
	DarajaAddresses []netip.Prefix
	C2B             C2BRule
	// Retention is how long settled evidence is kept, 0 for ever.
	Retention time.Duration
}

// C2BRule decides C2B validation requests (reference/daraja.md §10). What the
// account and amount rules refuse is rejected with C2B00012 and C2B00013;
// Reply answers the rest.
type C2BRule struct {
	// Reply is "accept" or a reject code such as "C2B00016".
	Reply string
	// Account must match the whole BillRefNumber; nil lets every account pass.
	Account *regexp.Regexp
	// MinAmount and MaxAmount are inclusive; without a value there is no bound.
	MinAmount, MaxAmount payment.Amount
}

// Ledger returns the ledger's path, or a KindUsage error when there is no
// place to keep one.
func (c *Config) Ledger() (string, error) { return c.DB, c.ledgerErr }

// SharedLedger reports whether the ledger is a database's, not a file.
func (c *Config) SharedLedger() bool { return strings.Contains(c.DB, "://") }

// File is a place where settings may be written.
type File struct {
	// Path is "" when there is no such place.
	Path string `json:"path"`
	// Exists says that the file was read.
	Exists bool `json:"exists"`
}

// Paths are the files that matter to a run.
type Paths struct {
	User, Project, DB  File
	CacheDir, StateDir string
}

// Path returns where the settings and the ledger are.
func (c *Config) Path() Paths {
	return Paths{
		User: c.userFile, Project: c.project, DB: c.ledgerFile(),
		CacheDir: c.CacheDir, StateDir: c.StateDir,
	}
}

// ledgerFile is the ledger's place as it may be shown; a database is not looked for.
func (c *Config) ledgerFile() File {
	if c.SharedLedger() {
		return File{Path: secret.URL(c.DB)}
	}
	return File{Path: c.DB, Exists: exists(c.DB)}
}
