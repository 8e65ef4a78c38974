package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// TestMisplacedValueIsNotRepeated: where a slip of the pen turns a value into an
// alias or a part of a key, the complaint shows none of it.
func TestMisplacedValueIsNotRepeated(t *testing.T) {
	t.Parallel()
	const sandbox = "profiles:\n  sandbox:\n"
	long := strings.Repeat("k", 300)
	for name, tt := range map[string]struct{ user, want string }{
		"alias":           {sandbox + "    daraja:\n      consumer_secret: *LEAK\n", `CONF/config.yaml: not valid YAML: unknown anchor '…' referenced`},
		"alias in a list": {sandbox + "    sevi: {token_command: [*LEAK-0_1, x]}\n", `CONF/config.yaml: not valid YAML: unknown anchor '…' referenced`},
		"anchor in itself": {
			sandbox + "    daraja: &LEAK\n      consumer_secret: *LEAK\n",
			`CONF/config.yaml:3: anchors and aliases are not supported; write the value out`,
		},
		"no space":         {sandbox + "    daraja: {consumer_key:LEAK, shortcode: 600111}\n", `CONF/config.yaml:3: unknown key "profiles.sandbox.daraja.consumer_key:…"; write a space after the colon`},
		"no space, quoted": {sandbox + "    daraja: {\"consumer_key:LEAK\": 1}\n", `CONF/config.yaml:3: unknown key "profiles.sandbox.daraja.consumer_key:…"; write a space after the colon`},
		"equals sign":      {sandbox + "    daraja: {consumer_key=LEAK}\n", `CONF/config.yaml:3: unknown key "profiles.sandbox.daraja.consumer_key…"; write it as "consumer_key: value"`},
		"blank":            {sandbox + "    daraja: {consumer_key LEAK}\n", `CONF/config.yaml:3: unknown key "profiles.sandbox.daraja.consumer_key…"; write it as "consumer_key: value"`},
		"after a comma":    {sandbox + "    daraja: {consumer_secret: ab,LEAK, shortcode: 600111}\n", `CONF/config.yaml:3: unknown key "profiles.sandbox.daraja.…", which has no value; a value with a comma in it must stand in quotes`},
		"slip, no value":   {sandbox + "    daraja: {shortcod: }\n", `CONF/config.yaml:3: unknown key "profiles.sandbox.daraja.shortcod"; did you mean "daraja.shortcode"?`},
		"at the top":       {"callback_url:LEAK: 1\n", `CONF/config.yaml:1: unknown key "callback_url:…"; write a space after the colon`},
		"profile's name":   {"profiles: {sandbox:LEAK}\n", `CONF/config.yaml:1: profile "sandbox:…": not a name; use up to 32 of a-z, 0-9, - and _, beginning with a letter or digit`},
		"long":             {long + ": 1\n", `CONF/config.yaml:1: unknown key "` + long[:40] + `…"`},
		"nothing to show":  {"'%%': 1\n", `CONF/config.yaml:1: unknown key "…"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.user(tt.user)
			_, err := Load(t.Context(), w.source())
			var e *payment.Error
			if !errors.As(err, &e) || e.Kind != payment.KindUsage {
				t.Fatalf("got %v, want a usage error", err)
			}
			if diff := cmp.Diff(tt.want, w.short(e.Message)); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(e.Message+e.Hint, "LEAK") {
				t.Errorf("message %q, hint %q", e.Message, e.Hint)
			}
		})
	}
}

// TestLibraryTextsHoldNoValues: what a library quotes is hidden, unless it is a
// piece of the grammar.
func TestLibraryTextsHoldNoValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"unknown anchor 'LEAK' referenced":            "unknown anchor '…' referenced",
		"anchor 'LE'AK' value contains itself":        "anchor '…' value contains itself",
		"did not find expected ',' or ']'":            "did not find expected ',' or ']'",
		"could not find expected ':'":                 "could not find expected ':'",
		"cannot decode !!str `LEAK` as a !!int":       "cannot decode !!str '…' as a !!int",
		`mapping key "LEAK" already defined`:          "mapping key '…' already defined",
		"did not find expected '<document start>'":    "did not find expected '<document start>'",
		"an open ' LEAK":                              "an open '…",
		"mapping values are not allowed in this text": "mapping values are not allowed in this text",
	} {
		if got := withoutValues(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
