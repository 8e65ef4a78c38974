// Package setup turns what is known of a new profile, and what a person answers, into
// settings, and puts secrets where they are to be kept. Writing the file is config's.
package setup

import (
	"context"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
)

// The places where a secret may be kept; KeepAuto is the keyring, or the file where there
// is none.
const (
	KeepAuto        = "auto"
	KeepKeyring     = "keyring"
	KeepFile        = "file"
	KeepEnvironment = "environment"
)

// Missing is the place of a secret that nobody gave.
const Missing = "missing"

// Kept says where a secret is kept.
type Kept struct{ Key, Kept string }

// Setup is a profile that is to be made.
type Setup struct {
	Profile     string
	Environment payment.Environment
	// Keep is one of the places; Note tells of another one that was taken.
	Keep string
	Note func(format string, args ...any)
	// Values are settings that were given by key, CallbackURL the listener's public base.
	Values      map[string]string
	CallbackURL string
	// Getenv reads a variable, Given holds those of a file of secrets.
	Getenv func(string) string
	Given  map[string]string
	// Ask asks a person for the setting that a flag would give, AskHidden for a secret;
	// both are nil where nobody is there.
	Ask       func(ctx context.Context, flag, words string) (string, error)
	AskHidden func(ctx context.Context, words string) (string, error)
}

// Plan makes the profile of what a provider needs and may have. What is missing is
// KindUsage; a missing secret is not: it may be set later.
func (s *Setup) Plan(ctx context.Context, conf *config.Config, health provider.Health) (config.NewProfile, []Kept, error) {
	p := config.NewProfile{Name: s.Profile, Environment: s.Environment}
	var kept []Kept
	var missing []string
	for i, key := range append(slices.Clone(health.Needs), health.More...) {
		needed := i < len(health.Needs)
		setting, err := conf.Explain(key)
		if err != nil {
			return p, nil, err
		}
		value, err := s.value(ctx, setting, needed)
		switch {
		case err != nil:
			return p, nil, err
		case setting.Secret:
			one, where, err := s.keep(ctx, key, value, needed)
			if err != nil {
				return p, nil, err
			}
			p.Values, kept = append(p.Values, one...), append(kept, where...)
		case value == "" && needed:
			missing = append(missing, key)
		case value != "":
			p.Values = append(p.Values, config.NewValue{Key: key, Value: value})
		}
	}
	if len(missing) > 0 {
		return p, nil, payment.Usage("missing: "+strings.Join(missing, ", "), "give them by flag (--shortcode, --till) or variable, or run it on a terminal")
	}
	return p, kept, s.callback(ctx, &p, health)
}

// callback takes the callback URL, which may be set later: a tunnel gives one.
func (s *Setup) callback(ctx context.Context, p *config.NewProfile, h provider.Health) error {
	url := s.CallbackURL
	if h.LintCallback == nil && url == "" {
		return nil
	}
	if url == "" {
		url = s.outside("PAYCTL_CALLBACK_URL")
	}
	if s.Ask != nil && url == "" {
		var err error
		if url, err = s.Ask(ctx, "callback-url", "Public base URL of payctl listen (empty: later)"); err != nil {
			return err
		}
	}
	p.Values = append(p.Values, config.NewValue{Key: "callback_url", Value: url, Missing: url == ""})
	return nil
}

// outside is a variable's value from the environment or from the file of secrets.
func (s *Setup) outside(variable string) string {
	if value := s.Getenv(variable); value != "" {
		return value
	}
	return s.Given[variable]
}

// value is a setting's value: the flag's, the variable's, the file's or a person's.
func (s *Setup) value(ctx context.Context, e config.Explained, needed bool) (string, error) {
	if value := s.Values[e.Key]; value != "" {
		return value, nil
	}
	if value := s.outside(e.Variable); value != "" {
		return value, nil
	}
	if value := s.Given[e.Key]; value != "" || s.Ask == nil {
		return value, nil
	}
	words := e.Key + " (" + e.Meaning + ")"
	switch {
	case e.Secret && (s.Keep == KeepEnvironment || !needed):
		return "", nil
	case e.Secret:
		return s.AskHidden(ctx, words)
	case !needed:
		words += ", empty for none"
	}
	return s.Ask(ctx, e.Key, words)
}

// keep puts a secret where it is to be kept and returns what the profile says of it.
func (s *Setup) keep(ctx context.Context, key, value string, needed bool) ([]config.NewValue, []Kept, error) {
	if s.Keep == KeepEnvironment {
		variable := "PAYCTL_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		return []config.NewValue{{Key: key, Missing: true}}, []Kept{{key, KeepEnvironment + ": " + variable}}, nil
	}
	if value == "" {
		if !needed {
			return nil, nil, nil
		}
		return []config.NewValue{{Key: key, Missing: true}}, []Kept{{key, Missing}}, nil
	}
	if s.Keep != KeepFile {
		entry := "payctl/" + s.Profile + "." + key
		err := config.KeepInKeyring(ctx, entry, value)
		if err == nil {
			return []config.NewValue{{Key: key + "_keyring", Value: entry}}, []Kept{{key, "keyring entry " + entry}}, nil
		}
		if s.Keep == KeepKeyring {
			return nil, nil, err
		}
		s.Note("there is no keyring here, so secrets go into the user file, which only you can read (mode 0600); --keep-secrets environment keeps none")
		s.Keep = KeepFile
	}
	return []config.NewValue{{Key: key, Value: value}}, []Kept{{key, "user file"}}, nil
}

// ParseEnv reads lines like NAME=value, with or without "export" and quotes.
// Errors are KindUsage and repeat no value.
func ParseEnv(name, text string) (map[string]string, error) {
	out := map[string]string{}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, found := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "export ")), "=")
		if !found || strings.ContainsAny(key, " \t'\"") {
			return nil, payment.Usagef("write NAME=value, one a line", "secrets-from %s:%d: is no NAME=value", name, number)
		}
		for _, quote := range []string{`"`, "'"} {
			if len(value) > 1 && strings.HasPrefix(value, quote) && strings.HasSuffix(value, quote) {
				value = value[1 : len(value)-1]
				break
			}
		}
		out[key] = value
	}
	return out, nil
}
