package config

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// A slip in a value is refused where it would otherwise mean something else, and the
// error shows no more of it than it may.
func TestSlipsInValues(t *testing.T) {
	t.Parallel()
	const passkey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, tt := range map[string]struct {
		user, profile, want string
		env                 map[string]string
	}{
		"dotted and nested": {
			user: "listen.ip_check: off\nlisten:\n  ip_check: enforce\n",
			want: `CONF/config.yaml:3: the key "listen.ip_check" stands here a second time`,
		},
		"nested and dotted, in a profile": {
			user: "profiles:\n  sandbox:\n    daraja: {till: 600222}\n    daraja.till: 600333\n",
			want: `CONF/config.yaml:4: the key "profiles.sandbox.daraja.till" stands here a second time`,
		},
		"pattern that leaves its group": {
			env:  map[string]string{"PAYCTL_LISTEN_C2B_ACCOUNT": "INV-1)|(?:INV-2"},
			want: `PAYCTL_LISTEN_C2B_ACCOUNT: listen.c2b_account "INV-1)|(?:INV-2": not a regular expression`,
		},
		"every address in IPv6 form": {
			env:  map[string]string{"PAYCTL_LISTEN_TRUSTED_PROXIES": "::ffff:0.0.0.0/96"},
			want: `PAYCTL_LISTEN_TRUSTED_PROXIES: listen.trusted_proxies "::ffff:0.0.0.0/96": stands for every address`,
		},
		"phone for a shortcode": {
			env:  map[string]string{"PAYCTL_DARAJA_SHORTCODE": "254712345678"},
			want: `PAYCTL_DARAJA_SHORTCODE: daraja.shortcode "2547*****678": not 5 to 9 digits`,
		},
		"passkey for a shortcode": {
			env:  map[string]string{"PAYCTL_DARAJA_SHORTCODE": passkey},
			want: `PAYCTL_DARAJA_SHORTCODE: daraja.shortcode: not 5 to 9 digits`,
		},
		"host with the root's dot": {
			profile: "sandbox", env: map[string]string{"PAYCTL_DARAJA_BASE_URL": "https://api.safaricom.co.ke."},
			want: `PAYCTL_DARAJA_BASE_URL: daraja.base_url "https://api.safaricom.co.ke.": api.safaricom.co.ke is not a host of the sandbox environment`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.user(tt.user)
			w.flags["profile"] = "local"
			if tt.profile != "" {
				w.flags["profile"] = tt.profile
			}
			maps.Copy(w.env, tt.env)
			_, err := Load(t.Context(), w.source())
			var e *payment.Error
			if !errors.As(err, &e) || e.Kind != payment.KindUsage {
				t.Fatalf("got %v, want a usage error", err)
			}
			if diff := cmp.Diff(tt.want, w.short(e.Message)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A network of IPv4 addresses in IPv6 form holds those addresses: peers are compared
// in IPv4 form.
func TestNetworkInIPv6Form(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["PAYCTL_SEVI_ADDRESSES"] = "::ffff:10.1.2.3/104, 2001:db8::1/32,\t192.0.2.1\n"
	var got []string
	for _, p := range w.load().Sevi.Addresses {
		got = append(got, p.String())
	}
	if diff := cmp.Diff([]string{"10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32"}, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever is written where a command or a keyring entry belongs, no more is shown of
// it than the program's name or an entry's.
func TestPlaceOfASecretHidesWhatMayBeOne(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`token_command: "pass show shop"`:                `command "pass"`,
		`token_command: "/opt/vault-1.2/bin/vault read"`: `command "/opt/vault-1.2/bin/vault"`,
		`token_command: "TOKEN=LEAK vault read"`:         `command "TOKEN…"`,
		`token_command: "echo\tLEAK"`:                    `command "echo"`,
		`token_command: "echo;LEAK"`:                     `command "echo…"`,
		`token_command: "echo<<<LEAK"`:                   `command "echo…"`,
		`token_command: "'/opt/my LEAK/x' y"`:            `command "…"`,
		`token_command: ['/opt/my tool/x', LEAK]`:        `command "/opt/my tool/x"`,
		`token_keyring: LEAKLEAKLEAKLEAKLEAK`:            `keyring entry "…"`,
		`token_keyring: payctl/sevi`:                     `keyring entry "payctl/sevi"`,
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.user("profile: sandbox\nprofiles:\n  sandbox:\n    sevi:\n      " + line + "\n")
			got := w.explain(w.load(), "sevi.token").Value
			if got != want || strings.Contains(got, "LEAK") {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
