package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
)

func newDaraja(s *session) *cobra.Command {
	return group(s, "daraja", "Use the rest of Daraja that an operator needs",
		`Account balance, reversal, C2B registration and simulation, the pull API for missed
payments, QR codes, the addresses that callbacks come from, and the credential that
most of these want. Sending money out is left out on purpose.`,
		command{"balance", newDarajaBalance}, command{"reversal", newDarajaReversal}, command{"c2b", newDarajaC2B}, command{"pull", newDarajaPull}, command{"qr", newDarajaQR}, command{"ips", newDarajaIPs}, command{"credential", newDarajaCredential})
}

// merchantKeys are the settings of calls for a shortcode, appKeys of those for
// the app alone.
func merchantKeys() []string { return append(appKeys(), "daraja.shortcode") }

func appKeys() []string { return []string{"daraja.consumer_key", "daraja.consumer_secret"} }

// openDaraja opens the adapter for verbs that need other settings than a
// push does. What is missing is one error that names all of it.
func openDaraja(ctx context.Context, s *session, keys []string) (*daraja.Client, *config.Config, error) {
	ctx, cancel := s.deadline.preparing(ctx)
	defer cancel()
	conf, err := s.config(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := conf.Missing(keys...); err != nil {
		return nil, nil, err
	}
	deps := s.deps(nil)
	if deps.Certificate, err = localCertificate(conf); err != nil {
		return nil, nil, err
	}
	client, err := provider.Daraja(ctx, conf, deps)
	return client, conf, err
}

// initiatorClient is openDaraja for the APIs that want an initiator and a
// SecurityCredential (reference/daraja.md §6, §7).
func (v *asking) initiatorClient(ctx context.Context) (*daraja.Client, *config.Config, error) {
	conf, err := v.config(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys := append(merchantKeys(), "daraja.initiator", "daraja.initiator_password")
	if conf.Environment != payment.Local {
		keys = append(keys, "daraja.certificate")
	}
	return openDaraja(ctx, v.session, keys)
}

// localCertificate is the emulator's certificate where the profile speaks to it
// and names no other; it is the same for every emulator.
func localCertificate(conf *config.Config) ([]byte, error) {
	if conf.Environment != payment.Local || conf.Daraja.Certificate != "" {
		return nil, nil
	}
	pem, err := emulator.CertificatePEM()
	return []byte(pem), err
}

// checkCallbackURL finds what is wrong with the callback URL before anything is sent.
func checkCallbackURL(s *session, conf *config.Config) error {
	warnings, err := inquiry.Account{Environment: conf.Environment, CallbackURL: conf.CallbackURL}.CheckCallbackURL()
	for _, w := range warnings {
		s.out.Note("warning: callback_url %s", w)
	}
	return err
}
