package provider

import (
	"context"
	"regexp"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/sevi"
	"github.com/payctl/payctl/internal/wasaapay"
)

// Receivers makes what the listener needs: Daraja always, since it signs
// nothing; the others when their secrets are set. skipped says which are not
// there, and the setting that brings them.
func Receivers(ctx context.Context, c *config.Config) (receivers map[payment.ProviderID]payment.Receiver, skipped []string, err error) {
	receivers = map[payment.ProviderID]payment.Receiver{
		payment.Daraja: daraja.Receiver{Rule: c2bRule(c.Listen.C2B)},
	}
	secrets, err := c.WasaaPay.WebhookSecrets(ctx)
	if err != nil {
		return nil, nil, err
	}
	if len(secrets) > 0 {
		receivers[payment.WasaaPay] = wasaapay.NewReceiver(c.Environment, secrets)
	} else {
		skipped = append(skipped, "wasaapay: set wasaapay.webhook_secret (PAYCTL_WASAAPAY_WEBHOOK_SECRET)")
	}
	tokens, err := c.Sevi.Tokens(ctx)
	if err != nil {
		return nil, nil, err
	}
	if len(tokens) > 0 {
		receiver, err := sevi.New(sevi.Config{Tokens: tokens})
		if err != nil {
			return nil, nil, err
		}
		receivers[payment.Sevi] = receiver
	} else {
		skipped = append(skipped, "sevi: set sevi.token (PAYCTL_SEVI_TOKEN)")
	}
	return receivers, skipped, nil
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
