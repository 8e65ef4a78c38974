package provider

import (
	"context"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
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

// Health returns what can be looked at of every provider, in the table's order.
func (t Table) Health(c *config.Config) []Health {
	var out []Health
	for _, r := range t {
		if r.Health != nil {
			out = append(out, r.HealthOf(c))
		}
	}
	return out
}

// HealthOf returns what can be looked at of the provider.
func (r Row) HealthOf(c *config.Config) Health {
	h := r.Health(c)
	h.ID = r.ID
	return h
}

func darajaHealth(c *config.Config) Health {
	return Health{
		Needs: []string{"daraja.shortcode", "daraja.consumer_key", "daraja.consumer_secret", "daraja.passkey"},
		More:  []string{"daraja.till", "daraja.initiator", "daraja.initiator_password", "daraja.certificate"},

		Addresses:    []string{c.Daraja.BaseURL},
		LintCallback: func(url string) (errs, warnings []string) { return lintBase(url, c.Environment) },

		secrets: []*config.SecretRef{c.Daraja.ConsumerKey, c.Daraja.ConsumerSecret, c.Daraja.Passkey},
		shapes:  func(ctx context.Context, now time.Time) []Remark { return initiatorShapes(ctx, c.Daraja, now) },
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
		if _, err := ref.Get(ctx); err != nil {
			return nil, err
		}
	}
	if h.shapes != nil {
		out = append(out, h.shapes(ctx, now)...)
	}
	return out, nil
}

// initiatorShapes looks at what transaction status, balance and reversal need
// (reference/daraja.md §7).
func initiatorShapes(ctx context.Context, d config.DarajaSettings, now time.Time) []Remark {
	if d.Initiator == "" && !d.InitiatorPassword.IsSet() {
		return nil
	}
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
