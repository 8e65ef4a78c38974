//go:build !windows

package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

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
		{"cap to change", "production_cap: 100\n", 0o602, `CONF/config.yaml: sets "production_cap" but other users can change the file (mode 0602)`},
		{"callback for the group to change", "callback_url: https://x.example\n", 0o660, `CONF/config.yaml: sets "callback_url" but other users can change the file (mode 0660)`},
		{"till to change", head + "      till: 600222\n", 0o666, `CONF/config.yaml: sets "profile" but other users can change the file (mode 0666)`},
		{"till of any profile", "profiles: {sandbox: {daraja: {till: 600222}}}\n", 0o666, `CONF/config.yaml: sets "daraja.till" but other users can change the file (mode 0666)`},
		{"host to change", "profiles: {sandbox: {wasaapay: {base_url: 'https://x.example'}}}\n", 0o620, `CONF/config.yaml: sets "wasaapay.base_url" but other users can change the file (mode 0620)`},
		{"secret's file to change", "profiles: {sandbox: {sevi: {token_file: x}}}\n", 0o666, `CONF/config.yaml: sets "sevi.token_file" but other users can change the file (mode 0666)`},
		{"keyring to change", "profiles: {sandbox: {sevi: {token_keyring: a/b}}}\n", 0o622, `CONF/config.yaml: sets "sevi.token_keyring" but other users can change the file (mode 0622)`},
		{"retention to change", "listen: {retention: 90d}\n", 0o666, `CONF/config.yaml: sets "listen.retention" but other users can change the file (mode 0666)`},
		{"to read alone", "profile: local\nprofiles: {sandbox: {daraja: {till: 600222}}}\n", 0o644, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write(filepath.Join(w.userDir, "config.yaml"), tt.text, tt.mode)
			_, err := Load(t.Context(), w.source())
			got, hint := "", ""
			if e, ok := errors.AsType[*payment.Error](err); ok {
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

// TestPipeForAFile: a shell gives a pipe where a file is named ("--config <(…)");
// one that nobody writes to does not hold a run that was told to stop.
func TestPipeForAFile(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"config", "project"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, pipe := pipeWorld(t, name)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := Load(ctx, w.source()); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("nobody writes: got %v", err)
			}
			writer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // lets go of the reader that was left waiting
			if err != nil {
				t.Fatal(err)
			}
			if err := writer.Close(); err != nil {
				t.Fatal(err)
			}
			w, pipe = pipeWorld(t, name)
			go func() {
				_ = os.WriteFile(pipe, []byte("profile: sandbox\n"), 0o600)
			}()
			if c := w.load(); c.Profile != "sandbox" {
				t.Errorf("profile %q", c.Profile)
			}
		})
	}
}

// pipeWorld is a world whose user or project file is a pipe.
func pipeWorld(t *testing.T, name string) (*world, string) {
	t.Helper()
	w := newWorld(t)
	pipe := filepath.Join(w.repo, projectFile)
	if name == "config" {
		pipe = filepath.Join(w.home, "pipe")
		w.flags["config"] = pipe
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	return w, pipe
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
