package cli

import (
	"context"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/webhook"
)

// offlineReceiver is a provider's receiver with the secrets given, or with the
// profile's; none are needed where deliveries prove nothing.
func (e *env) offlineReceiver(ctx context.Context, id payment.ProviderID, secrets []*secret.Secret) (payment.Receiver, []*secret.Secret, error) {
	row := e.providers.Row(id)
	if row.Proof != nil && len(secrets) == 0 {
		var err error
		if secrets, err = e.webhookSecrets(ctx, id); err != nil {
			return nil, nil, err
		}
	}
	receiver, err := row.Receiver(nil, secrets)
	return receiver, secrets, err
}

// webhookSecrets are the profile's; none at all is KindUnauthorized.
func (e *env) webhookSecrets(ctx context.Context, id payment.ProviderID) ([]*secret.Secret, error) {
	conf, err := e.config(ctx)
	if err != nil {
		return nil, err
	}
	proof := e.providers.Row(id).Proof
	if err := conf.Missing(proof.Setting); err != nil {
		return nil, err
	}
	return proof.Secrets(ctx, conf)
}

// webhookKeys sign samples; what is not set stays empty.
func (e *env) webhookKeys(ctx context.Context) (webhook.Keys, error) {
	conf, err := e.config(ctx)
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
func (e *env) otherSecrets(ctx context.Context) []webhook.Key {
	conf, err := e.config(ctx)
	if err != nil {
		return nil
	}
	var keys []webhook.Key
	for _, name := range conf.Profiles() {
		if name == conf.Profile {
			continue
		}
		other, err := config.Load(ctx, e.source(name))
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
