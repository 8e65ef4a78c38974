package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/wasaapay"
)

// The reference that the code cites is not shipped: nothing that people read sends
// them there.
func TestNothingShownCitesTheReference(t *testing.T) {
	t.Parallel()
	shown := map[string]string{"help environment": environmentHelp()}
	walk(tree(), func(cmd *cobra.Command) {
		shown[cmd.CommandPath()] = cmd.Short + cmd.Long + cmd.Example + cmd.Flags().FlagUsages()
	})
	for _, args := range []string{
		"daraja ips list -o json", "daraja ips list", "daraja ips check 196.201.212.69",
		"emulator behaviours", "emulator behaviours -o json", "explain 500.001.1001", "explain 17 -o json", "explain C1 -o json",
	} {
		var stdout, stderr bytes.Buffer
		if code := Main(t.Context(), Invocation{Args: strings.Fields(args), Stdout: &stdout, Stderr: &stderr, Dir: t.TempDir()}); code != 0 {
			t.Errorf("%s: exit %d, %s", args, code, &stderr)
		}
		shown[args] = stdout.String() + stderr.String()
	}
	for where, text := range shown {
		for _, bad := range []string{"§", "reference/", "daraja.md", "wasaapay.md", "sevi.md"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s shows %q", where, bad)
			}
		}
	}
	for _, m := range wasaapay.Catalogue() {
		if source := m.Source(); strings.Contains(source, "§") || source == "" {
			t.Errorf("wasaapay %s: source %q", m.Code, source)
		}
	}
}

func TestBehaviourPage(t *testing.T) {
	t.Parallel()
	for sections, want := range map[string]string{
		"daraja §2, §3.4": "daraja Authorization", "daraja §6 (gateway faults), §13.6": "daraja TransactionStatus",
		"daraja §11.8, §13.6": "daraja", "daraja §10.1": "daraja CustomerToBusinessRegisterURL", "wasaapay §15, C7": "wasaapay",
		"wasaapay §12.2, §15, C16": "wasaapay payment-status", "": "",
	} {
		if got := provider.Builtin().Page(sections); got != want {
			t.Errorf("%q: got %q, want %q", sections, got, want)
		}
	}
	for _, b := range emulator.Behaviours() {
		page := provider.Builtin().Page(b.Section)
		if id, _, _ := strings.Cut(page, " "); id != "daraja" && id != "wasaapay" {
			t.Errorf("%s: %q is no page", b.Name, page)
		}
	}
}
