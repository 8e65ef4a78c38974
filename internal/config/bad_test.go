package config

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// TestBadInput holds the whole message of each refusal. Secret values are
// spelled LEAK: they must not come back.
func TestBadInput(t *testing.T) {
	t.Parallel()
	const sandbox = "profile: p\nprofiles:\n  p:\n    environment: sandbox\n"
	for name, tt := range map[string]struct {
		user, project string
		env, flags    map[string]string
		want          string
	}{
		"unknown key":         {user: sandbox + "    daraja:\n      consumer_kye: LEAK\n", want: `CONF/config.yaml:6: unknown key "profiles.p.daraja.consumer_kye"; did you mean "daraja.consumer_key"?`},
		"unknown top key":     {user: "proflie: x\n", want: `CONF/config.yaml:1: unknown key "proflie"; did you mean "profile"?`},
		"unknown section":     {user: "profiles: {p: {darja: {till: 1}}}\n", want: `CONF/config.yaml:1: unknown key "profiles.p.darja"; did you mean "daraja"?`},
		"far from all keys":   {user: "zzzzzzzz: 1\n", want: `CONF/config.yaml:1: unknown key "zzzzzzzz"`},
		"bad yaml":            {user: "profile: [\n", want: `CONF/config.yaml:1: not valid YAML: did not find expected node content`},
		"tab":                 {user: "profiles:\n\tx: LEAK\n", want: `CONF/config.yaml:2: not valid YAML: found character that cannot start any token`},
		"list at the top":     {user: "- a\n", want: `CONF/config.yaml:1: expected settings as "key: value"`},
		"two documents":       {user: "profile: local\n---\nprofile: local\n", want: `CONF/config.yaml: more than one YAML document`},
		"key twice":           {user: "profile: local\nprofile: local\n", want: `CONF/config.yaml:2: the key "profile" stands here a second time`},
		"anchor":              {user: "profiles: &a {}\n", want: `CONF/config.yaml:1: anchors and aliases are not supported; write the value out`},
		"list for a value":    {user: sandbox + "    db: [a]\n", want: `CONF/config.yaml:5: "profiles.p.db" takes a single value`},
		"yaml tag":            {user: sandbox + "    db: !secret x\n", want: `CONF/config.yaml:5: "profiles.p.db" has a YAML tag, which is not supported`},
		"bound at the top":    {user: "daraja: {shortcode: 600111}\n", want: `CONF/config.yaml:1: "daraja.shortcode" belongs to one environment; move it under profiles.NAME`},
		"profile name":        {user: "profiles: {Shop: {}}\n", want: `CONF/config.yaml:1: profile "Shop": not a name; use up to 32 of a-z, 0-9, - and _, beginning with a letter or digit`},
		"unknown profile":     {user: sandbox, flags: map[string]string{"profile": "sandbx"}, want: `flag --profile: profile "sandbx" is not defined; did you mean "sandbox"?`},
		"profile with a path": {env: map[string]string{"PAYCTL_PROFILE": "../x"}, want: `PAYCTL_PROFILE: profile "../x": not a name`},
		"none chosen":         {user: "profiles: {a: {}, b: {}, local: {}}\n", want: `profile: none is chosen, and the configuration defines a, b`},
		"no environment":      {user: "profile: p\nprofiles: {p: {}}\n", want: `profile "p": environment is missing`},
		"bad environment":     {user: "profile: p\nprofiles: {p: {environment: prod}}\n", want: `CONF/config.yaml:2: environment "prod": not an environment`},
		"local as sandbox":    {user: "profiles: {local: {environment: sandbox}}\n", want: `CONF/config.yaml:1: profile "local" is for local, not sandbox`},
		"files disagree":      {user: sandbox, project: "profiles: {p: {environment: production}}\n", want: `REPO/.payctl.yaml:1: a project file defines profiles of the environment local only`},
		"production host":     {user: sandbox + "    daraja: {base_url: 'https://api.safaricom.co.ke'}\n", want: `CONF/config.yaml:5: daraja.base_url "https://api.safaricom.co.ke": api.safaricom.co.ke is not a host of the sandbox environment`},
		"sandbox host":        {flags: map[string]string{"profile": "production"}, env: map[string]string{"PAYCTL_DARAJA_BASE_URL": "https://sandbox.safaricom.co.ke"}, want: `PAYCTL_DARAJA_BASE_URL: daraja.base_url "https://sandbox.safaricom.co.ke": sandbox.safaricom.co.ke is not a host of the production environment`},
		"sandbox socket":      {flags: map[string]string{"profile": "production"}, env: map[string]string{"PAYCTL_WASAAPAY_SOCKET_URL": "wss://sandbox.wasaapay.com"}, want: `PAYCTL_WASAAPAY_SOCKET_URL: wasaapay.socket_url "wss://sandbox.wasaapay.com": sandbox.wasaapay.com is not a host of the production environment`},
		"local to a provider": {env: map[string]string{"PAYCTL_DARAJA_BASE_URL": "https://api.safaricom.co.ke"}, want: `PAYCTL_DARAJA_BASE_URL: daraja.base_url "https://api.safaricom.co.ke": api.safaricom.co.ke is not a host of the local environment`},
		"plain http":          {user: sandbox + "    daraja: {base_url: 'http://proxy.example'}\n", want: `CONF/config.yaml:5: daraja.base_url "http://proxy.example": plain http would send credentials in the open`},
		"sandbox shortcode":   {flags: map[string]string{"profile": "production"}, env: map[string]string{"PAYCTL_DARAJA_SHORTCODE": "174379"}, want: `daraja.shortcode 174379: is the sandbox's, and profile "production" is for production`},
		"shortcode":           {env: map[string]string{"PAYCTL_DARAJA_SHORTCODE": "12x45"}, want: `PAYCTL_DARAJA_SHORTCODE: daraja.shortcode "12x45": not 5 to 9 digits`},
		"scheme":              {env: map[string]string{"PAYCTL_CALLBACK_URL": "ftp://x"}, want: `PAYCTL_CALLBACK_URL: callback_url "ftp://x": does not begin with http:// or https://`},
		"no host":             {env: map[string]string{"PAYCTL_CALLBACK_URL": "https:///x"}, want: `PAYCTL_CALLBACK_URL: callback_url "https:///x": has no host`},
		"password in a URL":   {env: map[string]string{"PAYCTL_CALLBACK_URL": "https://u:LEAK@x"}, want: `PAYCTL_CALLBACK_URL: callback_url: holds a user name or password`},
		"query in a URL":      {env: map[string]string{"PAYCTL_CALLBACK_URL": "https://x/?k=LEAK"}, want: `PAYCTL_CALLBACK_URL: callback_url: has a query or fragment`},
		"port":                {env: map[string]string{"PAYCTL_CALLBACK_URL": "https://x:99999"}, want: `PAYCTL_CALLBACK_URL: callback_url "https://x:99999": has no such port`},
		"choice":              {env: map[string]string{"PAYCTL_LISTEN_IP_CHECK": "enforced"}, want: `PAYCTL_LISTEN_IP_CHECK: listen.ip_check "enforced": not one of the choices; did you mean "enforce"?`},
		"address":             {user: "profile: local\nprofiles: {local: {listen: {trusted_proxies: [10.0.0.1, nope]}}}\n", want: `CONF/config.yaml:2: listen.trusted_proxies "nope": not an IP address or network`},
		"everybody trusted":   {env: map[string]string{"PAYCTL_LISTEN_TRUSTED_PROXIES": "0.0.0.0/0"}, want: `PAYCTL_LISTEN_TRUSTED_PROXIES: listen.trusted_proxies "0.0.0.0/0": stands for every address`},
		"pattern":             {env: map[string]string{"PAYCTL_LISTEN_C2B_ACCOUNT": "("}, want: `PAYCTL_LISTEN_C2B_ACCOUNT: listen.c2b_account "(": not a regular expression`},
		"duration":            {env: map[string]string{"PAYCTL_LISTEN_RETENTION": "-1h"}, want: `PAYCTL_LISTEN_RETENTION: listen.retention "-1h": not a duration`},
		"days":                {env: map[string]string{"PAYCTL_LISTEN_RETENTION": "1.5d"}, want: `PAYCTL_LISTEN_RETENTION: listen.retention "1.5d": not a duration`},
		"cap":                 {env: map[string]string{"PAYCTL_PRODUCTION_CAP": "1,000"}, want: `PAYCTL_PRODUCTION_CAP: production_cap: amount "1,000": has a thousands separator`},
		"count":               {env: map[string]string{"PAYCTL_DARAJA_QUERIES_PER_MINUTE": "-5"}, want: `PAYCTL_DARAJA_QUERIES_PER_MINUTE: daraja.queries_per_minute "-5": not a whole number from 0 to 65535`},
		"bounds crossed":      {env: map[string]string{"PAYCTL_LISTEN_C2B_MIN_AMOUNT": "10", "PAYCTL_LISTEN_C2B_MAX_AMOUNT": "9"}, want: `listen.c2b_min_amount: is more than listen.c2b_max_amount`},
		"blank text":          {env: map[string]string{"PAYCTL_WASAAPAY_WALLET": " w"}, want: `PAYCTL_WASAAPAY_WALLET: wasaapay.wallet " w": has spaces around it or is blank`},
		"postgres":            {flags: map[string]string{"db": "postgres://u:LEAK@h"}, want: `flag --db: db: names no database`},
		"other database":      {env: map[string]string{"PAYCTL_DB": "mysql://u:LEAK@h/x"}, want: `PAYCTL_DB: db: a URL of this kind is not supported`},
		"memory":              {env: map[string]string{"PAYCTL_DB": ":memory:"}, want: `PAYCTL_DB: db ":memory:": a ledger in memory would be forgotten`},
		"config not there":    {flags: map[string]string{"config": "gone.yaml"}, want: `config "REPO/gone.yaml": there is no such file`},
		"config a directory":  {env: map[string]string{"PAYCTL_CONFIG": "."}, want: `config "REPO": is a directory`},
		"secret two ways":     {env: map[string]string{"PAYCTL_SEVI_TOKEN": "LEAK", "PAYCTL_SEVI_TOKEN_FILE": "f"}, want: `PAYCTL_SEVI_TOKEN and PAYCTL_SEVI_TOKEN_FILE: both give "sevi.token"`},
		"project secret":      {project: "profiles:\n  sandbox:\n    wasaapay:\n      api_key: LEAK\n", want: `REPO/.payctl.yaml:4: "wasaapay.api_key" is a secret, and a project file must not hold any`},
		"project command":     {project: "profiles: {p: {sevi: {token_command: rm -rf LEAK}}}\n", want: `REPO/.payctl.yaml:1: "sevi.token_command" is a secret, and a project file must not hold any`},
		"project cap":         {project: "production_cap: 100\n", want: `REPO/.payctl.yaml:1: "production_cap" guards real money and cannot be set by a project file`},
		"project host":        {project: "profiles: {p: {daraja: {base_url: 'https://collect.example'}}}\n", want: `REPO/.payctl.yaml:1: "daraja.base_url" would send credentials where its author likes, which a project file must not do`},
		"project key":         {project: "x: 1\n", want: `REPO/.payctl.yaml:1: unknown key "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.user(tt.user)
			w.project(tt.project)
			maps.Copy(w.env, tt.env)
			maps.Copy(w.flags, tt.flags)
			_, err := Load(t.Context(), w.source())
			var e *payment.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a payment.Error", err)
			}
			if diff := cmp.Diff([]string{"usage", tt.want}, []string{e.Kind.String(), w.short(e.Message)}); diff != "" {
				t.Error(diff)
			}
			if e.Hint == "" || strings.Contains(e.Hint+e.Message, "LEAK") || strings.ContainsAny(e.Message+e.Hint, "\n\x1b") {
				t.Errorf("message %q, hint %q", e.Message, e.Hint)
			}
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("")
	w.env["PAYCTL_CONFIG"] = w.userDir + "/config.yaml/below-a-file"
	_, err := Load(t.Context(), w.source())
	want := `config "CONF/config.yaml/below-a-file": cannot be read`
	if payment.KindOf(err) != payment.KindUsage || w.short(err.Error()) != want {
		t.Errorf("got %v", err)
	}
}

func TestSecretFlagIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sevi.token", "nonsense"} {
		w := newWorld(t)
		w.flags[name] = "LEAK"
		_, err := Load(t.Context(), w.source())
		if err == nil || strings.Contains(err.Error(), "LEAK") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
