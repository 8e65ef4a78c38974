package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/cli"
)

// example says how a help page's line is run where it is not run as it stands, with exit
// code 0.
type example struct {
	// exit is what the line exits with in the sandbox.
	exit int
	// serves says that it is a server: it gets free ports, and is interrupted once ready.
	serves bool
	// before is run first.
	before string
	// with are words of the line and what stands for them, in pairs.
	with []string
	// env is added to the environment.
	env []string
	// says is what it must print, where the exit code alone would not show its effect.
	says string
	// unrun is why it cannot be run here; its verb and flags are parsed all the same.
	unrun string
}

// TestExamples runs every example of every help page, in the order of the tree: against an
// emulator, a listener and an endpoint, with the files that they name.
func TestExamples(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the examples are for a POSIX shell")
	}
	special := specialExamples()
	w := newExampleWorld(t)
	for _, line := range exampleLines(cli.Tree()) {
		w.try(line, special[line])
		delete(special, line)
	}
	for line := range special {
		t.Errorf("%q is no help page's example any more", line)
	}
}

func exampleLines(cmd *cobra.Command) (all []string) {
	for line := range strings.Lines(cmd.Example) {
		all = append(all, strings.TrimSpace(line))
	}
	for _, sub := range cmd.Commands() {
		for _, line := range exampleLines(sub) {
			if !slices.Contains(all, line) {
				all = append(all, line)
			}
		}
	}
	return all
}

// exampleWorld is where the examples run.
type exampleWorld struct {
	t     *testing.T
	dir   string
	env   []string
	names *strings.Replacer
}

func newExampleWorld(t *testing.T) *exampleWorld {
	t.Helper()
	root := t.TempDir()
	w := &exampleWorld{t: t, dir: filepath.Join(root, "here"), names: strings.NewReplacer()}
	for _, dir := range []string{"here/fixtures", "shop", "bin"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.env = append(os.Environ(), "HOME="+root, "XDG_CONFIG_HOME="+root+"/config", "XDG_CACHE_HOME="+root+"/cache", "XDG_STATE_HOME="+root+"/state", "XDG_DATA_HOME="+root+"/data",
		"PATH="+root+"/bin"+string(os.PathListSeparator)+os.Getenv("PATH"), "PAYCTL_DB="+root+"/ledger.db", "PAYCTL_PROFILE=local", "NO_COLOR=1", "TZ=Africa/Nairobi", "TESTDATA="+filepath.Join(mustGetwd(), "..", "..", "testdata"))
	emulator := w.serve("payctl emulator --callback-delay 20ms", nil)
	w.env = append(w.env, "PAYCTL_DARAJA_BASE_URL="+emulator, "PAYCTL_WASAAPAY_BASE_URL="+emulator, "PAYCTL_WASAAPAY_SOCKET_URL="+emulator)
	listener := w.serve("payctl listen", nil)
	w.env = append(w.env, "PAYCTL_CALLBACK_URL="+listener)
	endpoint, virtual := w.endpoint(), w.serve("payctl emulator --clock virtual", nil)
	w.sh(exampleFiles)
	w.names = strings.NewReplacer(
		"http://127.0.0.1:3000", endpoint, "http://127.0.0.1:4010", emulator, "http://127.0.0.1:4020", listener, "127.0.0.1:4080", "127.0.0.1:0", "http://virtual.example", virtual,
		"ws_CO_020120260304057711000222", w.sh("payctl deposit get INV-1 -o json --jq .provider_id"), "ws_CO_1", w.sh("payctl deposit get INV-1 -o json --jq .provider_id"),
		"UA2K7QX9ZP", w.sh("payctl deposit get INV-1 -o json --jq .receipt"), "UK4A0SYN01", w.sh("payctl deposit get INV-1 -o json --jq .receipt"),
		"dep_1", w.sh("payctl deposit get INV-1 -o json --jq .id"), "dep_2", w.sh("payctl deposit get INV-2 -o json --jq .id"),
		"dlv_1", w.sh("payctl webhook list --deposit INV-1 -o json --jq .[0].id"), "dlv_2", w.sh("payctl webhook list --deposit INV-2 -o json --jq .[0].id"),
		"qry_1", w.sh("payctl transaction list -o json --jq .[0].id"), "AG_20260102_2010a1b2c3d4e5f60718", w.sh("payctl transaction list -o json --jq .[0].conversation_id"),
		"1b2c-4d3e-8f90-a1b2c3d4e5f61234567", w.sh("payctl transaction list -o json --jq .[0].originator_conversation_id"),
	)
	return w
}

// endpoint is somebody's own: it credits each payment once, and counts into credits.txt.
func (w *exampleWorld) endpoint() string {
	var mu sync.Mutex
	seen := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/hok": // nobody's
			http.NotFound(rw, r)
			return
		case "/stuck": // until the first that asks has gone
			if _, err := os.Stat(filepath.Join(w.dir, "asked")); err != nil {
				_ = os.WriteFile(filepath.Join(w.dir, "asked"), nil, 0o600)
				<-r.Context().Done()
				return
			}
		}
		mu.Lock()
		defer mu.Unlock()
		seen[string(body)] = true
		_ = os.WriteFile(filepath.Join(w.dir, "credits.txt"), fmt.Appendln(nil, len(seen)), 0o600)
		_, _ = io.WriteString(rw, `{"ResultCode":0,"ResultDesc":"Accepted"}`)
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}

// sh runs a script that must succeed, and returns what it prints.
func (w *exampleWorld) sh(script string) string {
	w.t.Helper()
	out, said, code := w.run(script, nil)
	if code != 0 {
		w.t.Fatalf("%s: exit %d\n%s%s", script, code, out, said)
	}
	return strings.TrimSpace(out)
}

// run runs a script and returns its output, what it says beside, and its exit code.
func (w *exampleWorld) run(script string, env []string) (out, said string, code int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-ec", script)
	cmd.Dir, cmd.Env, cmd.WaitDelay = w.dir, append(slices.Clone(w.env), env...), time.Second
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("%s: %v", script, err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// try runs one example.
func (w *exampleWorld) try(line string, e example) {
	w.t.Helper()
	if e.unrun != "" {
		if out, _, code := w.run(line+" --help", e.env); code != 0 || !strings.Contains(out, line) {
			w.t.Errorf("%s: is not run, since it %s, and does not parse: exit %d\n%s", line, e.unrun, code, out)
		}
		return
	}
	if e.before != "" {
		w.sh(w.names.Replace(e.before))
	}
	ready := w.names.Replace(strings.NewReplacer(e.with...).Replace(line))
	if e.serves {
		w.serve(ready, append(e.env, "PAYCTL_DB="+filepath.Join(w.t.TempDir(), "own.db")))
		return
	}
	if out, said, code := w.run(ready, e.env); code != e.exit || !strings.Contains(out+said, e.says) {
		w.t.Errorf("%s\nrun as %s: exit %d, want %d and %q\n%s%s", line, ready, code, e.exit, e.says, out, said)
	}
}

// serve starts a server and returns the first word of what it writes when ready.
func (w *exampleWorld) serve(line string, env []string) string {
	w.t.Helper()
	ready := filepath.Join(w.t.TempDir(), "ready")
	cmd := exec.CommandContext(w.t.Context(), "sh", "-c", "exec "+line+" --addr 127.0.0.1:0 --ready-file '"+ready+"'")
	var stderr strings.Builder
	cmd.Dir, cmd.Env, cmd.Stderr, cmd.WaitDelay = w.dir, append(slices.Clone(w.env), env...), &stderr, time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	w.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := <-ended; err != nil {
			w.t.Logf("%s: %v", line, err)
		}
	})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if text, err := os.ReadFile(ready); err == nil && len(text) > 0 {
			return strings.Fields(string(text))[0]
		}
		select {
		case err := <-ended:
			ended <- err
			w.t.Errorf("%s: ended before it was ready: %v\n%s", line, err, stderr.String())
			return ""
		default:
		}
	}
	w.t.Errorf("%s: did not get ready", line)
	return ""
}

// exampleFiles makes what the examples name.
const exampleFiles = `
payctl deposit create --phone 0712345678 --amount 150 --reference INV-1 --wait
payctl deposit create --phone 0722345678 --amount 20 --reference INV-2 --wait
payctl transaction status $(payctl deposit get INV-1 -o json --jq .receipt)
printf 'Safaricom999!*!' > pw
payctl emulator certificate > emulator.pem
cp emulator.pem ProductionCertificate.cer
echo test-webhook-secret-01 > secret.txt
cp "$TESTDATA/wasaapay/deposit.completed.json" plain.json || payctl webhook trigger deposit.completed --print > plain.json
payctl webhook sign plain.json --secret-file secret.txt > body.json
{ tr -d '\n' < body.json; echo; tr -d '\n' < body.json; echo; } > archive.ndjson
printf 'phone,amount,reference\n0733345678,30,P-1\n' > plan.csv
printf -- '- event: deposit.initiated\n- event: deposit.completed\n  after: 10ms\n' > late.yaml
payctl webhook trigger stk.failed --print > fixtures/late-fail.json
printf '#!/bin/sh\ncat credits.txt\n' > count-credits.sh
chmod +x count-credits.sh
printf 'timezone: Africa/Nairobi\n' > payctl-config.yaml
cp payctl-config.yaml ../shop/.payctl.yaml
printf 'PAYCTL_WASAAPAY_API_KEY=sk_sandbox_local_key_0001\n' > shop.env
payctl emulator statement > "ORG_600123_Utility Account_All_20261105053012.csv"
cp "$TESTDATA/statements/ORG_654321_Merchant Account_All_20261105053140.csv" monday.csv
cp "$TESTDATA/statements/M-PESA_FULL_STATEMENT_654321.xlsx" tuesday.xlsx
printf 'Ref,Amount,Date,State\n%s,150.00,%s,Completed\n' "$(payctl deposit get INV-1 -o json --jq .receipt)" "$(payctl deposit get INV-1 -o json --jq .created_at)" > bank.csv
printf '#!/bin/sh\n' > ../bin/xdg-open
chmod +x ../bin/xdg-open
`

// queued is a script that leaves two deliveries waiting for an address that nobody has.
const queued = `
rm -f wrong.url
payctl listen --addr 127.0.0.1:0 --ready-file wrong.url --forward-to http://127.0.0.1:3000/hok >wrong.log 2>&1 & pid=$!
while [ ! -s wrong.url ]; do sleep 0.05; done
for event in stk.completed stk.failed; do payctl webhook trigger $event --to $(head -1 wrong.url)/callbacks/daraja/stk >/dev/null; done
until payctl webhook queue list -o json --jq '[.[] | select(.attempts > 0 and (.target | endswith("/hok")))] | length >= 2' | grep -q true; do sleep 0.05; done
kill -INT $pid; wait $pid || true
`

// interrupted is a script that leaves a replay unfinished.
const interrupted = `
payctl webhook replay --since 2h --event 'stk.*' --to http://127.0.0.1:3000/stuck >stuck.log 2>&1 & pid=$!
while [ ! -e asked ]; do sleep 0.05; done
kill -INT $pid; wait $pid || true
`

// specialExamples are the lines that want more than the files of exampleFiles.
func specialExamples() map[string]example {
	server := example{serves: true}
	postgres := example{unrun: "needs a PostgreSQL server"}
	// No webhook comes of it, so that it is decided by the question of who watches.
	undecided := func(phone string) example {
		return example{before: "payctl deposit create --provider wasaapay --wallet wallet_local --amount 1000 --phone " + phone}
	}
	const checkout = "ws_CO_020120260304057711000222"
	manual := func(reference string) string {
		return "payctl emulator behaviours --set manual && payctl deposit create --phone 0712345678 --amount 70 --reference " + reference
	}
	return map[string]example{
		"payctl config init": {exit: 64}, // there is no terminal to ask on
		"PAYCTL_WASAAPAY_WALLET=wallet_1 payctl config init --profile-name shop --provider wasaapay --secrets-from ./shop.env --keep-secrets file": {with: []string{"wallet_1", "wallet_local"}, env: []string{"XDG_CONFIG_HOME=other"}},
		"payctl config show --profile shop-sandbox -o json": {with: []string{"shop-sandbox", "shop"}},
		"payctl config trust":                               {before: "cp ../shop/.payctl.yaml ."},
		"payctl daraja balance":                             {before: "rm -f .payctl.yaml"},
		"payctl daraja credential encrypt --certificate emulator.pem --password-file - -o json": {with: []string{"payctl", "cat pw | payctl"}},
		"payctl daraja pull list": {before: "payctl daraja pull register --phone 0712345678"},
		"payctl deposit create --provider wasaapay --wallet wallet_1 --phone 0712345678 --amount 250": {with: []string{"wallet_1", "wallet_local"}},
		"payctl deposit resolve INV-1 --as completed --receipt UA2K7QX9ZP --because \"on the statement of 4 March\"": {
			before: "payctl emulator behaviours --set manual && payctl deposit create --phone 0712345699 --amount 60 --reference INV-9 && payctl emulator behaviours --unset manual", with: []string{"INV-1", "INV-9", "UA2K7QX9ZP", "UA2K7QX9ZQ"},
		},
		"payctl emulator": server,
		"payctl emulator --weather salary-day --seed 7": server,
		"payctl emulator --proxy 127.0.0.1:4080":        server,
		"payctl emulator answer ws_CO_1 cancelled":      {before: manual("M-1"), with: []string{"ws_CO_1", "$(payctl deposit get M-1 -o json --jq .provider_id)"}},
		"payctl emulator answer " + checkout + " paid":  {before: manual("M-2"), with: []string{checkout, "$(payctl deposit get M-2 -o json --jq .provider_id)"}},
		"payctl emulator answer 0712345678 cancelled":   {before: manual("M-3")},
		"payctl emulator ca > emulator-ca.pem":          {before: "payctl emulator behaviours --unset manual --unset callback-lost --unset callback-masked-phone"},
		"payctl emulator clock advance 90s":             {with: []string{"90s", "90s --url http://virtual.example"}},
		"payctl emulator clock advance next":            {with: []string{"next", "next --url http://virtual.example"}},
		// It waits for prompts until it is interrupted, with which timeout(1) exits so.
		"echo 1234 | payctl emulator phone 0712345678":                     {exit: 124, with: []string{"payctl", "timeout -s INT 2 payctl"}},
		"payctl ledger copy ledger.db postgres://payctl@db.example/payctl": postgres,
		"payctl ledger copy postgres://payctl@db.example/payctl backup.db": postgres,
		"payctl ledger migrate --db postgres://owner@db.example/payctl":    postgres,
		"payctl ledger restore ledger-2026-01-02.db":                       {env: []string{"PAYCTL_DB=restored.db"}},
		"payctl listen": server,
		"payctl listen --forward-to http://127.0.0.1:3000/hooks":                server,
		"payctl listen --forward-to 'deposit.*=http://127.0.0.1:3000/deposits'": server,
		// The ledger has none of what these files hold.
		"payctl reconcile monday.csv tuesday.xlsx --html report.html": {exit: 9, env: []string{"PAYCTL_DARAJA_SHORTCODE=654321"}},
		"payctl status watch --all":                                   undecided("0722345678"),
		"payctl status watch --filter 'amount >= 1000'":               undecided("0733345678"),
		"payctl ui --open":                                            server,
		"payctl ui --addr 127.0.0.1:0 --ready-file ui.txt":            server,
		"payctl ui --profile shop --emulator http://127.0.0.1:4010":   server,
		// The endpoint of the sandbox credits what it gets.
		"payctl webhook hammer http://127.0.0.1:3000/hook --provider wasaapay --probe './count-credits.sh'": {exit: 9},
		"payctl webhook queue drop --to http://127.0.0.1:3000/hok":                                          {before: queued, says: "dropped"},
		"payctl webhook queue drop dlv_1 dlv_2": {before: queued, says: "dropped", with: []string{
			"dlv_1", "$(payctl webhook queue list -o json --jq .[0].delivery_id)", "dlv_2", "$(payctl webhook queue list -o json --jq .[1].delivery_id)",
		}},
		"payctl webhook queue move --from http://127.0.0.1:3000/hok --to http://127.0.0.1:3000/hook": {before: queued, says: "moved"},
		"payctl webhook replay --failed --dry-run":                                                   {before: "payctl webhook replay dlv_1 --to http://127.0.0.1:3000/hok || true", says: "/hok"},
		"payctl webhook replay --resume":                                                             {before: interrupted, says: " 0 failed"},
	}
}
