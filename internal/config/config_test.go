package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// world is a home with a repository in it, and what stands around a run.
type world struct {
	t                   *testing.T
	home, repo, userDir string
	env, flags          map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	home := t.TempDir()
	w := &world{
		t: t, home: home, repo: filepath.Join(home, "shop"), userDir: filepath.Join(home, ".config", "payctl"),
		env: map[string]string{}, flags: map[string]string{},
	}
	w.mkdir(filepath.Join(w.repo, ".git"))
	w.mkdir(w.userDir)
	return w
}

func (w *world) mkdir(path string) {
	w.t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(path, text string, mode os.FileMode) string {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *world) user(text string) string {
	w.t.Helper()
	return w.write(filepath.Join(w.userDir, "config.yaml"), text, 0o600)
}

func (w *world) project(text string) string {
	w.t.Helper()
	return w.write(filepath.Join(w.repo, projectFile), text, 0o644)
}

// trust has the project file trusted by its owner.
func (w *world) trust() {
	w.t.Helper()
	if _, err := Trust(w.t.Context(), w.source(), ""); err != nil {
		w.t.Fatalf("Trust: %v", err)
	}
}

func (w *world) source() Source {
	return Source{
		Flags: w.flags, Env: func(name string) string { return w.env[name] },
		WorkDir: w.repo, HomeDir: w.home, ConfigDir: w.userDir,
		DataDir: filepath.Join(w.home, "data"), CacheDir: filepath.Join(w.home, "cache"), StateDir: filepath.Join(w.home, "state"),
	}
}

func (w *world) load() *Config {
	w.t.Helper()
	c, err := Load(w.t.Context(), w.source())
	if err != nil {
		w.t.Fatalf("Load: %v", err)
	}
	return c
}

// short takes the test's own directories out of a text.
func (w *world) short(s string) string {
	s = strings.ReplaceAll(s, w.repo, "REPO")
	s = strings.ReplaceAll(s, w.userDir, "CONF")
	return strings.ReplaceAll(s, w.home, "HOME")
}

func (w *world) explain(c *Config, key string) Explained {
	w.t.Helper()
	e, err := c.Explain(key)
	if err != nil {
		w.t.Fatalf("Explain(%s): %v", key, err)
	}
	return e
}

func TestNothingConfiguredIsLocal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.load()
	got := map[string]any{
		"profile": c.Profile, "environment": c.Environment, "db": w.short(c.DB), "callback": c.CallbackURL,
		"base": c.Daraja.BaseURL, "shortcode": c.Daraja.ShortCode, "till": c.Daraja.Till, "initiator": c.Daraja.Initiator,
		"rate": c.Daraja.QueriesPerMinute, "wasaapay": c.WasaaPay.BaseURL, "socket": c.WasaaPay.SocketURL, "wallet": c.WasaaPay.Wallet,
		"ip": c.Listen.IPCheck, "c2b": c.Listen.C2B.Reply, "cap": c.ProductionCap.HasValue(), "warnings": len(c.Warnings),
	}
	for name, ref := range map[string]*SecretRef{
		"key": c.Daraja.ConsumerKey, "secret": c.Daraja.ConsumerSecret, "passkey": c.Daraja.Passkey, "password": c.Daraja.InitiatorPassword,
		"api key": c.WasaaPay.APIKey, "webhook": c.WasaaPay.WebhookSecret, "token": c.Sevi.Token,
	} {
		value, err := ref.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got[name] = value.Reveal()
	}
	want := map[string]any{
		"profile": "local", "environment": payment.Local, "db": filepath.Join("HOME", "data", "local.db"), "callback": "http://127.0.0.1:4020",
		"base": "http://127.0.0.1:4010", "shortcode": "174379", "till": "", "initiator": "testapi",
		"rate": 0, "wasaapay": "http://127.0.0.1:4010/api/v1/partner", "socket": "http://127.0.0.1:4010", "wallet": "wallet_local",
		"ip": IPNote, "c2b": "accept", "cap": false, "warnings": 0,
		"key": "local-consumer-key", "secret": "local-consumer-secret", "password": "Local#Pass2026",
		"passkey": "6c6f63616c2d656d756c61746f722d706173736b65792d666f722d7061796374",
		"api key": "sk_sandbox_local_key_0001", "webhook": "local-webhook-secret", "token": "local-sevi-token",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestPrecedence tries every pair of sources for one setting: the stronger
// wins, and the weaker is named as overridden.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	sources := []struct {
		name   string
		set    func(w *world, files map[string]string)
		value  string
		origin string
	}{
		{"flag", func(w *world, _ map[string]string) { w.flags["callback_url"] = "https://flag.example" }, "https://flag.example", "flag --callback-url"},
		{"environment", func(w *world, _ map[string]string) { w.env["PAYCTL_CALLBACK_URL"] = "https://env.example" }, "https://env.example", "PAYCTL_CALLBACK_URL"},
		{"project profile", func(_ *world, f map[string]string) {
			f["project"] += "profiles:\n  mine:\n    callback_url: https://pp.example\n"
		}, "https://pp.example", "REPO/.payctl.yaml"},
		{"user profile", func(_ *world, f map[string]string) { f["user"] += "    callback_url: https://up.example\n" }, "https://up.example", "CONF/config.yaml"},
		{"user top", func(_ *world, f map[string]string) {
			f["user"] = "callback_url: https://ut.example\n" + f["user"]
		}, "https://ut.example", "CONF/config.yaml"},
	}
	for i, strong := range sources {
		for _, weak := range sources[i+1:] {
			t.Run(strong.name+" over "+weak.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.env["PAYCTL_PROFILE"] = "mine"
				files := map[string]string{"user": "profiles:\n  mine:\n    environment: sandbox\n"}
				weak.set(w, files)
				strong.set(w, files)
				w.user(files["user"])
				w.project(files["project"])
				w.trust()
				c := w.load()
				e := w.explain(c, "callback_url")
				origin, _, _ := strings.Cut(w.short(e.Origin.String()), ".yaml:")
				over, _, _ := strings.Cut(w.short(e.Overridden[0].Origin.String()), ".yaml:")
				got := []string{c.CallbackURL, e.Value, origin, e.Overridden[0].Value, over}
				want := []string{strong.value, strong.value, strings.TrimSuffix(strong.origin, ".yaml"), weak.value, strings.TrimSuffix(weak.origin, ".yaml")}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestProfileIsChosen(t *testing.T) {
	t.Parallel()
	const defined = "profiles:\n  one: {environment: sandbox}\n  two: {environment: production}\n"
	for name, tt := range map[string]struct {
		flag, env, project, user string
		want, origin             string
		environment              payment.Environment
	}{
		"nothing":            {"", "", "", "", "local", "default", payment.Local},
		"flag beats all":     {"one", "two", "profile: one\n", "profile: two\n" + defined, "one", "flag --profile", payment.Sandbox},
		"variable":           {"", "two", "profile: one\n", "profile: one\n" + defined, "two", "PAYCTL_PROFILE", payment.Production},
		"project file":       {"", "", "profile: one\n", "profile: two\n" + defined, "one", "REPO/.payctl.yaml:1", payment.Sandbox},
		"user file":          {"", "", "", "profile: two\n" + defined, "two", "CONF/config.yaml:1", payment.Production},
		"named environment":  {"sandbox", "", "", "", "sandbox", "flag --profile", payment.Sandbox},
		"local is overrides": {"", "", "", "profiles:\n  local:\n    daraja: {till: 600222}\n", "local", "default", payment.Local},
		"local by name":      {"local", "", "", defined, "local", "flag --profile", payment.Local},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.flags["profile"], w.env["PAYCTL_PROFILE"] = tt.flag, tt.env
			w.project(tt.project)
			w.user(tt.user)
			c := w.load()
			got := []string{c.Profile, w.short(w.explain(c, "profile").Origin.String()), string(c.Environment)}
			if diff := cmp.Diff([]string{tt.want, tt.origin, string(tt.environment)}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLocalIsPartlyOverridden(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("callback_url: https://for-real-providers.example\nlisten: {retention: 90d}\nprofiles:\n  local:\n    daraja:\n      shortcode: 600111\n      till: 600222\n    wasaapay: {api_key: ppk_sandbox_mine}\n")
	c := w.load()
	key, err := c.WasaaPay.APIKey.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.Daraja.ShortCode, c.Daraja.Till, c.Daraja.BaseURL, key.Reveal(), c.CallbackURL, c.Listen.Retention.String()}
	want := []string{"600111", "600222", "http://127.0.0.1:4010", "ppk_sandbox_mine", "http://127.0.0.1:4020", "0s"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEnvironmentDefaults(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"sandbox": {
			"https://sandbox.safaricom.co.ke", "https://api.wasaapay.com/api/v1/partner", "wss://sandbox.wasaapay.com", "sandbox.db",
		},
		"production": {
			"https://api.safaricom.co.ke", "https://api.wasaapay.com/api/v1/partner", "wss://api.wasaapay.com", "production.db",
		},
		"shop": {
			"https://api.safaricom.co.ke", "https://api.wasaapay.com/api/v1/partner", "wss://api.wasaapay.com", "production-shop.db",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.user("profiles: {shop: {environment: production}}\n")
			w.flags["profile"] = name
			c := w.load()
			got := []string{c.Daraja.BaseURL, c.WasaaPay.BaseURL, c.WasaaPay.SocketURL, filepath.Base(c.DB)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestListenSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["PAYCTL_LISTEN_TRUSTED_PROXIES"] = "10.0.0.1, 192.168.0.9/16"
	w.env["PAYCTL_LISTEN_IP_CHECK"] = "enforce"
	w.env["PAYCTL_PRODUCTION_CAP"] = "2500"
	w.flags["profile"] = "production"
	w.user("listen:\n  c2b_validation: C2B00016\n  c2b_account: INV-[0-9]+\n  c2b_min_amount: 10\n  c2b_max_amount: 99.50\n  retention: 36h\n  daraja_addresses: [196.201.212.128, '::ffff:196.201.212.132']\n")
	c := w.load()
	got := map[string]any{
		"proxies": c.Listen.TrustedProxies[0].String() + " " + c.Listen.TrustedProxies[1].String(), "check": c.Listen.IPCheck,
		"addresses": c.Listen.DarajaAddresses[0].String() + " " + c.Listen.DarajaAddresses[1].String(),
		"reply":     c.Listen.C2B.Reply, "account": c.Listen.C2B.Account.MatchString("xINV-1") || !c.Listen.C2B.Account.MatchString("INV-1"),
		"min": c.Listen.C2B.MinAmount.String(), "max": c.Listen.C2B.MaxAmount.String(), "retention": c.Listen.Retention, "cap": c.ProductionCap.Minor(),
	}
	want := map[string]any{
		"proxies": "10.0.0.1/32 192.168.0.0/16", "check": IPEnforce, "addresses": "196.201.212.128/32 196.201.212.132/32",
		"reply": "C2B00016", "account": false, "min": "10.00", "max": "99.50", "retention": 36 * time.Hour, "cap": int64(250000),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMissingNamesAllAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flags["profile"] = "sandbox"
	w.env["PAYCTL_DARAJA_PASSKEY"] = "x"
	err := w.load().Missing("daraja.consumer_key", "daraja.passkey", "daraja.shortcode")
	var e *payment.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	got := []string{e.Kind.String(), e.Message, w.short(e.Hint)}
	want := []string{
		"unauthorized", `profile "sandbox": missing daraja.consumer_key, daraja.shortcode`,
		`set PAYCTL_DARAJA_CONSUMER_KEY, PAYCTL_DARAJA_SHORTCODE, or write them under profiles.sandbox in the user file "CONF/config.yaml"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := w.load().Missing("daraja.passkey"); err != nil {
		t.Errorf("got %v for a setting that is set", err)
	}
}

func TestCredentialsWithoutProfileAreWarnedOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["WASAAPAY_API_KEY"] = "sk_sandbox_x"
	want := []string{"WASAAPAY_API_KEY is set, but no profile is chosen, so the local emulator is spoken to; pass --profile sandbox or set PAYCTL_PROFILE"}
	if diff := cmp.Diff(want, w.load().Warnings); diff != "" {
		t.Error(diff)
	}
	w.flags["profile"] = "sandbox"
	if got := w.load().Warnings; got != nil {
		t.Errorf("got %q with a chosen profile", got)
	}
}

func TestNoHomeNoLedger(t *testing.T) {
	t.Parallel()
	c, err := Load(t.Context(), Source{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Ledger()
	if payment.KindOf(err) != payment.KindUsage || c.DB != "" {
		t.Errorf("DB %q, error %v", c.DB, err)
	}
}

func TestProjectFileIsFoundUpToTheRoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	deep := filepath.Join(w.repo, "a", "b")
	w.mkdir(deep)
	outside := filepath.Join(t.TempDir(), "x")
	w.mkdir(outside)
	w.write(filepath.Join(w.home, projectFile), "profile: sandbox\n", 0o644)
	w.write(filepath.Join(filepath.Dir(outside), projectFile), "profile: production\n", 0o644)
	for _, tt := range []struct{ dir, want string }{
		{deep, ""},        // the repository's root ends the search
		{w.home, "home"},  // the home itself counts
		{outside, ""},     // a planted file in a parent does not
		{w.userDir, "up"}, // below the home, outside a repository
	} {
		s := w.source()
		s.WorkDir = tt.dir
		c, err := Load(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Path().Project.Exists; got != (tt.want != "") {
			t.Errorf("from %s: project file found %v", w.short(tt.dir), got)
		}
	}
	w.project("output: json\n")
	s := w.source()
	s.WorkDir = deep
	c, err := Load(t.Context(), s)
	if err != nil || c.Path().Project.Path != filepath.Join(w.repo, projectFile) {
		t.Errorf("got %v, %v", c.Path().Project, err)
	}
}
