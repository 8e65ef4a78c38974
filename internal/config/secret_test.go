//go:build !windows

package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zalando/go-keyring"

	"github.com/payctl/payctl/internal/payment"
)

// TestSecretForms fetches sevi.token in every way it can be given.
func TestSecretForms(t *testing.T) {
	t.Parallel()
	const head = "profile: p\nprofiles:\n  p:\n    environment: sandbox\n    sevi:\n"
	for name, tt := range map[string]struct {
		user  string
		env   map[string]string
		want  string
		shown string
	}{
		"plain":          {user: head + "      token: tok_plain_0123456789\n", want: "tok_plain_0123456789", shown: "****"},
		"short plain":    {user: head + "      token: short\n", want: "short", shown: "****"},
		"file":           {user: head + "      token_file: token.txt\n", want: "from file", shown: `file "token.txt"`},
		"file in home":   {user: head + "      token_file: ~/.config/payctl/token.txt\n", want: "from file", shown: `file "~/.config/payctl/token.txt"`},
		"shell":          {user: head + "      token_command: printf 'from shell\\n\\r' | tr -d '\\r'\n", want: "from shell", shown: `command "printf"`},
		"program":        {user: head + "      token_command: [printf, '%s\\r\\n', from program]\n", want: "from program", shown: `command "printf"`},
		"keyring":        {user: head + "      token_keyring: payctl/sevi/token\n", want: "payctl+sevi/token", shown: `keyring entry "payctl/sevi/token"`},
		"variable":       {user: head + "      token: weaker\n", env: map[string]string{"PAYCTL_SEVI_TOKEN": "from variable"}, want: "from variable", shown: "****"},
		"variable file":  {user: head + "      token: weaker\n", env: map[string]string{"PAYCTL_SEVI_TOKEN_FILE": "../.config/payctl/token.txt"}, want: "from file", shown: `file "../.config/payctl/token.txt"`},
		"empty variable": {user: head + "      token: from the file itself\n", env: map[string]string{"PAYCTL_SEVI_TOKEN": ""}, want: "from the file itself", shown: "****"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write(filepath.Join(w.userDir, "token.txt"), "from file\n", 0o444)
			w.user(tt.user)
			maps.Copy(w.env, tt.env)
			s := w.source()
			s.Keyring = func(service, account string) (string, error) { return service + "+" + account, nil }
			c, err := Load(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			value, err := c.Sevi.Token.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want, tt.shown}, []string{value.Reveal(), w.explain(c, "sevi.token").Value}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSecretFailures(t *testing.T) {
	t.Parallel()
	const head = "profile: p\nprofiles:\n  p:\n    environment: sandbox\n    sevi:\n"
	for name, tt := range map[string]struct{ line, want string }{
		"no file":          {"token_file: gone", `file "gone" does not exist`},
		"empty file":       {"token_file: empty", `file "empty" yields nothing`},
		"two lines":        {"token_file: two", `file "two" yields more than one line`},
		"huge file":        {"token_file: huge", `file "huge" is larger than 64 KiB`},
		"command fails":    {"token_command: echo LEAK >&2; echo LEAK; exit 3", `command "echo" ended with status 3; run it by hand to see why`},
		"no program":       {"token_command: [payctl-no-such-program]", `command "payctl-no-such-program" is not an installed program`},
		"endless output":   {"token_command: yes LEAK | head -c 100000", `command "yes" writes more than 64 KiB`},
		"empty output":     {"token_command: 'true'", `command "true" yields nothing`},
		"no keyring entry": {"token_keyring: a/none", `keyring entry "a/none" has no such entry`},
		"keyring locked":   {"token_keyring: a/locked", `keyring entry "a/locked" cannot be read`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write(filepath.Join(w.userDir, "empty"), "\n", 0o600)
			w.write(filepath.Join(w.userDir, "two"), "LEAK\nLEAK\n", 0o600)
			w.write(filepath.Join(w.userDir, "huge"), strings.Repeat("x", maxSecret+1), 0o600)
			w.user(head + "      " + tt.line + "\n")
			s := w.source()
			s.Keyring = func(_, account string) (string, error) {
				if account == "none" {
					return "", keyring.ErrNotFound
				}
				return "", errors.New("LEAK")
			}
			c, err := Load(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Sevi.Token.Get(t.Context())
			var e *payment.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			want := []string{"unauthorized", "CONF/config.yaml:6: sevi.token: " + tt.want}
			if diff := cmp.Diff(want, []string{e.Kind.String(), w.short(e.Message)}); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(e.Message+e.Hint, "LEAK") {
				t.Errorf("the error repeats the secret: %q", e.Message)
			}
		})
	}
}

// TestSecretFileFlag: a flag names the file, never the value, and beats the
// variable.
func TestSecretFileFlag(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(filepath.Join(w.repo, "hook.txt"), "from flag\n", 0o600)
	w.flags["wasaapay.webhook_secret_file"] = "hook.txt"
	w.env["PAYCTL_WASAAPAY_WEBHOOK_SECRET"] = "from variable"
	c := w.load()
	value, err := c.WasaaPay.WebhookSecret.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e := w.explain(c, "wasaapay.webhook_secret")
	got := []string{value.Reveal(), e.Value, e.Origin.String(), e.Overridden[0].Origin.String(), e.Overridden[1].Origin.String()}
	want := []string{"from flag", `file "hook.txt"`, "flag --webhook-secret-file", "PAYCTL_WASAAPAY_WEBHOOK_SECRET", "built-in profile local"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSecretIsFetchedOnceAndOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("profile: p\nprofiles: {p: {environment: sandbox, sevi: {token_keyring: a/b}}}\n")
	asked := 0
	s := w.source()
	s.Keyring = func(string, string) (string, error) { asked++; return "x", nil }
	c, err := Load(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	c.Show()
	if err := c.Missing("sevi.token"); err != nil || asked != 0 {
		t.Fatalf("asked %d times before Get; %v", asked, err)
	}
	for range 3 {
		if _, err := c.Sevi.Token.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times, want 1", asked)
	}
}

func TestSecretGetEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("profile: p\nprofiles: {p: {environment: sandbox, sevi: {token_command: [sleep, '30'], token_previous_keyring: a/b}}}\n")
	release := make(chan struct{})
	defer close(release)
	s := w.source()
	s.Keyring = func(string, string) (string, error) { <-release; return "", nil }
	c, err := Load(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ref := range []*SecretRef{c.Sevi.Token, c.Sevi.TokenPrevious} {
		if _, err := ref.Get(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", ref, err)
		}
	}
}

// TestMuteKeyring: a keyring that never answers is waited for once, not for each secret.
func TestMuteKeyring(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("profile: p\nprofiles: {p: {environment: sandbox, sevi: {token_keyring: payctl/a, token_previous_keyring: payctl/b}, daraja: {passkey_keyring: payctl/c}}}\n")
	s := w.source()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		s.Keyring = func(string, string) (string, error) { <-release; return "", nil }
		s.Patience = &Patience{}
		c, err := Load(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for _, ref := range []*SecretRef{c.Sevi.Token, c.Sevi.TokenPrevious, c.Daraja.Passkey} {
			_, err := ref.Get(t.Context())
			var e *payment.Error
			if !errors.As(err, &e) || e.Kind != payment.KindUnavailable || !strings.Contains(e.Message, "keyring entry") || !strings.Contains(e.Hint, ref.Key()+"_file") {
				t.Errorf("%s: got %v", ref, err)
			}
		}
		if took := time.Since(began); took != keyringPatience {
			t.Errorf("waited %s", took)
		}
	})
}

func TestKeyOfAnotherEnvironment(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ profile, key, want string }{
		{"sandbox", "sk_sandbox_LEAK", ""},
		{"sandbox", "ppk_sandbox_LEAK", ""},
		{"sandbox", "sk_live_LEAK", "WASAAPAY_API_KEY: wasaapay.api_key: the key is a production key, and the profile is for sandbox"},
		{"production", "ppk_live_LEAK", ""},
		{"production", "ppk_sandbox_LEAK", "WASAAPAY_API_KEY: wasaapay.api_key: the key is a sandbox key, and the profile is for production"},
		{"production", "unheard_of", ""},
		{"local", "sk_live_LEAK", "WASAAPAY_API_KEY: wasaapay.api_key: the key is a production key, and the profile is for local"},
	} {
		w := newWorld(t)
		w.flags["profile"] = tt.profile
		w.env["WASAAPAY_API_KEY"] = tt.key
		_, err := w.load().WasaaPay.APIKey.Get(t.Context())
		got := ""
		if err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %s: %s", tt.profile, tt.key, diff)
		}
	}
}

func TestAliasIsWeakerThanItsOwnVariable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flags["profile"] = "sandbox"
	w.env["WASAAPAY_API_KEY"] = "sk_sandbox_alias_0123456789"
	w.env["PAYCTL_WASAAPAY_API_KEY"] = "sk_sandbox_own_0123456789"
	c := w.load()
	want := Explained{
		Key: "wasaapay.api_key", Meaning: "API key", Variable: "PAYCTL_WASAAPAY_API_KEY", Value: "sk_sandbox_****", Secret: true,
		Origin:     Origin{Kind: FromEnvironment, Name: "PAYCTL_WASAAPAY_API_KEY"},
		Overridden: []Candidate{{Value: "sk_sandbox_****", Origin: Origin{Kind: FromEnvironment, Name: "WASAAPAY_API_KEY"}}},
	}
	for _, name := range []string{"wasaapay.api_key", "WASAAPAY_API_KEY", " Wasaapay.API_Key "} {
		if diff := cmp.Diff(want, w.explain(c, name)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flags["profile"] = "sandbox"
	w.env["PAYCTL_WASAAPAY_WEBHOOK_SECRET"] = "new"
	w.env["PAYCTL_WASAAPAY_WEBHOOK_SECRET_PREVIOUS"] = "old"
	w.env["PAYCTL_SEVI_TOKEN_PREVIOUS"] = "older"
	c := w.load()
	webhook, err := c.WasaaPay.WebhookSecrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := c.Sevi.Tokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, s := range append(webhook, tokens...) {
		got = append(got, s.Reveal())
	}
	if diff := cmp.Diff([]string{"new", "old", "older"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestNoSecretIsPrinted prints everything that can be printed.
func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("profile: p\nprofiles: {p: {environment: sandbox, daraja: {passkey: LEAK-passkey-of-some-length-LEAK-0000, consumer_key: LEAK}}}\n")
	w.env["PAYCTL_SEVI_TOKEN"] = "LEAK"
	c := w.load()
	if _, err := c.Daraja.ConsumerKey.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]any{"show": c.Show(), "path": c.Path(), "daraja": c.Daraja, "sevi": c.Sevi})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		string(data), fmt.Sprint(c.Show(), c.Path(), c.Daraja.Passkey, c.Sevi.Token), fmt.Sprintf("%+v %#v", c.Daraja, c.Sevi), fmt.Sprintf("%+v %#v", c, c),
	} {
		if strings.Contains(text, "LEAK") {
			t.Errorf("a secret shows in %s", text)
		}
	}
}

func TestExplainUnknownKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.load().Explain("daraja.shortcod")
	want := `key "daraja.shortcod": there is no such setting; did you mean "daraja.shortcode"?`
	if payment.KindOf(err) != payment.KindUsage || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestShowCoversEverySetting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shown := w.load().Show()
	if got, want := len(shown), len(settings)+2; got != want {
		t.Errorf("%d settings shown, want %d", got, want)
	}
	for _, e := range shown {
		if e.Key == "wasaapay.webhook_secret_previous" && e.Origin.Kind != FromNowhere {
			t.Errorf("%s comes from %s", e.Key, e.Origin)
		}
		if e.Overridden == nil {
			t.Errorf("%s: overridden must be a list", e.Key)
		}
	}
}

func TestVariablesOfTheContract(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"PAYCTL_DB", "PAYCTL_CALLBACK_URL",
		"PAYCTL_DARAJA_CONSUMER_KEY", "PAYCTL_DARAJA_CONSUMER_SECRET", "PAYCTL_DARAJA_SHORTCODE", "PAYCTL_DARAJA_PASSKEY", "PAYCTL_DARAJA_TILL",
		"PAYCTL_DARAJA_INITIATOR", "PAYCTL_DARAJA_INITIATOR_PASSWORD", "PAYCTL_DARAJA_CERTIFICATE", "PAYCTL_DARAJA_BASE_URL",
		"PAYCTL_WASAAPAY_API_KEY", "WASAAPAY_API_KEY", "PAYCTL_WASAAPAY_WEBHOOK_SECRET", "PAYCTL_WASAAPAY_WALLET", "PAYCTL_WASAAPAY_BASE_URL",
		"PAYCTL_WASAAPAY_SOCKET_URL", "PAYCTL_SEVI_TOKEN",
	} {
		if _, ok := byVariable(name); !ok {
			t.Errorf("no setting reads %s", name)
		}
	}
}

// TestMisshapenSecrets holds that what cannot be the credential is refused when it is
// fetched, whatever its source, with its length and never its text.
func TestMisshapenSecrets(t *testing.T) {
	t.Parallel()
	const passkey = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct{ key, value, want string }{
		"a passkey":                    {"PASSKEY", passkey, ""},
		"a cut passkey":                {"PASSKEY", passkey[:63], "has 63 characters and should have 64"},
		"a passkey too long":           {"PASSKEY", passkey + "0a", "has 66 characters and should have 64"},
		"a passkey of other letters":   {"PASSKEY", passkey[:63] + "g", "64 hexadecimal"},
		"a passkey with a blank after": {"PASSKEY", passkey + " ", "has a blank at an end"},
		"a key with a blank inside":    {"CONSUMER_KEY", "Zq3vT0 aB9cD8", "has a blank in it"},
		"a key in quotes":              {"CONSUMER_KEY", `"Zq3vT0aB9cD8"`, "stands in quotes"},
		"a line of a file":             {"CONSUMER_SECRET", "DARAJA_CONSUMER_SECRET=Zq3vT0aB9cD8", "NAME=value"},
		"a byte order mark":            {"CONSUMER_SECRET", "\ufeffZq3vT0aB9cD8", "cannot be seen"},
		"UTF-16":                       {"CONSUMER_SECRET", "Z\x00q\x003\x00", "UTF-16"},
	} {
		for _, form := range []string{"", "_FILE"} {
			t.Run(name+form, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.env["PAYCTL_PROFILE"] = "sandbox"
				value := c.value
				if form == "_FILE" {
					value = filepath.Join(t.TempDir(), "secret")
					if err := os.WriteFile(value, []byte(c.value+"\n"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				w.env["PAYCTL_DARAJA_"+c.key+form] = value
				conf := w.load().Daraja
				ref := map[string]*SecretRef{"PASSKEY": conf.Passkey, "CONSUMER_KEY": conf.ConsumerKey, "CONSUMER_SECRET": conf.ConsumerSecret}[c.key]
				_, err := ref.Get(t.Context())
				switch {
				case c.want == "" && err != nil:
					t.Error(err)
				case c.want != "" && (payment.KindOf(err) != payment.KindUsage || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), c.value)):
					t.Errorf("got %v, want %q", err, c.want)
				}
			})
		}
	}
}
