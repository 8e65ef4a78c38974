// Package provider is the one table of providers: what each can do, made from
// the settings of a profile. A new provider is one row here and one adapter.
package provider

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/sevi"
	"github.com/payctl/payctl/internal/wasaapay"
)

// Provider is what one provider can do; a nil field is something it cannot.
type Provider struct {
	ID        payment.ProviderID
	Depositor payment.Depositor
	Streamer  payment.Streamer
	Querier   payment.TransactionQuerier
	Receiver  payment.Receiver

	// ShortCode and Wallet go into new deposits.
	ShortCode string
	Wallet    string
	// QueryEvery is the interval of one slot of the shared budget for status
	// questions, 0 for no limit.
	QueryEvery time.Duration
	// Idempotent says that a repeated request for money with the same idempotency
	// key is answered like the first and asks nobody twice.
	Idempotent bool
	// Check looks at a deposit before it is recorded and may complete it.
	Check func(*payment.Deposit) (warnings []string, err error)
	// CheckFields looks at extra request fields before a deposit is recorded; nil
	// where a provider takes none.
	CheckFields func(map[string]string) error
	// CallbackURL is where the provider shall report a deposit, from its token.
	CallbackURL func(token string) string
	// Daraja is the adapter itself, for the verbs that only it has; else nil.
	Daraja *daraja.Client
}

// Deps is what adapters need of the process.
type Deps struct {
	HTTP   *http.Client
	Log    func(apiclient.Exchange)
	Now    func() time.Time
	Budget payment.Budget
	// Certificate is used where the profile names none: the emulator's own.
	Certificate []byte
	// Transports are the stream's, in the order tried; none is the default.
	Transports []string
}

// row is one provider of the table.
type row struct {
	id       payment.ProviderID
	deposits bool
	open     func(ctx context.Context, c *config.Config, d Deps) (Provider, error)
}

func table() []row {
	return []row{
		{payment.Daraja, true, openDaraja},
		{payment.WasaaPay, true, openWasaaPay},
		{payment.Sevi, false, openSevi},
	}
}

// IDs lists all providers.
func IDs() []string { return ids(func(row) bool { return true }) }

// Depositors lists the providers that can ask for money.
func Depositors() []string { return ids(func(r row) bool { return r.deposits }) }

func ids(keep func(row) bool) []string {
	var out []string
	for _, r := range table() {
		if keep(r) {
			out = append(out, string(r.id))
		}
	}
	return out
}

// Parse reads a provider's name; "" is Daraja. Any other is KindUsage.
func Parse(name string) (payment.ProviderID, error) {
	if name == "" {
		return payment.Daraja, nil
	}
	for _, r := range table() {
		if string(r.id) == name {
			return r.id, nil
		}
	}
	return "", payment.Usage(fmt.Sprintf("provider %q: is not known", name), "use one of: "+strings.Join(IDs(), ", "))
}

// Open makes one provider from the settings; the secrets that every payment needs
// are fetched. Missing credentials are one KindUnauthorized error that names them all.
func Open(ctx context.Context, c *config.Config, id payment.ProviderID, d Deps) (Provider, error) {
	for _, r := range table() {
		if r.id == id {
			return r.open(ctx, c, d)
		}
	}
	_, err := Parse(string(id))
	return Provider{}, err
}

func openDaraja(ctx context.Context, c *config.Config, d Deps) (Provider, error) {
	if err := c.Missing("daraja.consumer_key", "daraja.consumer_secret", "daraja.shortcode", "daraja.passkey"); err != nil {
		return Provider{}, err
	}
	client, err := Daraja(ctx, c, d)
	if err != nil {
		return Provider{}, err
	}
	p := Provider{
		ID: payment.Daraja, Depositor: client, Querier: client, Receiver: client, Daraja: client,
		ShortCode: c.Daraja.ShortCode,
		Check:     func(dep *payment.Deposit) ([]string, error) { return checkDaraja(c, dep) },
		CallbackURL: func(token string) string {
			return c.CallbackURL + "/callbacks/daraja/stk/" + token
		},
	}
	if n := c.Daraja.QueriesPerMinute; n > 0 {
		p.QueryEvery = time.Minute / time.Duration(n)
	}
	return p, nil
}

// Daraja makes the adapter alone, for verbs that need other credentials than a
// push does; what is missing is reported by its first call. The initiator's
// password and the certificate are fetched by the calls that carry them
// (reference/daraja.md §7).
func Daraja(ctx context.Context, c *config.Config, d Deps) (*daraja.Client, error) {
	revealed, err := reveal(ctx, c.Daraja.ConsumerKey, c.Daraja.ConsumerSecret, c.Daraja.Passkey)
	if err != nil {
		return nil, err
	}
	conf := daraja.Config{
		Environment: c.Environment, BaseURL: c.Daraja.BaseURL,
		ConsumerKey: revealed[0], ConsumerSecret: revealed[1], Passkey: revealed[2],
		ShortCode: c.Daraja.ShortCode, Till: c.Daraja.Till,
		Initiator: c.Daraja.Initiator, Certificate: d.Certificate,
		HTTP: d.HTTP, Log: d.Log, Now: d.Now,
	}
	if c.CacheDir != "" {
		conf.TokenCache = filepath.Join(c.CacheDir, "daraja-token.json")
	}
	if c.Daraja.InitiatorPassword.IsSet() {
		conf.FetchInitiatorPassword = c.Daraja.InitiatorPassword.Get
	}
	if path := c.Daraja.Certificate; path != "" {
		conf.ReadCertificate = func() ([]byte, error) { return readCertificate(path) }
	}
	return daraja.New(conf)
}

func readCertificate(path string) ([]byte, error) {
	certificate, err := os.ReadFile(path)
	if err != nil {
		return nil, payment.Usage("daraja.certificate: the file cannot be read", "check the path and its permissions: "+path)
	}
	return certificate, nil
}

func checkDaraja(c *config.Config, d *payment.Deposit) ([]string, error) {
	warnings, err := daraja.CheckDeposit(*d)
	if err != nil {
		return warnings, err
	}
	if c.CallbackURL == "" {
		return warnings, payment.Usage("callback_url: is not set, and Daraja wants an address to report to",
			"set callback_url (PAYCTL_CALLBACK_URL) to the public base URL of \"payctl listen\"")
	}
	problems, more := daraja.LintCallbackURL(c.CallbackURL, c.Environment)
	if len(problems) > 0 {
		return warnings, payment.Usage("callback_url: "+strings.Join(problems, "; "), "set callback_url to the public https base URL of \"payctl listen\"")
	}
	return append(warnings, more...), nil
}

func openWasaaPay(ctx context.Context, c *config.Config, d Deps) (Provider, error) {
	if err := c.Missing("wasaapay.api_key"); err != nil {
		return Provider{}, err
	}
	revealed, err := reveal(ctx, c.WasaaPay.APIKey)
	if err != nil {
		return Provider{}, err
	}
	secrets, err := c.WasaaPay.WebhookSecrets(ctx)
	if err != nil {
		return Provider{}, err
	}
	client, err := wasaapay.New(wasaapay.Config{
		Environment: c.Environment, BaseURL: c.WasaaPay.BaseURL, SocketURL: c.WasaaPay.SocketURL,
		APIKey: revealed[0], WebhookSecrets: secrets, Wallet: c.WasaaPay.Wallet,
		PhoneForm: c.WasaaPay.PhoneFormat, AmountForm: c.WasaaPay.AmountFormat, Transports: d.Transports,
		HTTP: d.HTTP, Log: d.Log, Now: d.Now, Budget: d.Budget,
	})
	if err != nil {
		return Provider{}, err
	}
	return Provider{
		ID: payment.WasaaPay, Depositor: client, Streamer: client, Receiver: client,
		Wallet: c.WasaaPay.Wallet, Check: client.Check, CheckFields: wasaapay.CheckFields, Idempotent: true,
		CallbackURL: func(string) string { return "" },
	}, nil
}

func openSevi(ctx context.Context, c *config.Config, _ Deps) (Provider, error) {
	tokens, err := c.Sevi.Tokens(ctx)
	if err != nil {
		return Provider{}, err
	}
	receiver, err := sevi.New(sevi.Config{Tokens: tokens})
	if err != nil {
		return Provider{}, err
	}
	return Provider{ID: payment.Sevi, Receiver: receiver}, nil
}

// reveal fetches secrets; one that is not set stays nil.
func reveal(ctx context.Context, refs ...*config.SecretRef) ([]*secret.Secret, error) {
	out := make([]*secret.Secret, len(refs))
	for i, ref := range refs {
		s, err := ref.Get(ctx)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}
