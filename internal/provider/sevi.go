package provider

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/sevi"
)

// seviRow is the wallet webhook of Sevi, which only sends: "up to 3 attempts" with
// exponential backoff and no times (reference/sevi.md §3); the two waits are
// payctl's choice.
func seviRow() Row {
	return Row{
		ID: payment.Sevi, Title: "Sevi",
		Routes:  []payment.Route{{Path: "/callbacks/sevi"}},
		Events:  sevi.Events(),
		Samples: sevi.SampleNames(), Sample: sevi.FilledSample, Recognize: sevi.Recognize,
		Retries: []time.Duration{30 * time.Second, time.Minute},
		Proof: &Proof{
			Setting: "sevi.token", Variable: "PAYCTL_SEVI_TOKEN",
			Secrets: func(ctx context.Context, c *config.Config) ([]*secret.Secret, error) { return c.Sevi.Tokens(ctx) },
			Sign: func(body []byte, header http.Header, key *secret.Secret) ([]byte, error) {
				header.Set("Authorization", key.Reveal())
				return body, nil
			},
			Signs: func(_ []byte, header http.Header) bool { return header.Get("Authorization") != "" },
		},
		Receiver: func(_ *config.Config, secrets []*secret.Secret) (payment.Receiver, error) {
			return sevi.New(sevi.Config{Tokens: secrets})
		},
		Sender: func(c *config.Config, addr netip.Addr) (string, bool) {
			if len(c.Sevi.Addresses) == 0 || within(c.Sevi.Addresses, addr) {
				return "", false
			}
			return "the sender's address is not one of sevi.addresses", true
		},
		Health: func(c *config.Config) Health {
			return Health{Needs: []string{"sevi.token"}, secrets: []*config.SecretRef{c.Sevi.Token}}
		},
		Movement: sevi.Movement,
		Open:     openSevi,
	}
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
