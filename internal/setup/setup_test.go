package setup

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
)

// TestPlan: what is given is taken in the order flag, variable, file, person; a secret
// that nobody gives is named, and no other setting may be missing.
func TestPlan(t *testing.T) {
	t.Parallel()
	conf, err := config.LoadUnchosen(t.Context(), config.NewSource(t.TempDir(), func(string) string { return "" }, nil))
	if err != nil {
		t.Fatal(err)
	}
	health := provider.Health{
		Needs: []string{"daraja.shortcode", "daraja.consumer_key", "daraja.passkey"}, More: []string{"daraja.till"},
		LintCallback: func(string) (errs, warnings []string) { return nil, nil },
	}
	variables := map[string]string{"PAYCTL_DARAJA_SHORTCODE": "600000", "PAYCTL_DARAJA_CONSUMER_KEY": "key"}
	s := &Setup{
		Profile: "shop", Environment: payment.Sandbox, Keep: KeepFile, Getenv: func(name string) string { return variables[name] },
		Values: map[string]string{"daraja.shortcode": "174379"}, Given: map[string]string{"PAYCTL_DARAJA_CONSUMER_KEY": "another"},
	}
	p, kept, err := s.Plan(t.Context(), conf, health)
	if err != nil {
		t.Fatal(err)
	}
	want := config.NewProfile{Name: "shop", Environment: payment.Sandbox, Values: []config.NewValue{
		{Key: "daraja.shortcode", Value: "174379"}, {Key: "daraja.consumer_key", Value: "key"}, {Key: "daraja.passkey", Missing: true}, {Key: "callback_url", Missing: true},
	}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("profile (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Kept{{"daraja.consumer_key", "user file"}, {"daraja.passkey", Missing}}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	variables, s.Values = nil, nil
	if _, _, err := s.Plan(t.Context(), conf, health); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("without a shortcode: %v", err)
	}
	var asked []string
	s.Ask = func(_ context.Context, flag, _ string) (string, error) {
		asked = append(asked, flag)
		return "", nil
	}
	s.AskHidden = func(_ context.Context, words string) (string, error) { return words, nil }
	if _, _, err := s.Plan(t.Context(), conf, health); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("without an answer: %v", err)
	}
	if diff := cmp.Diff([]string{"daraja.shortcode", "daraja.till"}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestParseEnv(t *testing.T) {
	t.Parallel()
	got, err := ParseEnv("f", "\ufeff# note\nexport A=\"b c\"\r\nD='e'\n\nF=g=h\n")
	if diff := cmp.Diff(map[string]string{"A": "b c", "D": "e", "F": "g=h"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := ParseEnv("f", "A=1\nhush hush\n"); err == nil || err.Error() != "secrets-from f:2: is no NAME=value" {
		t.Errorf("%v", err)
	}
}
