package config

import (
	"context"
	"os"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// Load reads the files, chooses the profile and checks every setting that is
// set. It fetches no secret. Errors are KindUsage and name the place, the
// setting and the fix; nothing being configured is no error.
func Load(ctx context.Context, source Source) (*Config, error) {
	c, err := LoadUnchosen(ctx, source)
	if err == nil {
		err = c.NotChosen()
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// LoadUnchosen is Load for commands that speak to nobody: where profiles are
// defined and none is named it goes on with the settings that all share. Profile
// and Environment are then empty, and the ledger is known only if it was named.
func LoadUnchosen(ctx context.Context, source Source) (*Config, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	user, err := source.readUserFile(ctx)
	if err != nil {
		return nil, err
	}
	project, err := source.readProjectFile(ctx)
	if err != nil {
		return nil, err
	}
	if err := source.checkProject(project, user); err != nil {
		return nil, err
	}
	c := &Config{source: source, CacheDir: source.CacheDir, StateDir: source.StateDir}
	c.rememberFiles(project, user)
	if err := c.chooseProfile(project, user); err != nil {
		return nil, err
	}
	if err := c.stack(project, user); err != nil {
		return nil, err
	}
	if err := c.fill(); err != nil {
		return nil, err
	}
	c.warn()
	return c, nil
}

func (c *Config) rememberFiles(project, user *document) {
	path, _, err := c.source.userFile()
	if err == nil {
		c.userFile = File{Path: path, Exists: user != nil}
	}
	if project != nil {
		c.project = File{Path: project.path, Exists: true}
	}
	c.definedIn = map[string]Origin{}
	for kind, d := range map[OriginKind]*document{FromUserFile: user, FromProjectFile: project} {
		if d == nil {
			continue
		}
		for name, line := range d.defined {
			if _, twice := c.definedIn[name]; !twice || kind == FromUserFile {
				c.definedIn[name] = Origin{Kind: kind, Name: d.path, Line: line}
			}
		}
	}
}

// stack builds the layers, the strongest first.
func (c *Config) stack(project, user *document) error {
	flags, err := flagLayer(c.source)
	if err != nil {
		return err
	}
	env, aliases, err := environmentLayers(c.source)
	if err != nil {
		return err
	}
	c.layers = []layer{flags, env, aliases}
	for _, f := range []struct {
		kind OriginKind
		doc  *document
	}{{FromProjectFile, project}, {FromUserFile, user}} {
		layers, err := fileLayers(f.kind, f.doc, c.Profile)
		if err != nil {
			return err
		}
		c.layers = append(c.layers, layers...)
	}
	if c.Profile != "" {
		if err := c.chooseEnvironment(); err != nil {
			return err
		}
	}
	said, err := c.tunnelLayer()
	if err != nil {
		return err
	}
	c.layers = append(c.layers, said)
	if c.Profile == string(payment.Local) {
		c.layers = append(c.layers, builtInLayer())
	}
	c.layers = append(c.layers, defaultLayer(c.source, c.Profile, c.Environment))
	return nil
}

// warn collects what looks like a mistake: credentials in the environment that
// nobody chose a profile for.
func (c *Config) warn() {
	if c.Profile != string(payment.Local) || c.chosen.Origin.Kind != FromDefault {
		return
	}
	for _, s := range settings {
		if s.kind != kindSecret {
			continue
		}
		for got := range c.candidates(s) {
			if got.origin.Kind == FromEnvironment {
				c.Warnings = append(c.Warnings, got.origin.Name+" is set, but no profile is chosen, so the local emulator is spoken to; pass --profile sandbox or set PAYCTL_PROFILE")
				return
			}
		}
	}
}

// reader takes settings out of the layers; its first error sticks.
type reader struct {
	c   *Config
	err error
}

// winner returns the strongest candidate for a key.
func (r *reader) winner(key string) (candidate, bool) {
	if r.err != nil {
		return candidate{}, false
	}
	s, _, _ := find(key)
	return strongest(r.c.candidates(s))
}

// take reads one setting with the function for its kind; without a candidate
// it is the zero value.
func take[T any](r *reader, key string, read func(candidate) (T, error)) T {
	var zero T
	got, ok := r.winner(key)
	if !ok {
		return zero
	}
	value, err := read(got)
	if err != nil {
		r.err = err
		return zero
	}
	return value
}

func (r *reader) text(key string) string {
	return take(r, key, func(got candidate) (string, error) {
		if text := strings.TrimSpace(got.text); text != "" && strings.Trim(text, " ") == got.text {
			return text, nil
		}
		return "", got.bad("has spaces around it or is blank", "write the bare value")
	})
}

// host reads an address that is sent credentials.
func (r *reader) host(key string, schemes ...string) string {
	return take(r, key, func(got candidate) (string, error) {
		address, err := got.address(schemes...)
		if err != nil {
			return "", err
		}
		if err := checkHost(address, r.c.Environment); err != nil {
			return "", got.bad(err.Error(), "choose the profile of that environment, or correct "+key)
		}
		return address, nil
	})
}

func (r *reader) secret(key string) *SecretRef {
	ref := &SecretRef{key: key, env: r.c.Environment, source: &r.c.source}
	if got, ok := r.winner(key); ok {
		ref.from = got
		ref.set = true
	}
	return ref
}

func (c *Config) fill() error {
	r := &reader{c: c}
	path := func(got candidate) (string, error) { return got.path(c.source) }
	c.DB = take(r, "db", func(got candidate) (string, error) { return got.ledger(c.source) })
	c.CallbackURL = take(r, "callback_url", func(got candidate) (string, error) { return got.address("http", "https") })
	c.ProductionCap = take(r, "production_cap", candidate.amount)
	c.Daraja = DarajaSettings{
		BaseURL:   r.host("daraja.base_url", "http", "https"),
		ShortCode: take(r, "daraja.shortcode", candidate.digits), Till: take(r, "daraja.till", candidate.digits),
		Initiator: r.text("daraja.initiator"), Certificate: take(r, "daraja.certificate", path),
		QueriesPerMinute: take(r, "daraja.queries_per_minute", candidate.count),
		ConsumerKey:      r.secret("daraja.consumer_key"), ConsumerSecret: r.secret("daraja.consumer_secret"),
		Passkey: r.secret("daraja.passkey"), InitiatorPassword: r.secret("daraja.initiator_password"),
	}
	c.WasaaPay = WasaaPaySettings{
		BaseURL:   r.host("wasaapay.base_url", "http", "https"),
		SocketURL: r.host("wasaapay.socket_url", "http", "https", "ws", "wss"),
		Wallet:    r.text("wasaapay.wallet"), SocketHeader: r.text("wasaapay.socket_header"),
		PhoneFormat: take(r, "wasaapay.phone_format", candidate.choice), AmountFormat: take(r, "wasaapay.amount_format", candidate.choice),
		TakeAbsent: take(r, "wasaapay.absent_environment", candidate.choice) == "settle",
		APIKey:     r.secret("wasaapay.api_key"), WebhookSecret: r.secret("wasaapay.webhook_secret"),
		WebhookSecretPrevious: r.secret("wasaapay.webhook_secret_previous"),
	}
	c.Sevi = SeviSettings{
		Addresses: take(r, "sevi.addresses", candidate.addresses),
		Token:     r.secret("sevi.token"), TokenPrevious: r.secret("sevi.token_previous"),
	}
	c.Output, c.Color, c.Timezone = take(r, "output", candidate.choice), take(r, "color", candidate.choice), take(r, "timezone", candidate.zone)
	c.Listen = ListenSettings{
		Tunnel: r.text("listen.tunnel"), TunnelURL: r.text("listen.tunnel_url"), TunnelHost: r.text("listen.tunnel_host"),
		Addr:            take(r, "listen.addr", candidate.hostPort),
		TrustedProxies:  take(r, "listen.trusted_proxies", candidate.addresses),
		IPCheck:         IPCheck(take(r, "listen.ip_check", candidate.choice)),
		DarajaAddresses: take(r, "listen.daraja_addresses", candidate.addresses),
		C2B: C2BRule{
			Reply:     take(r, "listen.c2b_validation", candidate.choice),
			Account:   take(r, "listen.c2b_account", candidate.pattern),
			MinAmount: take(r, "listen.c2b_min_amount", candidate.amount), MaxAmount: take(r, "listen.c2b_max_amount", candidate.amount),
		},
		Retention: take(r, "listen.retention", candidate.duration),
	}
	if r.err != nil {
		return r.err
	}
	return c.checkTogether()
}

// checkTogether refuses settings that are good alone and wrong together.
func (c *Config) checkTogether() error {
	switch err := c.NotChosen(); {
	case c.DB != "":
	case err != nil:
		c.ledgerErr = err
	default:
		c.ledgerErr = payment.Usage("db: there is no home directory to keep the ledger in", "name a file with --db or PAYCTL_DB")
	}
	if c.Environment == payment.Production && c.Daraja.ShortCode == sandboxShortCode {
		return payment.Usage("daraja.shortcode "+sandboxShortCode+": is the sandbox's, and profile "+quote(c.Profile)+" is for production",
			"write your own paybill or store number")
	}
	rule := c.Listen.C2B
	if rule.MinAmount.HasValue() && rule.MaxAmount.HasValue() && rule.MinAmount.Minor() > rule.MaxAmount.Minor() {
		return payment.Usage("listen.c2b_min_amount: is more than listen.c2b_max_amount", "every payment would be rejected; exchange them")
	}
	return nil
}

func exists(path string) bool {
	if path == "" {
		return false
	}
	_, err := os.Stat(path)
	return err == nil
}
