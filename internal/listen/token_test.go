package listen

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
)

// TestInstallTokenAgreed holds that those who start together agree on one token, and
// that nothing but its file is left behind.
func TestInstallTokenAgreed(t *testing.T) {
	t.Parallel()
	for round := range 20 {
		dir := filepath.Join(t.TempDir(), "new")
		ledger := filepath.Join(dir, "ledger.db")
		tokens := make([]string, 8)
		var starting sync.WaitGroup
		for i := range tokens {
			starting.Go(func() {
				var err error
				if tokens[i], err = InstallToken(TokenFile(ledger)); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		starting.Wait()
		again, err := InstallToken(TokenFile(ledger))
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			if token != again {
				t.Errorf("round %d: tokens differ", round)
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		names := []string{}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if diff := cmp.Diff([]string{"ledger.db.token"}, names); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		info, err := os.Stat(ledger + ".token")
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
			t.Errorf("mode %o, want 600", mode)
		}
	}
}

// TestInstallTokenFaults holds that a token file that is of no use is named,
// that what is in it is not shown, and that it is left as it is.
func TestInstallTokenFaults(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"":                       "is empty",
		" \n":                    "is empty",
		"hunter2\n":              "7 characters",
		"hunter2/hunter2hunter2": "does not belong in a path",
	} {
		path := filepath.Join(t.TempDir(), "ledger.db.token")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := InstallToken(path)
		var fault *payment.Error
		if !errors.As(err, &fault) || fault.Kind != payment.KindUsage {
			t.Errorf("%q: %v", content, err)
			continue
		}
		text := fault.Message + "\n" + fault.Hint
		for _, part := range []string{path, want, "remove"} {
			if !strings.Contains(text, part) {
				t.Errorf("%q: %q does not say %q", content, text, part)
			}
		}
		if strings.Contains(text, "hunter2") {
			t.Errorf("%q: shown in %q", content, text)
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != content {
			t.Errorf("%q: became %q, %v", content, left, err)
		}
	}
}
