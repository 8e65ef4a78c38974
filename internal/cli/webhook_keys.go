package cli

import (
	"context"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/sevi"
	"github.com/payctl/payctl/internal/wasaapay"
	"github.com/payctl/payctl/internal/webhook"
)

// offlineReceiver is a provider's receiver with the secrets given, or with the
// profile's. Daraja needs none.
func (s *session) offlineReceiver(ctx context.Context, id payment.ProviderID, secrets []*secret.Secret) (payment.Receiver, []*secret.Secret, error) {
	if id == payment.Daraja {
		return daraja.Receiver{}, nil, nil
	}
	if len(secrets) == 0 {
		var err error
		if secrets, err = s.webhookSecrets(ctx, id); err != nil {
			return nil, nil, err
		}
	}
	if id == payment.Sevi {
		receiver, err := sevi.New(sevi.Config{Tokens: secrets})
		return receiver, secrets, err
	}
	return wasaapay.NewReceiver("", secrets), secrets, nil
}

// webhookSecrets are the profile's; none at all is KindUnauthorized.
func (s *session) webhookSecrets(ctx context.Context, id payment.ProviderID) ([]*secret.Secret, error) {
	conf, err := s.config(ctx)
	if err != nil {
		return nil, err
	}
	if id == payment.Sevi {
		if err := conf.Missing("sevi.token"); err != nil {
			return nil, err
		}
		return conf.Sevi.Tokens(ctx)
	}
	if err := conf.Missing("wasaapay.webhook_secret"); err != nil {
		return nil, err
	}
	return conf.WasaaPay.WebhookSecrets(ctx)
}

// webhookKeys sign samples; what is not set stays empty.
func (s *session) webhookKeys(ctx context.Context) (webhook.Keys, error) {
	conf, err := s.config(ctx)
	if err != nil {
		return webhook.Keys{}, err
	}
	signing, err := conf.WasaaPay.WebhookSecret.Get(ctx)
	if err != nil {
		return webhook.Keys{}, err
	}
	token, err := conf.Sevi.Token.Get(ctx)
	return webhook.Keys{WebhookSecret: signing, SeviToken: token}, err
}

// otherSecrets are the webhook secrets of the other profiles: signing with the
// other environment's secret is a usual mistake. What cannot be read is left out.
func (s *session) otherSecrets(ctx context.Context) []webhook.Key {
	conf, err := s.config(ctx)
	if err != nil {
		return nil
	}
	var keys []webhook.Key
	for _, name := range conf.Profiles() {
		if name == conf.Profile {
			continue
		}
		other, err := config.Load(ctx, s.source(name))
		if err != nil {
			continue
		}
		secrets, err := other.WasaaPay.WebhookSecrets(ctx)
		if err != nil {
			continue
		}
		for _, one := range secrets {
			keys = append(keys, webhook.Key{Secret: one, Role: "the secret of profile " + name + " (" + string(other.Environment) + ")"})
		}
	}
	return keys
}
