package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/cli"
)

// verbsThatAct are the verbs that change something, each with a command line that does and
// the actions that it must leave. ID stands for a deposit, RECEIPT for its receipt.
func verbsThatAct() []struct {
	verb, line string
	code       int
	actions    []string
} {
	return []struct {
		verb, line string
		code       int
		actions    []string
	}{
		{"deposit create", "deposit create --phone 0722345050 --amount 150 --reference ACT-1", 0, []string{"deposit create", "deposit send"}},
		{"deposit create", "deposit create --phone 0722345051 --amount 150 --reference ACT-2", 0, []string{"deposit create", "deposit send"}},
		{"status watch", "status watch ACT-1 --via poll", 0, []string{"status watch"}},
		{"status get", "status get ACT-2", 0, []string{"status get"}},
		{"deposit create", "deposit create --phone 0722345052 --amount 150 --reference ACT-3", 0, []string{"deposit create", "deposit send"}},
		{"deposit resolve", "deposit resolve ACT-3 --as failed --because portal", 0, []string{"deposit resolve --as failed"}},
		{"transaction status", "transaction status UA2K7QX9ZP --no-wait", 0, []string{"ask for transaction status"}},
		{"daraja balance", "daraja balance --no-wait", 0, []string{"ask for balance"}},
		{"daraja reversal create", "daraja reversal create --receipt UA2K7QX9ZP --amount 150 --remarks wrong --no-wait", 0, []string{"ask for reversal"}},
		{"daraja c2b register", "daraja c2b register", 0, []string{"daraja c2b register"}},
		{"daraja c2b simulate", "daraja c2b simulate --phone 0722345050 --amount 10 --reference ACT-3", 0, []string{"daraja c2b simulate"}},
		{"daraja pull register", "daraja pull register --phone 0722345050", 0, []string{"daraja pull register"}},
		{"webhook replay", "webhook replay --last 1 --verdict untrusted --to APP", 0, []string{"webhook replay"}},
		{"webhook queue move", "webhook queue move --from http://127.0.0.1:1/a --to http://127.0.0.1:1/b", 0, []string{"webhook queue move"}},
		{"webhook queue drop", "webhook queue drop --all", 0, []string{"webhook queue drop"}},
		{"ledger prune", "ledger prune --older-than 0s --yes", 0, []string{"ledger prune"}},
		{"config init", "config init --profile-name shop --environment sandbox --provider sevi --secrets-from shop.env --keep-secrets file", 0, []string{"config init"}},
		{"config trust", "config trust", 0, []string{"config trust"}},
		{"doctor", "doctor --fix", -1, []string{"doctor"}},
	}
}

// verbsThatDoNot change nothing that a ledger could be asked about; each with the reason.
func verbsThatDoNot() map[string]string {
	const reads, emulator = "reads", "plays the provider, whose own state file it keeps"
	out := map[string]string{
		"listen":                    "what deliveries change is nobody's action; pruning by retention is one (TestPruneIsAnAction)",
		"ledger restore":            "its action is in the ledger that it puts in place (ledger_verify)",
		"ledger backup":             "writes a new file, and changes none",
		"ledger copy":               "writes another ledger, and changes none",
		"ledger migrate":            "bringing a ledger to another schema is an action (TestMigrationIsAnAction)",
		"ui":                        "what it lets a person do is an action of the same use cases",
		"webhook trigger":           "sends a sample to an app; the ledger has no part in it",
		"webhook hammer":            "sends samples to an app; the ledger has no part in it",
		"demo":                      "works on a ledger of its own, which is gone with it",
		"daraja credential":         "makes a text",
		"daraja qr":                 "makes a picture",
		"webhook sign":              "makes a text",
		"completion":                "makes a text",
		"emulator":                  emulator,
		"reconcile":                 "reports, and applies nothing",
		"daraja credential encrypt": "makes a text",
	}
	for _, verb := range []string{
		"deposit get", "deposit list", "transaction get", "transaction list", "trace", "webhook verify", "webhook list",
		"webhook show", "webhook queue list", "explain", "stats", "config show", "config explain", "config path", "config profiles",
		"config validate", "daraja pull list", "daraja ips list", "daraja ips check", "ledger info", "ledger check", "ledger verify",
		"version", "help", "schema",
	} {
		out[verb] = reads
	}
	return out
}

// Every verb that changes something leaves an action, and the chain of them holds. A new
// verb fails here until somebody has thought about it.
func TestMoneyActionsOfAllVerbs(t *testing.T) {
	t.Parallel()
	known := verbsThatDoNot()
	for _, v := range verbsThatAct() {
		known[v.verb] = "acts"
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		verb := strings.TrimPrefix(cmd.CommandPath(), "payctl ")
		parent, _, _ := strings.Cut(verb, " ")
		for _, c := range cmd.Commands() {
			walk(c)
		}
		if cmd.HasParent() && cmd.Runnable() && !cmd.HasSubCommands() && known[verb] == "" && known[parent] == "" {
			t.Errorf("%q: neither here as one that leaves an action, nor as one that need not", verb)
		}
	}
	walk(cli.Tree())

	s := newShop(t, "", "")
	emulatorURL := s.background("emulator", "--addr", "127.0.0.1:0", "--seed", "7")
	s.env = append(s.env, "PAYCTL_DARAJA_BASE_URL="+emulatorURL, "PAYCTL_WASAAPAY_BASE_URL=http://127.0.0.1:1")
	// A listener of another address: what the emulator posts is lost, so that asking settles.
	s.env = append(s.env, "PAYCTL_CALLBACK_URL=http://127.0.0.1:1")
	listener := s.background("listen", "--addr", "127.0.0.1:0", "--forward-to", "http://127.0.0.1:1/a")
	for i := range 3 {
		post(t, listener+"/callbacks/daraja/stk", fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"m","CheckoutRequestID":"ws_CO_%d","ResultCode":1032,"ResultDesc":"no"}}}`, i))
	}
	app := newGateway(t, func(int, map[string]any, http.ResponseWriter) {})
	for name, text := range map[string]string{
		"shop.env":     "PAYCTL_SEVI_TOKEN=token-of-the-shop\n",
		".payctl.yaml": "output: text\n",
		".git/HEAD":    "ref: refs/heads/main\n",
	} {
		path := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	done := 0
	for _, v := range verbsThatAct() {
		if v.verb == "doctor" {
			if err := os.Chmod(filepath.Join(s.dir, "ledger.db"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got := s.run(strings.Fields(strings.ReplaceAll(v.line, "APP", app.URL))...)
		if got.code != v.code && v.code >= 0 {
			t.Errorf("payctl %s: exit %d, want %d: %s%s", v.line, got.code, v.code, got.stdout, got.stderr)
		}
		all := s.actions()
		if left := all[min(done, len(all)):]; !slices.Equal(left, v.actions) {
			t.Errorf("payctl %s left the actions %q, want %q\n%s%s", v.line, left, v.actions, got.stdout, got.stderr)
		}
		done = len(all)
	}
	if got := s.run("ledger", "verify"); got.code != 0 {
		t.Errorf("ledger verify: exit %d: %s", got.code, got.stdout)
	}
}

// background starts a command that serves, and returns its URL.
func (s *shop) background(args ...string) string {
	s.t.Helper()
	ready := filepath.Join(s.dir, args[0]+".url")
	cmd := exec.Command("payctl", append(args, "--ready-file", ready)...)
	cmd.Env, cmd.Dir = s.env, s.dir
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return strings.TrimSpace(waitForFile(s.t, ready))
}

func post(t *testing.T, url, body string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
}

// actions are what the ledger's actions say was done, in order.
func (s *shop) actions() []string {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "ledger.db")+"?_pragma=busy_timeout(60000)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(s.t.Context(), "SELECT what, who, host FROM actions ORDER BY seq")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var what, who, host string
		if err := rows.Scan(&what, &who, &host); err != nil {
			s.t.Fatal(err)
		}
		if who == "" || host == "" {
			s.t.Errorf("%s: nobody did it, or nowhere: %q, %q", what, who, host)
		}
		out = append(out, what)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return out
}
