package cli

import (
	"context"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/webhook"
)

// webhookSecrets are the profile's; none at all is KindUnauthorized.
func (e *env) webhookSecrets(ctx context.Context, row provider.Row) ([]*secret.Secret, error) {
	conf, err := e.config(ctx)
	if err != nil {
		return nil, err
	}
	if err := conf.Missing(row.Proof.Setting); err != nil {
		return nil, err
	}
	return row.Proof.Secrets(ctx, conf)
}

// bench makes and signs payloads; a secret that is not set is asked for where it is needed.
func (e *env) bench(ctx context.Context) (webhook.Bench, error) {
	out := webhook.Bench{Providers: e.providers, Keys: map[payment.ProviderID][]*secret.Secret{}}
	conf, err := e.config(ctx)
	if err != nil {
		return out, err
	}
	for _, row := range e.providers {
		if row.Proof == nil {
			continue
		}
		if out.Keys[row.ID], err = row.Proof.Secrets(ctx, conf); err != nil {
			return out, err
		}
	}
	return out, nil
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
		secrets, err := e.providers.Signer().Proof.Secrets(ctx, other)
		if err != nil {
			continue
		}
		for _, one := range secrets {
			keys = append(keys, webhook.Key{Secret: one, Role: "the secret of profile " + name + " (" + string(other.Environment) + ")"})
		}
	}
	return keys
}
