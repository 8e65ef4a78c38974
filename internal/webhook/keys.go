package webhook

import (
	"context"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
)

// Keys finds the secrets that prove and sign payloads in the settings.
type Keys struct {
	Providers provider.Table
	// Config loads the chosen profile's settings, Load those of any other.
	Config func(context.Context) (*config.Config, error)
	Load   func(ctx context.Context, profile string) (*config.Config, error)
}

// Secrets are the profile's; none at all is KindUnauthorized.
func (k Keys) Secrets(ctx context.Context, row provider.Row) ([]*secret.Secret, error) {
	conf, err := k.Config(ctx)
	if err != nil {
		return nil, err
	}
	if err := conf.Missing(row.Proof.Setting); err != nil {
		return nil, err
	}
	return row.Proof.Secrets(ctx, conf)
}

// Bench makes and signs payloads; a secret that is not set is asked for where it is needed.
func (k Keys) Bench(ctx context.Context) (Bench, error) {
	out := Bench{Providers: k.Providers, Keys: map[payment.ProviderID][]*secret.Secret{}}
	conf, err := k.Config(ctx)
	if err != nil {
		return out, err
	}
	for _, row := range k.Providers {
		if row.Proof == nil {
			continue
		}
		if out.Keys[row.ID], err = row.Proof.Secrets(ctx, conf); err != nil {
			return out, err
		}
	}
	return out, nil
}

// Others are the webhook secrets of the other profiles: signing with the
// other environment's secret is a usual mistake. What cannot be read is left out.
func (k Keys) Others(ctx context.Context) []Key {
	conf, err := k.Config(ctx)
	if err != nil {
		return nil
	}
	var keys []Key
	for _, name := range conf.Profiles() {
		if name == conf.Profile {
			continue
		}
		other, err := k.Load(ctx, name)
		if err != nil {
			continue
		}
		secrets, err := k.Providers.Signer().Proof.Secrets(ctx, other)
		if err != nil {
			continue
		}
		for _, one := range secrets {
			keys = append(keys, Key{Secret: one, Role: "the secret of profile " + name + " (" + string(other.Environment) + ")"})
		}
	}
	return keys
}
