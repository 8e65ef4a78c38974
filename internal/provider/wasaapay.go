package provider

import (
	"context"
	"net/http"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/wasaapay"
)

// wasaapayRow is WasaaPay, which signs each payload (reference/wasaapay.md §10) and
// states when it tries again (§11.1).
func wasaapayRow() Row {
	return Row{
		ID: payment.WasaaPay, Title: "WasaaPay", Deposits: true, Streams: true, Wallets: true, Fields: true, Explainer: wasaapay.Explainer{},
		Routes: []payment.Route{{Path: "/callbacks/wasaapay"}},
		Pages: map[string]string{
			"2": "authentication", "3": "authentication", "4": "authentication", "7": "deposits", "9": "transfers", "11": "webhooks",
			"12": "payment-status", "13": "payment-status",
		},
		Events:  wasaapay.Events(),
		Samples: wasaapay.Events(), Sample: wasaapay.FilledSample, Invent: wasaapay.Invent, Recognize: wasaapay.Recognize, Trials: wasaapayTrials(),
		Retries: []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 12 * time.Hour},
		Proof: &Proof{
			Setting: "wasaapay.webhook_secret", Variable: "PAYCTL_WASAAPAY_WEBHOOK_SECRET",
			Secrets: func(ctx context.Context, c *config.Config) ([]*secret.Secret, error) {
				return c.WasaaPay.WebhookSecrets(ctx)
			},
			Sign: func(body []byte, _ http.Header, key *secret.Secret) ([]byte, error) { return wasaapay.Sign(body, key) },
			Signs: func(body []byte, _ http.Header) bool {
				_, found := wasaapay.SignatureOf(body)
				return found
			},
			InBody: true,
		},
		Receiver: func(c *config.Config, secrets []*secret.Secret) (payment.Receiver, error) {
			if c == nil {
				return wasaapay.NewReceiver("", secrets), nil
			}
			return wasaapay.NewReceiver(c.Environment, secrets).TakeAbsent(c.WasaaPay.TakeAbsent), nil
		},
		Health: func(c *config.Config) Health {
			return Health{
				Needs:     []string{"wasaapay.api_key", "wasaapay.wallet", "wasaapay.webhook_secret"},
				Addresses: []string{c.WasaaPay.BaseURL, c.WasaaPay.SocketURL},
				secrets:   []*config.SecretRef{c.WasaaPay.APIKey, c.WasaaPay.WebhookSecret},
			}
		},
		Open: openWasaaPay,
	}
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
	app := perApp(d.Budget, c.WasaaPay.BaseURL, revealed[0])
	client, err := wasaapay.New(wasaapay.Config{
		Environment: c.Environment, BaseURL: c.WasaaPay.BaseURL, SocketURL: c.WasaaPay.SocketURL,
		APIKey: revealed[0], WebhookSecrets: secrets, Wallet: c.WasaaPay.Wallet,
		PhoneForm: c.WasaaPay.PhoneFormat, AmountForm: c.WasaaPay.AmountFormat, Transports: d.Transports, SocketHeader: c.WasaaPay.SocketHeader, Packets: d.Packets,
		HTTP: d.HTTP, Log: d.Log, Now: d.Now, Budget: app,
	})
	if err != nil {
		return Provider{}, err
	}
	return Provider{
		ID: payment.WasaaPay, Depositor: client, Streamer: client, Receiver: client.TakeAbsent(c.WasaaPay.TakeAbsent),
		Schedule: wasaapay.Schedule(c.Environment), Budget: app, Wallet: c.WasaaPay.Wallet, Check: client.Check, CheckFields: wasaapay.CheckFields, Idempotent: true,
		CallbackURL: func(string) string { return "" },
	}, nil
}
