package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // age writes into the ledger

	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// TestMain builds the program once, as it is released, and puts it on PATH:
// scripts and crash tests run the real binary, also when the tests themselves
// are built with the race detector, under which a process takes ten times as
// long to start.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "cloudflared" {
		os.Exit(playCloudflared(os.Args[1:]))
	}
	// Scripts wait for sockets and clocks far more than they compute; -parallel
	// on the command line is stronger, since it is parsed later.
	_ = flag.Set("test.parallel", "8")
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "payctl-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	made := dir
	defer func() { _ = os.RemoveAll(made) }()
	// TEST_BINARY_DIR holds a program that was built before: what an attack's script shows
	// on an older commit is seen with it.
	if built := os.Getenv("TEST_BINARY_DIR"); built != "" {
		dir = built
	} else if out, err := buildProgram(dir); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	// The user's own settings are nobody's business here.
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "XDG_") || strings.HasPrefix(name, "PAYCTL_") && !strings.HasPrefix(name, "PAYCTL_TORTURE") && !strings.HasPrefix(name, "PAYCTL_TEST_") || name == "WASAAPAY_API_KEY" {
			_ = os.Unsetenv(name)
		}
	}
	if err := os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func buildProgram(dir string) ([]byte, error) {
	cmd := exec.Command("go", "build", "-trimpath", "-o", dir+string(filepath.Separator), ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return cmd.CombinedOutput()
}

// patience is how long a test waits for what another process does: a loaded
// machine takes its time, and who succeeds does not wait for the end of it.
const patience = 2 * time.Minute

// TestScript runs testdata/script: the specification of the command line, over
// real sockets and in separate processes.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Files:               scripts(t),
		RequireExplicitExec: true,
		ContinueOnError:     os.Getenv("TEST_BINARY_DIR") != "", // each attack is seen, not the first alone
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			for name, value := range map[string]string{
				"HOME": home, "USERPROFILE": home,
				"XDG_CONFIG_HOME": filepath.Join(home, "config"), "XDG_STATE_HOME": filepath.Join(home, "state"),
				"XDG_CACHE_HOME": filepath.Join(home, "cache"), "XDG_DATA_HOME": filepath.Join(home, "data"),
				"PAYCTL_DB": filepath.Join(env.WorkDir, "ledger.db"), "TZ": "Africa/Nairobi",
				"TESTDATA": filepath.Join(mustGetwd(), "..", "..", "testdata"),
			} {
				env.Setenv(name, value)
			}
			if err := setupLedger(env); err != nil {
				return err
			}
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"conforms": cmdConforms,
			"exits":    cmdExits,
			"waitfor":  cmdWaitFor,
			"envfile":  cmdEnvFile,
			"freeport": cmdFreePort,
			"post":     cmdPost,
			"get":      cmdGet,
			"replace":  cmdReplace,
			"until":    cmdUntil,
			"poke":     cmdPoke,
			"age":      cmdAge,
			"sql":      cmdSQL,
			"edge":     cmdEdge,
			"chown":    cmdChown,
			"unzip":    cmdUnzip,
			"mute":     cmdMute,
			"target":   cmdTarget,
			"terminal": cmdTerminal,
			"readme":   cmdReadme,
			"tunnel":   cmdTunnel,
		},
		Condition: condition,
	})
}

// scripts returns the scripts that fit the ledger under test: with a PostgreSQL server
// those that name no ledger file.
func scripts(t *testing.T) []string {
	all, err := filepath.Glob(filepath.Join("..", "..", "testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if postgrestest.Server() == "" {
		return all
	}
	var out []string
	for _, name := range all {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !namesFile.Match(text) || bytes.Contains(text, []byte("[!postgres]")) {
			out = append(out, name)
		}
	}
	return out
}

// namesFile finds what only a ledger in a file has.
var namesFile = regexp.MustCompile(`\w\.db\b|--db|PAYCTL_DB|\.spill|\.token\b|\.recovery|(?m)^sql |ledger (backup|restore)|XDG_DATA_HOME`)

// setupLedger makes a script's ledger where that is a database.
func setupLedger(env *testscript.Env) error {
	if postgrestest.Server() == "" {
		return nil
	}
	place, remove, err := postgrestest.Ledger(context.Background())
	if err != nil {
		return err
	}
	env.Defer(func() {
		if err := remove(); err != nil {
			env.T().Log(err)
		}
	})
	env.Setenv("PAYCTL_DB", place)
	return nil
}

func mustGetwd() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir
}

// exits N PROGRAM ARGS... runs a program and wants exactly this exit code; its
// output is there for stdout and stderr as after exec.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// waitfor FILE [TEXT] waits until a file is there (and holds the text).
func cmdWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: waitfor file [text]")
	}
	path := ts.MkAbs(args[0])
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		data, err := os.ReadFile(path)
		if err == nil && (len(args) == 1 || bytes.Contains(data, []byte(args[1]))) {
			return
		}
	}
	data, _ := os.ReadFile(path)
	ts.Fatalf("%s: waited %s in vain for %q; it holds:\n%s", args[0], patience, args[1:], data)
}

// envfile NAME FILE [LINE] puts a file's text, or a line of it, into an environment
// variable.
func cmdEnvFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: envfile NAME file [line]")
	}
	text := strings.TrimSpace(ts.ReadFile(args[1]))
	if len(args) == 3 {
		n, err := strconv.Atoi(args[2])
		lines := strings.Split(text, "\n")
		if err != nil || n < 1 || n > len(lines) {
			ts.Fatalf("%s has no line %s", args[1], args[2])
		}
		text = lines[n-1]
	}
	ts.Setenv(args[0], text)
}

// taken are the ports that freeport has given out.
var taken sync.Map

// freeport NAME puts a port into an environment variable that nothing listens
// on, and that stays free while a listener on it is stopped and started again:
// it is below the ports that systems give out by themselves, and no two scripts
// get the same.
func cmdFreePort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport NAME")
	}
	for range 1000 {
		port := strconv.Itoa(20000 + rand.IntN(4000))
		if _, before := taken.LoadOrStore(port, true); before {
			continue
		}
		ln, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		ts.Check(ln.Close())
		ts.Setenv(args[0], port)
		return
	}
	ts.Fatalf("no port is free")
}

// post STATUS URL FILE [HEADER: VALUE]... posts a file's bytes and wants an HTTP
// status; the answer's body is there for stdout.
func cmdPost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: post status url file [header]...")
	}
	req, err := http.NewRequest(http.MethodPost, args[1], strings.NewReader(ts.ReadFile(args[2])))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	for _, header := range args[3:] {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	ts.Check(err)
	if fmt.Sprint(resp.StatusCode) != args[0] {
		ts.Fatalf("%s: status %d, want %s; body %s", args[1], resp.StatusCode, args[0], body.String())
	}
	_, err = ts.Stdout().Write(body.Bytes())
	ts.Check(err)
}

// get STATUS URL [HEADER: VALUE]... fetches a URL and wants an HTTP status; the body is
// there for stdout. Redirects are not followed.
func cmdGet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: get status url [header]...")
	}
	req, err := http.NewRequest(http.MethodGet, args[1], http.NoBody)
	ts.Check(err)
	for _, header := range args[2:] {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(body)
	ts.Check(err)
	if fmt.Sprint(resp.StatusCode) != args[0] {
		ts.Fatalf("%s: status %d, want %s; body %s", args[1], resp.StatusCode, args[0], body)
	}
}

// replace FILE OLD NEW changes a text in a file.
func cmdReplace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace file old new")
	}
	data := ts.ReadFile(args[0])
	if !strings.Contains(data, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(data, args[1], args[2])), 0o600))
}

// until TEXT PROGRAM ARGS... runs a program again and again until its output
// holds the text, whatever its exit code.
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until text program [args...]")
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		_ = ts.Exec(args[1], args[2:]...)
		if strings.Contains(ts.ReadFile("stdout"), args[0]) {
			return
		}
	}
	ts.Fatalf("%s: waited %s in vain for %q in its output:\n%s", args[1], patience, args[0], ts.ReadFile("stdout"))
}
