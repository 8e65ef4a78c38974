//go:build !windows

package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// stranger is a user that is neither root nor this one.
const stranger = 54321

// TestFilesOfAnotherUser: what another user wrote, or can still change, is refused by
// name with the command that mends it, also for root; no command in it runs.
func TestFilesOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("LOUD SKIP: only root can give a file away")
	}
	chown := func(path string) error { return os.Lchown(path, stranger, stranger) }
	for name, tt := range map[string]struct {
		plant      func(w *world) error
		want, hint string
	}{
		"user file": {func(w *world) error {
			return chown(w.user("profiles: {sandbox: {sevi: {token_command: 'touch " + filepath.Join(w.home, "ran") + "'}}}\n"))
		}, "config: CONF/config.yaml belongs to another user (uid 54321)", "chown 0"},
		"user file, a link of theirs": {func(w *world) error {
			real := w.write(filepath.Join(w.home, "real.yaml"), "profile: sandbox\n", 0o600)
			link := filepath.Join(w.userDir, "config.yaml")
			return errors.Join(os.Symlink(real, link), chown(link))
		}, "config: CONF/config.yaml is a symbolic link that another user made", "rm "},
		"user file, a link to theirs": {func(w *world) error {
			real := w.write(filepath.Join(w.home, "real.yaml"), "profile: sandbox\n", 0o600)
			return errors.Join(chown(real), os.Symlink(real, filepath.Join(w.userDir, "config.yaml")))
		}, "config: CONF/config.yaml belongs to another user", "chown 0"},
		"user file, empty and open": {func(w *world) error {
			return os.Chmod(w.user(""), 0o666)
		}, "config: other users can change CONF/config.yaml (mode 0666)", "chmod go-w"},
		"project file": {func(w *world) error { return chown(w.project("profile: local\n")) }, "config: REPO/.payctl.yaml belongs to another user", "chown 0"},
		"project file, world-writable, in a shared directory": {func(w *world) error {
			path := w.project("profile: local\n")
			return errors.Join(os.Chmod(path, 0o666), chown(path), os.Chmod(w.repo, 0o777|os.ModeSticky))
		}, "config: REPO/.payctl.yaml belongs to another user", "chown 0"},
		"project file, world-writable": {func(w *world) error { return os.Chmod(w.project("profile: local\n"), 0o666) }, "config: other users can change REPO/.payctl.yaml (mode 0666)", "chmod go-w"},
		"marks of trust": {func(w *world) error {
			w.project("profiles: {sandbox: {daraja: {till: 600222}}}\n")
			w.trust()
			return chown(filepath.Join(w.home, "state", "trusted"))
		}, "config trust: HOME/state/trusted belongs to another user", "chown 0"},
		"marks of trust, open": {func(w *world) error {
			w.project("profiles: {sandbox: {daraja: {till: 600222}}}\n")
			w.trust()
			return os.Chmod(filepath.Join(w.home, "state", "trusted"), 0o777)
		}, "config trust: other users can change HOME/state/trusted", "chmod go-w"},
		"secret file": {func(w *world) error {
			w.user("profiles: {sandbox: {sevi: {token_file: token}}}\n")
			return chown(w.write(filepath.Join(w.userDir, "token"), "tok_1", 0o600))
		}, "sevi.token_file: CONF/token belongs to another user", "chown 0"},
		"secret file, open": {func(w *world) error {
			w.user("profiles: {sandbox: {sevi: {token_file: token}}}\n")
			w.write(filepath.Join(w.userDir, "token"), "tok_1", 0o666)
			return nil
		}, "sevi.token_file: other users can change CONF/token", "chmod go-w"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.env["PAYCTL_PROFILE"] = "sandbox"
			if err := tt.plant(w); err != nil {
				t.Fatal(err)
			}
			c, err := Load(t.Context(), w.source())
			if err == nil {
				_, err = c.Sevi.Token.Get(t.Context())
			}
			var e *payment.Error
			if !errors.As(err, &e) || e.Kind != payment.KindUsage || !strings.HasPrefix(w.short(e.Message), tt.want) || !strings.Contains(e.Hint, tt.hint) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if _, err := os.Stat(filepath.Join(w.home, "ran")); err == nil {
				t.Error("the command ran")
			}
		})
	}
}

// Docker, Kubernetes and systemd hand secrets over as root's files that all may read,
// by way of links.
func TestSecretFileOfRoot(t *testing.T) {
	t.Parallel()
	w, ref := secretWorld(t, "token_file: mounted", nil)
	real := w.write(filepath.Join(w.userDir, "real"), "tok_1\n", 0o444)
	if err := os.Symlink(real, filepath.Join(w.userDir, "mounted")); err != nil {
		t.Fatal(err)
	}
	if value, err := ref.Get(t.Context()); err != nil || value.Reveal() != "tok_1" {
		t.Errorf("got %v, %v", value, err)
	}
}
