//go:build !windows

package cli

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/store"
)

// TestTimeoutBoundsWhatComesBefore checks that --timeout holds for settings, secrets
// and the ledger: none of them is asked for longer, and nothing was sent.
func TestTimeoutBoundsWhatComesBefore(t *testing.T) {
	t.Parallel()
	const profile = `profile: sandbox
profiles:
  sandbox:
    daraja: {base_url: "http://127.0.0.1:1", shortcode: "174379", passkey: 6c6f63616c2d656d756c61746f722d706173736b65792d666f722d7061796374}
    wasaapay: {base_url: "http://127.0.0.1:1", socket_url: "http://127.0.0.1:1", wallet: wallet_1, `
	create := []string{"deposit", "create", "--phone", "0712345678", "--amount", "100", "--reference", "R"}
	wasaapay := append(create, "--provider", "wasaapay")
	for name, c := range map[string]struct {
		config string
		pipe   string
		locked bool
		args   []string
		code   int
	}{
		"a slow command":               {config: profile + "api_key_command: sleep 6; echo sk_sandbox_1}\n", args: wasaapay, code: 7},
		"a pipe as a secret":           {config: profile + "api_key_file: pipe}\n", pipe: "pipe", args: wasaapay, code: 7},
		"a pipe as the settings":       {pipe: "config.yaml", args: create, code: 7},
		"a list, its settings a pipe":  {pipe: "config.yaml", args: []string{"deposit", "list"}, code: 8},
		"a watch, its settings a pipe": {pipe: "config.yaml", args: []string{"status", "watch", "dep_1"}, code: 8},
		"a locked ledger":              {config: "profile: local\n", locked: true, args: create, code: 7},
		"a locked ledger, waiting":     {config: "profile: local\n", locked: true, args: append(create, "--wait"), code: 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file, db := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "ledger.db")
			if c.config != "" {
				if err := os.WriteFile(file, []byte(c.config), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.pipe != "" {
				if err := syscall.Mkfifo(filepath.Join(dir, c.pipe), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.locked {
				lock(t, db)
			}
			var stderr bytes.Buffer
			start := time.Now()
			code := Main(t.Context(), Invocation{
				Args: append([]string{"--config", file, "--db", db, "--timeout", "300ms"}, c.args...), Dir: dir,
				Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: &stderr, Environ: []string{"HOME=" + dir},
			})
			if took := time.Since(start); code != c.code || took > 3*time.Second {
				t.Errorf("exit %d after %s, want %d at once: %s", code, took, c.code, stderr.String())
			}
		})
	}
}

// lock makes a ledger and holds it as another process would.
func lock(t *testing.T, path string) {
	t.Helper()
	ledger, err := store.Open(t.Context(), store.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	held, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = held.Rollback()
		_ = db.Close()
	})
}
