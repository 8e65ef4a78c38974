package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/doctor"
	"github.com/payctl/payctl/internal/input"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/setup"
	"github.com/payctl/payctl/internal/view"
)

// configInit is "payctl config init".
type configInit struct {
	*session
	profile, environment, provider string
	shortcode, till, callbackURL   string
	secretsFrom, keep              string
	// asks reports whether a person is there to answer.
	asks bool
	// given are the values of --secrets-from, by the name of their variable.
	given map[string]string
}

func newConfigInit(s *session) *cobra.Command {
	v := &configInit{session: s}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a profile and try its credentials",
		Long: `Writes a profile into the user file (mode 0600), each line under what it means, and
tries the credentials with one harmless question. On a terminal it asks for what no
flag and no variable gives; elsewhere secrets come from the variables of "payctl help
environment" or from --secrets-from FILE with lines like them, never from flags.

Secrets are kept in the system's keyring, or where there is none in the user file
itself, which is said; --keep-secrets decides. What is there already is not changed.`,
		Example: `  payctl config init
  PAYCTL_DARAJA_CONSUMER_KEY=… payctl config init --profile-name shop --environment sandbox --shortcode 174379
  PAYCTL_WASAAPAY_WALLET=wallet_1 payctl config init --profile-name shop --provider wasaapay --secrets-from ./shop.env --keep-secrets file`,
		Args: noArgs,
		RunE: s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.profile, "profile-name", "", "`NAME` of the profile (default: the environment's)")
	f.StringVar(&v.environment, "environment", "", "`sandbox|production` (default sandbox)")
	f.StringVar(&v.provider, "provider", "", "`daraja|wasaapay|sevi` (default daraja)")
	f.StringVar(&v.shortcode, "shortcode", "", "paybill, or store `NUMBER` of a till")
	f.StringVar(&v.till, "till", "", "till `NUMBER`; makes pushes buy-goods")
	f.StringVar(&v.callbackURL, "callback-url", "", "public base `URL` of \"payctl listen\"")
	f.StringVar(&v.secretsFrom, "secrets-from", "", "`FILE` with lines like PAYCTL_DARAJA_PASSKEY=…")
	f.StringVar(&v.keep, "keep-secrets", setup.KeepAuto, "where: `auto|keyring|file|environment`")
	return cmd
}

// Run writes the profile and tries it.
func (v *configInit) Run(ctx context.Context) error {
	// Not anyProfile: its warnings are about commands that speak to a provider.
	conf, err := config.LoadUnchosen(ctx, v.source(""))
	if err != nil {
		return err
	}
	file := conf.Path().User.Path
	if file == "" {
		return usagef("set HOME or XDG_CONFIG_HOME, or name a file with --config", "config: there is no directory for the user file")
	}
	if err := v.prepare(ctx, file); err != nil {
		return err
	}
	health, err := v.healthOf(conf, v.provider)
	if err != nil {
		return err
	}
	p, kept, err := v.setup().Plan(ctx, conf, health)
	if err != nil {
		return err
	}
	made, err := config.AddProfile(file, p)
	if err != nil {
		return err
	}
	acted(ctx, v.session, unwarned(v.env), "profile "+p.Name+" in "+file)
	out := view.ProfileMade{
		File: file, Made: made, Profile: p.Name, Environment: string(p.Environment), Provider: v.provider,
		Next: "payctl doctor --profile " + p.Name,
	}
	for _, k := range kept {
		out.Secrets = append(out.Secrets, view.KeptSecret(k))
	}
	outcome := v.try(ctx, &out)
	return v.ended(v.out.One(out), outcome, "profile "+p.Name+" was written")
}

// prepare reads what stands outside and asks what the profile is for. What the user file
// would not take is refused before anybody types a secret.
func (v *configInit) prepare(ctx context.Context, file string) error {
	if !slices.Contains([]string{setup.KeepAuto, setup.KeepKeyring, setup.KeepFile, setup.KeepEnvironment}, v.keep) {
		return usagef("use auto, keyring, file or environment", "keep-secrets %q: is no place", v.keep)
	}
	in := isTerminal(v.in.Stdin)
	err := isTerminal(v.in.Stderr)
	v.asks = in && err
	if v.secretsFrom != "" {
		data, err := input.Trusted("secrets-from", v.secretsFrom, input.MaxSecret)
		if err != nil {
			return err
		}
		if v.given, err = setup.ParseEnv(v.secretsFrom, string(data)); err != nil {
			return err
		}
	}
	for _, q := range []question{
		{&v.provider, "provider", "Provider (daraja, wasaapay, sevi)", string(payment.Daraja), func(id string) error {
			_, err := v.providers.Parse(id)
			return err
		}},
		{&v.environment, "environment", "Environment (sandbox, production)", string(payment.Sandbox), func(env string) error {
			return config.NewProfile{Name: "new", Environment: payment.Environment(env)}.Check(file)
		}},
	} {
		if err := v.ask(ctx, q); err != nil {
			return err
		}
	}
	if _, err := v.providers.Parse(v.provider); err != nil {
		return err
	}
	named := func(name string) error {
		return config.NewProfile{Name: name, Environment: payment.Environment(v.environment)}.Check(file)
	}
	if err := v.ask(ctx, question{&v.profile, "profile-name", "Name of the profile", v.environment, named}); err != nil {
		return err
	}
	return named(v.profile)
}

// setup is the use case with this command's means.
func (v *configInit) setup() *setup.Setup {
	s := &setup.Setup{
		Profile: v.profile, Environment: payment.Environment(v.environment), Keep: v.keep, Note: v.out.Note, CallbackURL: v.callbackURL,
		Values: map[string]string{"daraja.shortcode": v.shortcode, "daraja.till": v.till}, Getenv: v.getenv, Given: v.given,
	}
	if v.asks {
		s.AskHidden = v.askHidden
		s.Ask = func(ctx context.Context, flag, words string) (answer string, err error) {
			err = v.ask(ctx, question{into: &answer, name: flag, words: words})
			return answer, err
		}
	}
	return s
}

func (v *configInit) healthOf(conf *config.Config, id string) (provider.Health, error) {
	row := v.providers.Row(payment.ProviderID(id))
	if row.Health == nil {
		return provider.Health{}, usagef("use one of: "+provider.Names(v.providers.IDs()), "provider %q: is not known", id)
	}
	return row.HealthOf(conf), nil
}

// try asks the provider one harmless question with the new profile.
func (v *configInit) try(ctx context.Context, out *view.ProfileMade) error {
	for _, s := range out.Secrets {
		if s.Kept == setup.Missing || strings.HasPrefix(s.Kept, setup.KeepEnvironment) {
			out.Tested, out.Detail = view.TestedSkipped, payment.OrNull(s.Key+" is not set yet")
		}
	}
	if out.Tested != "" {
		return nil
	}
	ctx, cancel := v.deadline.bound(ctx, tryTime)
	defer cancel()
	v.global.profile, v.conf, v.loaded = out.Profile, nil, nil
	conf, err := v.config(ctx)
	if err != nil {
		return err
	}
	health, err := v.healthOf(conf, out.Provider)
	if err != nil {
		return err
	}
	progress := v.out.Progress("trying the credentials")
	finding := doctor.Credentials(ctx, doctor.Input{
		Config: conf, Now: v.now, HTTP: v.client,
		Open: func(ctx context.Context, id payment.ProviderID) (provider.Provider, error) {
			return v.session.provider(ctx, id, nil)
		},
		Ledger: v.readLedger,
	}, health)
	progress.Stop()
	out.Detail = payment.OrNull(v.phoneText(finding.Detail))
	switch {
	case finding.Verdict == doctor.OK, finding.Verdict == doctor.Warn:
		out.Tested = view.TestedOK
	case finding.Verdict == doctor.Skipped:
		out.Tested = view.TestedSkipped
	case finding.Kind == payment.KindUnavailable:
		out.Tested = view.TestedUnavailable
	default:
		out.Tested = view.TestedRefused
		return &payment.Error{Kind: finding.Kind, Message: fmt.Sprintf("profile %s was written, but: %s", out.Profile, finding.Detail), Hint: finding.Fix}
	}
	return nil
}

// tryTime bounds the harmless question.
const tryTime = 40 * time.Second
