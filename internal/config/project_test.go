package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// The user's own: a production shop and a sandbox one.
const shops = "profiles:\n  shop: {environment: production}\n  try: {environment: sandbox}\n"

// TestProjectFile is a table of what stands in cloned repositories. Each is tried
// under every profile: what a project file must not say is an error whichever profile
// is chosen, and what it may say holds for that profile alone.
func TestProjectFile(t *testing.T) {
	t.Parallel()
	const (
		secretWord = " is a secret, and a project file must not hold any"
		payee      = " says where real money or the news of it goes, which a project file must not do"
		untrusted  = " says where money or the news of it goes, and the file is not trusted"
		decides    = " decides over money, secrets or evidence, and cannot be set by a project file"
		sends      = " would send credentials where its author likes, which a project file must not do"
		outside    = " names a file outside the repository, which a project file must not do"
		runs       = " would run a program or ask the keyring, which a project file must not do"
	)
	for name, tt := range map[string]struct {
		project string
		// line and want are of the error, before and after the file is trusted.
		line          string
		want, trusted string
	}{
		// What was shown to cost money or secrets.
		"a ledger for production":        {"profiles: {production: {db: planted.db}}\n", "1", `"db"` + decides, `"db"` + decides},
		"a ledger for a shop":            {"profiles:\n  shop:\n    db: planted.db\n", "3", `"db"` + decides, `"db"` + decides},
		"a ledger for the sandbox":       {"profiles: {try: {db: planted.db}}\n", "1", `"db"` + decides, `"db"` + decides},
		"retention of a second":          {"listen: {retention: 1s}\n", "1", `"listen.retention"` + decides, `"listen.retention"` + decides},
		"retention, in a profile":        {"profiles: {shop: {listen: {retention: 1s}}}\n", "1", `"listen.retention"` + decides, `"listen.retention"` + decides},
		"a certificate":                  {"profiles: {production: {daraja: {certificate: evil.cer}}}\n", "1", `"daraja.certificate"` + decides, `"daraja.certificate"` + decides},
		"a gateway on loopback":          {"profiles: {production: {daraja: {base_url: 'http://127.0.0.1:9'}}}\n", "1", `"daraja.base_url"` + sends, `"daraja.base_url"` + sends},
		"a gateway elsewhere":            {"profiles: {try: {daraja: {base_url: 'https://evil.example'}}}\n", "1", `"daraja.base_url"` + sends, `"daraja.base_url"` + sends},
		"the provider's own gateway":     {"profiles: {try: {daraja: {base_url: 'https://sandbox.safaricom.co.ke'}}}\n", "1", `"daraja.base_url"` + sends, `"daraja.base_url"` + sends},
		"a socket elsewhere":             {"profiles: {try: {wasaapay: {socket_url: 'wss://evil.example'}}}\n", "1", `"wasaapay.socket_url"` + sends, `"wasaapay.socket_url"` + sends},
		"halves of the internet":         {"listen: {trusted_proxies: [0.0.0.0/1, 128.0.0.0/1]}\n", "1", `"listen.trusted_proxies"` + decides, `"listen.trusted_proxies"` + decides},
		"a proxy":                        {"listen: {trusted_proxies: [127.0.0.1]}\n", "1", `"listen.trusted_proxies"` + decides, `"listen.trusted_proxies"` + decides},
		"no check of addresses":          {"listen: {ip_check: off}\n", "1", `"listen.ip_check"` + decides, `"listen.ip_check"` + decides},
		"an address of Safaricom's":      {"listen: {daraja_addresses: [203.0.113.9]}\n", "1", `"listen.daraja_addresses"` + decides, `"listen.daraja_addresses"` + decides},
		"an address of Sevi's":           {"sevi: {addresses: [203.0.113.9]}\n", "1", `"sevi.addresses"` + decides, `"sevi.addresses"` + decides},
		"C2B refused for all":            {"listen: {c2b_validation: C2B00016}\n", "1", `"listen.c2b_validation"` + decides, `"listen.c2b_validation"` + decides},
		"C2B of any account":             {"listen: {c2b_account: '.*'}\n", "1", `"listen.c2b_account"` + decides, `"listen.c2b_account"` + decides},
		"C2B amounts":                    {"listen: {c2b_max_amount: 1}\n", "1", `"listen.c2b_max_amount"` + decides, `"listen.c2b_max_amount"` + decides},
		"the cap of production":          {"production_cap: 100000\n", "1", `"production_cap" guards real money and cannot be set by a project file`, `"production_cap" guards real money and cannot be set by a project file`},
		"production, by name":            {"output: json\nprofile: production\n", "2", `"profile" chooses "production", a profile of production, which a project file must not do`, `"profile" chooses "production", a profile of production, which a project file must not do`},
		"production, by the user's name": {"profile: shop\n", "1", `"profile" chooses "shop", a profile of production, which a project file must not do`, `"profile" chooses "shop", a profile of production, which a project file must not do`},
		"production, in its own words":   {"profiles: {new: {environment: production}}\n", "1", `a project file defines profiles of the environment local only`, `a project file defines profiles of the environment local only`},
		"the sandbox, in its own words":  {"profiles: {new: {environment: sandbox}}\n", "1", `a project file defines profiles of the environment local only`, `a project file defines profiles of the environment local only`},
		"production called local":        {"profiles: {shop: {environment: local, db: planted.db}}\n", "1", `"db"` + decides, `"db"` + decides},
		"production said to be local":    {"profiles: {production: {environment: local}}\n", "1", `a project file defines profiles of the environment local only`, `a project file defines profiles of the environment local only`},
		"a profile of nobody":            {"profiles: {nobody: {daraja: {till: 600222}}}\n", "1", `"daraja.till"` + payee, `"daraja.till"` + payee},
		"a key":                          {"profiles: {try: {daraja: {consumer_key: LEAK}}}\n", "1", `"daraja.consumer_key"` + secretWord, `"daraja.consumer_key"` + secretWord},
		"a token":                        {"profiles: {production: {sevi: {token: LEAK}}}\n", "1", `"sevi.token"` + secretWord, `"sevi.token"` + secretWord},
		"a token's file":                 {"profiles: {try: {sevi: {token_file: x}}}\n", "1", `"sevi.token_file"` + secretWord, `"sevi.token_file"` + secretWord},
		"a command":                      {"profiles: {try: {sevi: {token_command: 'touch /tmp/LEAK'}}}\n", "1", `"sevi.token_command"` + secretWord, `"sevi.token_command"` + secretWord},
		"a webhook secret":               {"profiles: {shop: {wasaapay: {webhook_secret: LEAK}}}\n", "1", `"wasaapay.webhook_secret"` + secretWord, `"wasaapay.webhook_secret"` + secretWord},
		"the secret before":              {"profiles: {shop: {wasaapay: {webhook_secret_previous: LEAK}}}\n", "1", `"wasaapay.webhook_secret_previous"` + secretWord, `"wasaapay.webhook_secret_previous"` + secretWord},
		"the news of real money":         {"callback_url: https://evil.example\n", "1", `"callback_url"` + payee, `"callback_url"` + payee},
		"the news of a shop":             {"profiles: {shop: {callback_url: 'https://evil.example'}}\n", "1", `"callback_url"` + payee, `"callback_url"` + payee},
		"a shop's till":                  {"profiles:\n  shop:\n    daraja:\n      till: 600222\n", "4", `"daraja.till"` + payee, `"daraja.till"` + payee},
		"a shop's paybill":               {"profiles: {shop: {daraja.shortcode: 600222}}\n", "1", `"daraja.shortcode"` + payee, `"daraja.shortcode"` + payee},
		"a shop's wallet":                {"profiles: {production: {wasaapay: {wallet: w}}}\n", "1", `"wasaapay.wallet"` + payee, `"wasaapay.wallet"` + payee},
		"a shop's initiator":             {"profiles: {shop: {daraja: {initiator: me}}}\n", "1", `"daraja.initiator"` + payee, `"daraja.initiator"` + payee},
		"a listener for all":             {"listen: {addr: '0.0.0.0:4020'}\n", "1", `"listen.addr" opens the listener beyond this machine, which a project file must not do`, `"listen.addr" opens the listener beyond this machine, which a project file must not do`},
		"a listener without host":        {"listen: {addr: ':4020'}\n", "1", `"listen.addr" opens the listener beyond this machine, which a project file must not do`, `"listen.addr" opens the listener beyond this machine, which a project file must not do`},
		"a listener, in local":           {"profiles: {local: {listen: {addr: '10.0.0.1:1'}}}\n", "1", `"listen.addr" opens the listener beyond this machine, which a project file must not do`, `"listen.addr" opens the listener beyond this machine, which a project file must not do`},
		"local: a command":               {"profiles: {local: {sevi: {token_command: 'touch /tmp/LEAK'}}}\n", "1", `"sevi.token_command"` + runs, `"sevi.token_command"` + runs},
		"local: a command as a list":     {"profiles: {local: {daraja: {passkey_command: [sh, -c, LEAK]}}}\n", "1", `"daraja.passkey_command"` + runs, `"daraja.passkey_command"` + runs},
		"local: a keyring":               {"profiles: {local: {sevi: {token_keyring: payctl/live}}}\n", "1", `"sevi.token_keyring"` + runs, `"sevi.token_keyring"` + runs},
		"local: a file outside":          {"profiles: {local: {sevi: {token_file: /etc/passwd}}}\n", "1", `"sevi.token_file"` + outside, `"sevi.token_file"` + outside},
		"local: a file above":            {"profiles: {local: {sevi: {token_file: ../secret}}}\n", "1", `"sevi.token_file"` + outside, `"sevi.token_file"` + outside},
		"local: a file of the home":      {"profiles: {local: {sevi: {token_file: ~/secret}}}\n", "1", `"sevi.token_file"` + outside, `"sevi.token_file"` + outside},
		"local: a link outside":          {"profiles: {local: {sevi: {token_file: link}}}\n", "1", `"sevi.token_file"` + outside, `"sevi.token_file"` + outside},
		"local: below a link outside":    {"profiles: {local: {db: up/x.db}}\n", "1", `"db"` + outside, `"db"` + outside},
		"local: a link to nowhere":       {"profiles: {local: {db: dangling}}\n", "1", `"db"` + outside, `"db"` + outside},
		"local: a ledger outside":        {"profiles: {local: {db: /var/lib/x.db}}\n", "1", `"db"` + outside, `"db"` + outside},
		"local: a certificate outside":   {"profiles: {local: {daraja: {certificate: ../x.cer}}}\n", "1", `"daraja.certificate"` + outside, `"daraja.certificate"` + outside},
		"local: another host":            {"profiles: {local: {daraja: {base_url: 'http://evil.example'}}}\n", "1", `"daraja.base_url" would send credentials to another host than this machine, which a project file must not do`, `"daraja.base_url" would send credentials to another host than this machine, which a project file must not do`},
		"local of one's own: a command":  {"profiles: {dev: {environment: local, sevi: {token_command: x}}}\n", "1", `"sevi.token_command"` + runs, `"sevi.token_command"` + runs},
		// What a trusted file may say, of the sandbox alone.
		"sandbox: till":      {"profiles: {sandbox: {daraja: {till: 600222}}}\n", "1", `"daraja.till"` + untrusted, ""},
		"sandbox: paybill":   {"profiles: {try: {daraja: {shortcode: 600111}}}\n", "1", `"daraja.shortcode"` + untrusted, ""},
		"sandbox: wallet":    {"profiles: {try: {wasaapay: {wallet: w}}}\n", "1", `"wasaapay.wallet"` + untrusted, ""},
		"sandbox: initiator": {"profiles: {try: {daraja: {initiator: me}}}\n", "1", `"daraja.initiator"` + untrusted, ""},
		"sandbox: callback":  {"output: json\nprofiles:\n  try:\n    callback_url: https://x.example\n", "4", `"callback_url"` + untrusted, ""},
		// What any file may say.
		"a sandbox":       {"profile: try\n", "", "", ""},
		"local":           {"profile: local\n", "", "", ""},
		"how it is shown": {"output: json\ncolor: never\ntimezone: Africa/Nairobi\n", "", "", ""},
		"the wire":        {"daraja: {queries_per_minute: 7}\nwasaapay: {phone_format: '254', amount_format: string}\n", "", "", ""},
		"the listener":    {"listen: {addr: 'localhost:4021'}\n", "", "", ""},
		"all of local": {`profile: dev
profiles:
  dev:
    environment: local
    db: ledger.db
    callback_url: http://127.0.0.1:4021
    daraja: {base_url: 'http://[::1]:4011', shortcode: 600111, till: 600222, initiator: me, passkey: x, consumer_key_file: sub/key, certificate: ./x.cer}
    wasaapay: {base_url: 'http://localhost:4011', wallet: w, webhook_secret: s}
    sevi: {token: t, addresses: [10.0.0.1]}
    listen: {ip_check: off, retention: 1h, trusted_proxies: [10.0.0.0/8], addr: '127.0.0.1:0'}
`, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, profile := range []string{"production", "shop", "sandbox", "try", "local"} {
				w := newWorld(t)
				w.user(shops)
				w.project(tt.project)
				w.flags["profile"] = profile
				for link, to := range map[string]string{"link": "../secret", "up": "..", "dangling": "../nowhere/x"} {
					if err := os.Symlink(to, filepath.Join(w.repo, link)); err != nil {
						t.Fatal(err)
					}
				}
				w.write(filepath.Join(w.home, "secret"), "LEAK", 0o600)
				w.judge(profile, tt.line, tt.want)
				_, err := Trust(t.Context(), w.source(), "")
				if (err == nil) != (tt.trusted == "") {
					t.Errorf("%s: trusting gave %v", profile, err)
				}
				w.judge(profile+", trusted", tt.line, tt.trusted)
			}
		})
	}
}

// judge loads and holds the outcome to what is wanted.
func (w *world) judge(what, line, want string) {
	w.t.Helper()
	c, err := Load(w.t.Context(), w.source())
	if want == "" {
		if err != nil {
			w.t.Errorf("%s: refused: %v", what, err)
			return
		}
		for _, e := range c.Show() {
			row, _, _ := find(e.Key)
			allowed := row.open || e.Key == "profile" || c.Environment == payment.Local || e.Origin.Trusted && row.payee && c.Environment == payment.Sandbox
			if e.Origin.Kind == FromProjectFile && !allowed {
				w.t.Errorf("%s: %s is set by the project file", what, e.Key)
			}
		}
		return
	}
	var e *payment.Error
	if !errors.As(err, &e) {
		w.t.Errorf("%s: got %v, want %s", what, err, want)
		return
	}
	if diff := cmp.Diff([]string{"usage", "REPO/.payctl.yaml:" + line + ": " + want}, []string{e.Kind.String(), w.short(e.Message)}); diff != "" {
		w.t.Errorf("%s: %s", what, diff)
	}
	if e.Hint == "" || strings.Contains(e.Message+e.Hint, "LEAK") {
		w.t.Errorf("%s: message %q, hint %q", what, e.Message, e.Hint)
	}
}

// TestTrustIsOfWhatWasRead: one byte changed, or the same bytes elsewhere, and the
// file is a stranger's again.
func TestTrustIsOfWhatWasRead(t *testing.T) {
	t.Parallel()
	const text = "profiles: {try: {daraja: {till: 600222}}}\n"
	w := newWorld(t)
	w.user(shops)
	w.project(text)
	w.flags["profile"] = "try"
	got, err := Trust(t.Context(), w.source(), "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"REPO/.payctl.yaml", "profiles.try.daraja.till"}, []string{w.short(got.Path), strings.Join(got.Keys, " ")}); diff != "" || len(got.SHA256) != 64 {
		t.Errorf("%s, digest %q", diff, got.SHA256)
	}
	c := w.load()
	if from := w.short(w.explain(c, "daraja.till").Origin.String()); c.Daraja.Till != "600222" || from != "REPO/.payctl.yaml:1 (trusted)" {
		t.Errorf("till %q from %q", c.Daraja.Till, from)
	}
	w.project(text + "\n")
	w.judge("another byte", "1", `"daraja.till" says where money or the news of it goes, and the file is not trusted`)
	w.project(text)
	w.judge("as it was", "1", "")
	elsewhere := filepath.Join(w.home, "fork")
	w.mkdir(filepath.Join(elsewhere, ".git"))
	w.write(filepath.Join(elsewhere, projectFile), text, 0o644)
	s := w.source()
	s.WorkDir = elsewhere
	if _, err := Load(t.Context(), s); err == nil || !strings.Contains(err.Error(), "not trusted") {
		t.Errorf("elsewhere: %v", err)
	}
	if _, err := Trust(t.Context(), s, filepath.Join(w.home, "absent")); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("absent: %v", err)
	}
	s.StateDir = ""
	if _, err := Trust(t.Context(), s, elsewhere); payment.KindOf(err) != payment.KindUsage {
		t.Errorf("without a place to keep it: %v", err)
	}
}

// FuzzProjectFile: whatever the bytes of an untrusted project file are, no setting of a
// real profile comes from it but the open ones.
func FuzzProjectFile(f *testing.F) {
	for _, seed := range []string{
		"profiles: {shop: {db: planted.db}}\n", "profiles: {shop: {environment: local, db: x}}\n", "profile: shop\n",
		"listen: {retention: 1s}\n", "listen.retention: 1s\n", "profiles: {production: {daraja: {base_url: 'http://127.0.0.1'}}}\n",
		"callback_url: https://x.example\n", "listen: {addr: '127.0.0.1:1'}\n", "profiles: {try: {daraja.till: 600222}}\n",
		"daraja: {queries_per_minute: 9}\noutput: json\n", "profiles: {dev: {environment: local, sevi: {token: x}}}\nprofile: dev\n",
		"profiles:\n  shop:\n    ? db\n    : x\n", "\"\\x64b\": x\n", "profiles: {\"sho\\x70\": {db: x}}\n", "<<: {db: x}\n",
	} {
		f.Add([]byte(seed))
	}
	home := f.TempDir()
	repo, conf := filepath.Join(home, "repo"), filepath.Join(home, "conf")
	if err := errors.Join(os.MkdirAll(filepath.Join(repo, ".git"), 0o700), os.MkdirAll(conf, 0o700),
		os.WriteFile(filepath.Join(conf, "config.yaml"), []byte(shops), 0o600)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		user, err := parse("config.yaml", []byte(shops))
		if err != nil {
			t.Fatal(err)
		}
		project, err := parse(filepath.Join(repo, projectFile), data)
		if err != nil {
			return
		}
		for _, profile := range []string{"shop", "production", "try", "sandbox", ""} {
			source := Source{Flags: map[string]string{"profile": profile}, WorkDir: repo, HomeDir: home, ConfigDir: conf}
			if source.checkProject(project, user) != nil {
				return
			}
			c := &Config{source: source}
			if c.chooseProfile(project, user) != nil || c.stack(project, user) != nil || c.fill() != nil {
				continue
			}
			if profile == "" && c.Environment == payment.Production {
				t.Fatalf("chose %q, of production", c.Profile)
			}
			if c.Environment == payment.Local {
				continue
			}
			for _, e := range c.Show() {
				if row, _, _ := find(e.Key); e.Origin.Kind == FromProjectFile && !row.open && e.Key != "profile" {
					t.Fatalf("%s of profile %s is set by the project file", e.Key, c.Profile)
				}
			}
		}
	})
}
