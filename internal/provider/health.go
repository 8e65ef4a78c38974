package provider

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// Health is what of a provider's set-up can be looked at without asking for money.
type Health struct {
	ID payment.ProviderID
	// Needs are the keys that asking for money needs, in the order in which a person
	// is asked for them; More are those that other verbs need.
	Needs, More []string
	// Addresses are the base URLs that are spoken to.
	Addresses []string
	// LintCallback returns what the provider refuses in a callback URL and what it may
	// refuse; nil where it registers its URLs elsewhere.
	LintCallback func(url string) (errs, warnings []string)

	secrets []*config.SecretRef
	shapes  func(ctx context.Context, now time.Time) []Remark
}

// Remark is what is odd about a setting.
type Remark struct {
	Key, Problem, Fix string
	// Wrong reports whether it cannot work; else it may.
	Wrong bool
}

// HealthOf returns what can be looked at of every provider, in the table's order.
func HealthOf(c *config.Config) []Health {
	return []Health{
		{
			ID:    payment.Daraja,
			Needs: []string{"daraja.shortcode", "daraja.consumer_key", "daraja.consumer_secret", "daraja.passkey"},
			More:  []string{"daraja.till", "daraja.initiator", "daraja.initiator_password", "daraja.certificate"},

			Addresses:    []string{c.Daraja.BaseURL},
			LintCallback: func(url string) (errs, warnings []string) { return daraja.LintCallbackURL(url, c.Environment) },

			secrets: []*config.SecretRef{c.Daraja.ConsumerKey, c.Daraja.ConsumerSecret, c.Daraja.Passkey},
			shapes:  func(ctx context.Context, now time.Time) []Remark { return darajaShapes(ctx, c.Daraja, now) },
		},
		{
			ID:    payment.WasaaPay,
			Needs: []string{"wasaapay.api_key", "wasaapay.wallet", "wasaapay.webhook_secret"},

			Addresses: []string{c.WasaaPay.BaseURL, c.WasaaPay.SocketURL},
			secrets:   []*config.SecretRef{c.WasaaPay.APIKey, c.WasaaPay.WebhookSecret},
		},
		{
			ID: payment.Sevi, Needs: []string{"sevi.token"},
			secrets: []*config.SecretRef{c.Sevi.Token},
		},
	}
}

// Configured reports whether any credential of the provider is set.
func (h Health) Configured() bool {
	for _, ref := range h.secrets {
		if ref.IsSet() {
			return true
		}
	}
	return false
}

// Remarks fetches the credentials and says what is odd about their shape. Errors are
// those of SecretRef.Get.
func (h Health) Remarks(ctx context.Context, now time.Time) ([]Remark, error) {
	var out []Remark
	for _, ref := range h.secrets {
		if !ref.IsSet() {
			continue
		}
		value, err := ref.Get(ctx)
		if err != nil {
			return nil, err
		}
		if problem := oddText(value); problem != "" {
			out = append(out, Remark{Key: ref.Key(), Problem: problem, Fix: "write the bare value, as the provider's portal shows it", Wrong: true})
		}
	}
	if h.shapes != nil {
		out = append(out, h.shapes(ctx, now)...)
	}
	return out, nil
}

// oddText says what no credential has.
func oddText(value *secret.Secret) string {
	text := value.Reveal()
	switch {
	case strings.TrimSpace(text) != text:
		return "has blanks around it"
	case strings.ContainsAny(text, " \t"):
		return "has a blank in it"
	case strings.Trim(text, `"'`) != text:
		return "stands in quotes"
	}
	return ""
}

// passkeyLength is how many hexadecimal characters a passkey has (reference/daraja.md §3).
const passkeyLength = 64

func darajaShapes(ctx context.Context, d config.DarajaSettings, now time.Time) []Remark {
	var out []Remark
	if value, err := d.Passkey.Get(ctx); err == nil && value != nil {
		if _, bad := hex.DecodeString(value.Reveal()); bad != nil || len(value.Reveal()) != passkeyLength {
			out = append(out, Remark{
				Key: "daraja.passkey", Wrong: true, Problem: fmt.Sprintf("has %d characters and should be %d hexadecimal ones", len(value.Reveal()), passkeyLength),
				Fix: "copy it again from the portal, or from the go-live mail",
			})
		}
	}
	if d.Initiator == "" && !d.InitiatorPassword.IsSet() {
		return out
	}
	return append(out, initiatorShapes(ctx, d, now)...)
}

// initiatorShapes looks at what transaction status, balance and reversal need
// (reference/daraja.md §7).
func initiatorShapes(ctx context.Context, d config.DarajaSettings, now time.Time) []Remark {
	var out []Remark
	if value, err := d.InitiatorPassword.Get(ctx); err != nil {
		out = append(out, Remark{Key: "daraja.initiator_password", Wrong: true, Problem: err.Error(), Fix: "correct where it is kept"})
	} else if value != nil && strings.ContainsAny(value.Reveal(), "@.()") {
		out = append(out, Remark{
			Key: "daraja.initiator_password", Problem: "has one of @ . ( ), which the gateway has refused",
			Fix: "change it at the organisation portal; # & % $ are allowed",
		})
	}
	if d.Certificate == "" {
		return out
	}
	raw, err := readCertificate(d.Certificate)
	if err != nil {
		return append(out, Remark{Key: "daraja.certificate", Wrong: true, Problem: err.Error(), Fix: "check the path and its permissions"})
	}
	info, _, err := daraja.ParseCertificate(raw)
	if err != nil {
		return append(out, Remark{Key: "daraja.certificate", Wrong: true, Problem: err.Error(), Fix: "download it again from the portal"})
	}
	for _, note := range []string{info.ValidityNote(now), info.KeyWarning()} {
		if note != "" {
			out = append(out, Remark{Key: "daraja.certificate", Problem: note, Fix: "compare it with the portal's present one"})
		}
	}
	return out
}
