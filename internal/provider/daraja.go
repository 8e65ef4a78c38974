package provider

import (
	"context"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/trustfile"
)

// darajaRow is Safaricom's M-Pesa gateway. It signs nothing and sends once
// (reference/daraja.md §4.3, §8).
func darajaRow() Row {
	return Row{
		ID: payment.Daraja, Title: "Daraja", Deposits: true, Explainer: daraja.Explainer{},
		Routes: []payment.Route{
			{Path: "/callbacks/daraja/stk", PerDeposit: true, SendsOnce: true},
			{Path: "/callbacks/daraja/result", PerDeposit: true, SendsOnce: true},
			{Path: "/callbacks/daraja/timeout", PerDeposit: true, SendsOnce: true},
			{Path: "/callbacks/daraja/c2b/validation", SendsOnce: true, Unproven: true},
			{Path: "/callbacks/daraja/c2b/confirmation", SendsOnce: true, Unproven: true},
		},
		Events:  daraja.Events(),
		Samples: daraja.SampleEvents(), Sample: daraja.Sample, Invent: daraja.Invent, Recognize: daraja.Recognize, Trials: darajaTrials(),
		Receiver: func(c *config.Config, _ []*secret.Secret) (payment.Receiver, error) {
			if c == nil {
				return daraja.Receiver{}, nil
			}
			return daraja.Receiver{Rule: c2bRule(c.Listen.C2B)}, nil
		},
		ShortCode: func(c *config.Config) string { return c.Daraja.ShortCode },
		Pages: map[string]string{
			"2": daraja.Page(daraja.APIOAuth), "3": daraja.Page(daraja.APISTK), "4": daraja.Page(daraja.APISTK),
			"5": daraja.Page(daraja.APIQuery), "6": daraja.Page(daraja.APITransaction), "10": daraja.Page(daraja.APIC2B),
		},
		Sender: darajaSender,
		Health: darajaHealth,
		Open:   openDaraja,
	}
}

// darajaSender holds a callback's sender against the published list (reference/daraja.md §8).
func darajaSender(c *config.Config, addr netip.Addr) (note string, enforce bool) {
	enforce = c.Listen.IPCheck == config.IPEnforce
	switch {
	case c.Listen.IPCheck == config.IPOff, within(c.Listen.DarajaAddresses, addr):
		return "", false
	case !addr.IsValid(): // of a Unix socket, say
		if enforce {
			note = "the sender's address is not known"
		}
		return note, enforce
	}
	if _, listed := daraja.CheckAddress(addr); !listed {
		return "the sender's address is not on Safaricom's published list", enforce
	}
	return "", false
}

func within(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
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
		ShortCode: c.Daraja.ShortCode, Schedule: daraja.Schedule(c.Environment),
		Check: func(dep *payment.Deposit) ([]string, error) { return checkDaraja(c, dep) },
		CallbackURL: func(token string) string {
			return c.CallbackURL + "/callbacks/daraja/stk/" + token
		},
	}
	key, err := c.Daraja.ConsumerKey.Get(ctx)
	if err != nil {
		return Provider{}, err
	}
	p.Budget = perApp(d.Budget, c.Daraja.BaseURL, key)
	p.Schedule.PerSlot = 0 // no limit
	if n := c.Daraja.QueriesPerMinute; n > 0 {
		p.Schedule.PerSlot = time.Minute / time.Duration(n)
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
		HTTP: d.HTTP, Log: d.Log, Now: d.Now, Budget: perApp(d.Budget, c.Daraja.BaseURL, revealed[0]),
	}
	if n := c.Daraja.QueriesPerMinute; n > 0 {
		conf.PerQuery = time.Minute / time.Duration(n)
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

// maxCertificate bounds the certificate's file, in bytes.
const maxCertificate = 1 << 20

// readCertificate reads the key that the initiator's password is sealed to: whoever
// can change it reads the password.
func readCertificate(path string) ([]byte, error) {
	certificate, err := trustfile.ReadFile("daraja.certificate", path, maxCertificate)
	switch {
	case payment.KindOf(err) == payment.KindUsage:
		return nil, err
	case err != nil:
		return nil, payment.Usage("daraja.certificate: the file cannot be read", "check the path and its permissions: "+path)
	}
	return certificate, nil
}

// lintBase checks the public base URL, which the listener's routes are put behind.
func lintBase(base string, env payment.Environment) (errs, warnings []string) {
	errs, warnings = daraja.LintCallbackURL(base, env)
	if strings.Contains(strings.TrimRight(base, "/")+"/", "/callbacks/") {
		errs = append(errs, "is the base URL alone: the routes, /callbacks/daraja/stk and others, are put behind it")
	}
	return errs, warnings
}

func checkDaraja(c *config.Config, d *payment.Deposit) ([]string, error) {
	warnings, err := daraja.CheckDeposit(*d)
	if err != nil {
		return warnings, err
	}
	if c.CallbackURL == "" {
		return warnings, c.NoCallback()
	}
	if doubt := c.CallbackDoubt(); doubt != "" {
		warnings = append(warnings, "callback_url: "+doubt)
	}
	problems, more := lintBase(c.CallbackURL, c.Environment)
	if len(problems) > 0 {
		return warnings, payment.Usage("callback_url: "+strings.Join(problems, "; "), "set callback_url to the public https base URL of \"payctl listen\"")
	}
	return append(warnings, more...), nil
}

// c2bRule turns the settings' rule into the adapter's. A reply other than
// accept rejects whatever the other rules let pass, so it is the code for every
// account: a pattern that matches no text at all.
func c2bRule(r config.C2BRule) daraja.ValidationRule {
	rule := daraja.ValidationRule{Min: r.MinAmount, Max: r.MaxAmount, Reference: r.Account}
	if r.Reply != "" && r.Reply != "accept" {
		rule.Reference, rule.ReferenceReject = regexp.MustCompile(`[^\x{0}-\x{10FFFF}]`), r.Reply
	}
	return rule
}
