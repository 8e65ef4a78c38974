//go:build !windows

package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

func TestUserFileMustBePrivate(t *testing.T) {
	t.Parallel()
	const head = "profile: p\nprofiles:\n  p:\n    environment: sandbox\n    daraja:\n"
	for _, tt := range []struct {
		name, text string
		mode       os.FileMode
		want       string
	}{
		{"secret for others", head + "      passkey: LEAK\n", 0o644, `CONF/config.yaml: holds "daraja.passkey" but other users can read or change the file (mode 0644)`},
		{"secret for the group", head + "      passkey: LEAK\n", 0o640, `CONF/config.yaml: holds "daraja.passkey" but other users can read or change the file (mode 0640)`},
		{"command to change", head + "      passkey_command: pass show x\n", 0o622, `CONF/config.yaml: holds "daraja.passkey_command" but other users can read or change the file (mode 0622)`},
		{"private", head + "      passkey: LEAK\n", 0o600, ""},
		{"private and read-only", head + "      passkey: LEAK\n", 0o400, ""},
		{"a path is no secret", head + "      passkey_file: x\n", 0o644, ""},
		{"no secret", "profile: local\n", 0o644, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write(filepath.Join(w.userDir, "config.yaml"), tt.text, tt.mode)
			_, err := Load(t.Context(), w.source())
			got, hint := "", ""
			var e *payment.Error
			if errors.As(err, &e) {
				got, hint = w.short(e.Message), w.short(e.Hint)
			}
			wantHint := ""
			if tt.want != "" {
				wantHint = "run: chmod 600 CONF/config.yaml"
			}
			if diff := cmp.Diff([]string{tt.want, wantHint}, []string{got, hint}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSourceOfEachSystem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		goos string
		env  map[string]string
		want []string
	}{
		{"linux", map[string]string{"HOME": "/h"}, []string{"/h", "/h/.config/payctl", "/h/.local/share/payctl", "/h/.local/state/payctl", "/h/.cache/payctl"}},
		{
			"linux",
			map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "relative", "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/k"},
			[]string{"/h", "/c/payctl", "/h/.local/share/payctl", "/s/payctl", "/k/payctl"},
		},
		{"linux", nil, []string{"", "", "", "", ""}},
		{"darwin", map[string]string{"HOME": "/h"}, []string{
			"/h", "/h/Library/Application Support/payctl", "/h/Library/Application Support/payctl", "/h/Library/Application Support/payctl", "/h/Library/Caches/payctl",
		}},
		{"windows", map[string]string{"USERPROFILE": "/h", "APPDATA": "/r", "LOCALAPPDATA": "/l"}, []string{
			"/h", "/r/payctl", "/l/payctl/data", "/l/payctl/state", "/l/payctl/cache",
		}},
	} {
		s := newSource(tt.goos, "/w", func(name string) string { return tt.env[name] }, nil)
		if diff := cmp.Diff(tt.want, []string{s.HomeDir, s.ConfigDir, s.DataDir, s.StateDir, s.CacheDir}); diff != "" {
			t.Errorf("%s: %s", tt.goos, diff)
		}
	}
}
