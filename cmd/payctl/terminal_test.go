package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// terminal is a program in a terminal of its own, which tmux draws.
type terminal struct {
	t      *testing.T
	socket string
}

// town is a directory with an emulator whose customers answer only when told to, a
// listener, and some deposits that are open.
func town(t *testing.T, references ...string) (env []string) {
	t.Helper()
	dir := t.TempDir()
	env = append(os.Environ(), "HOME="+dir, "PAYCTL_DB="+filepath.Join(dir, "ledger.db"), "TZ=Africa/Nairobi", "LANG=C.UTF-8", "NO_COLOR=")
	for _, server := range []struct{ variable, verb, flag string }{
		{"PAYCTL_DARAJA_BASE_URL", "emulator", "--behaviour=manual"}, {"PAYCTL_CALLBACK_URL", "listen", "--quiet"},
	} {
		ready := filepath.Join(dir, server.verb)
		cmd := exec.CommandContext(t.Context(), "payctl", server.verb, "--addr", "127.0.0.1:0", "--ready-file", ready, server.flag)
		cmd.Env = env
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			url, err := os.ReadFile(ready)
			if err == nil {
				env = append(env, server.variable+"="+strings.TrimSpace(string(url)))
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s is not ready: %v", server.verb, err)
			}
		}
	}
	for i, reference := range references {
		output(t, env, "payctl", "deposit", "create", "--quiet", "--phone", "071234567"+string(rune('0'+i)), "--amount", "150", "--reference", reference)
	}
	return env
}

func output(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, args, err, out)
	}
	return string(out)
}

// openTerminal runs a shell command in a terminal; its exit code stands there at the end.
func openTerminal(t *testing.T, env []string, columns, rows, command string) *terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("LOUD SKIP: tmux is not installed")
	}
	term := &terminal{t, filepath.Join(t.TempDir(), "tmux")}
	output(t, env, "tmux", "-S", term.socket, "-f", os.DevNull, "new-session", "-d", "-x", columns, "-y", rows, command+`; echo "exit $?"; sleep 600`)
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", term.socket, "kill-server").Run() })
	return term
}

func (term *terminal) do(args ...string) string {
	term.t.Helper()
	return output(term.t, os.Environ(), "tmux", append([]string{"-S", term.socket}, args...)...)
}

// screen is what the terminal shows, with what scrolled away.
func (term *terminal) screen() string { return term.do("capture-pane", "-p", "-S", "-200") }

// shows waits until the terminal shows what a pattern matches, and returns the screen.
func (term *terminal) shows(pattern string) string {
	term.t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	shown := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if shown = term.screen(); re.MatchString(shown) {
			return shown
		}
	}
	term.t.Fatalf("the terminal does not show %q:\n%s", pattern, shown)
	return ""
}

// A person who sets payctl up is asked again what was answered wrongly, and is told of a
// name that is taken before typing a secret.
func TestTerminalConfigInit(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	env := append(os.Environ(), "HOME="+home, "LANG=C.UTF-8")
	output(t, env, "payctl", "config", "init", "--provider", "daraja", "--environment", "sandbox", "--shortcode", "174379", "--keep-secrets", "environment")
	term := openTerminal(t, env, "120", "40", "payctl config init --keep-secrets environment")
	answer := func(question, text string) {
		t.Helper()
		term.shows(question + ` *$`)
		term.do("send-keys", text, "Enter")
	}
	answer(`^Provider .*\[daraja\]:`, "sandbox")
	term.shows(`^warning: provider "sandbox": is not known`)
	answer(`^Provider .*\[daraja\]:`, "")
	answer(`^Environment .*\[sandbox\]:`, "prod")
	term.shows(`^warning: environment "prod": is none`)
	answer(`^Environment .*\[sandbox\]:`, "")
	answer(`^Name of the profile \[sandbox\]:`, "")
	term.shows(`^warning: .*profile "sandbox" is there already`)
	answer(`^Name of the profile \[sandbox\]:`, "shop-sandbox")
	answer(`^daraja.shortcode .*:`, "600111")
	for {
		if shown := term.shows(`(^exit \d+$|: *$)`); strings.Contains(shown, "exit 0") {
			break
		}
		term.do("send-keys", "", "Enter")
		time.Sleep(100 * time.Millisecond)
	}
	term.shows(`^profile shop-sandbox \(sandbox, daraja\) was added to `)
}

// A spinner tells how long it has been and when the prompt ends, on one line, whatever
// becomes of the terminal's width; Ctrl-C ends it.
func TestTerminalSpinner(t *testing.T) {
	t.Parallel()
	env := town(t)
	term := openTerminal(t, env, "110", "30", "payctl deposit create --phone 0712345678 --amount 100 --reference INV-1 --wait")
	term.shows(`^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] waiting for the customer.*; \d+ s, prompt ends in \d+ s$`)
	for _, columns := range []string{"60", "110", "60", "80", "60", "110"} {
		term.do("resize-window", "-x", columns, "-y", "30")
		time.Sleep(250 * time.Millisecond)
	}
	if shown := term.shows(`waiting for the customer`); strings.Count(shown, "waiting for") != 1 {
		t.Errorf("the spinner floods the terminal:\n%s", shown)
	}
	term.do("send-keys", "C-c")
	shown := term.shows(`^exit 130$`)
	if strings.Contains(shown, "waiting for the customer") || !strings.Contains(shown, "status       PENDING") {
		t.Errorf("after Ctrl-C:\n%s", shown)
	}
}

// The live table counts down, obeys its keys and fits the terminal as it is.
func TestTerminalTable(t *testing.T) {
	t.Parallel()
	env := town(t, "INV-1", "INV-2", "INV-3")
	term := openTerminal(t, env, "100", "20", "payctl status watch --all")
	term.shows(`^3 of 3 undecided +\d+ s, prompt ends in \d+ s`)
	term.shows(`^ +REFERENCE +STATUS +AMOUNT +PHONE +ASKED +PROMPT +NOTE`)
	term.do("send-keys", "Down")
	term.shows(`^> +INV-2 +PENDING`)
	term.do("send-keys", "r")
	term.shows(`\(INV-2\): The transaction is still under processing`)
	term.do("send-keys", "Enter")
	term.shows(`^times in EAT`)
	term.shows(`^any key goes back`)
	term.do("send-keys", "Space")
	term.shows(`^3 of 3 undecided`)
	term.do("resize-window", "-x", "60", "-y", "12")
	narrow := term.shows(`^ +REFEREN\S* +STATUS +AMOUNT +ASKED +PROMPT +NOTE`)
	for line := range strings.Lines(narrow) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 60 {
			t.Errorf("a line of %d columns: %q", n, line)
		}
	}
	term.do("resize-window", "-x", "100", "-y", "20")
	term.shows(`^ +REFERENCE +STATUS +AMOUNT +PHONE`)
	output(t, env, "payctl", "emulator", "answer", "0712345670", "paid", "--quiet")
	term.shows(`^2 of 3 undecided`)
	term.do("send-keys", "q")
	shown := term.shows(`^exit 8$`)
	if !regexp.MustCompile(`(?m)^dep_\S+ +COMPLETED +150.00 KES`).MatchString(shown) {
		t.Errorf("what was followed is not listed at the end:\n%s", shown)
	}
}

// Ctrl-C leaves the live table as it leaves everything.
func TestTerminalTableInterrupted(t *testing.T) {
	t.Parallel()
	term := openTerminal(t, town(t, "INV-1"), "80", "20", "payctl status watch --all")
	term.shows(`^1 of 1 undecided`)
	term.do("send-keys", "C-c")
	term.shows(`^exit 130$`)
}

// Colour and spinner are left out where they are not wanted; tables are cut, not wrapped.
func TestTerminalPlain(t *testing.T) {
	t.Parallel()
	env := town(t, "INV-1")
	for name, setting := range map[string]string{"NO_COLOR": "NO_COLOR=1", "dumb": "TERM=dumb"} {
		term := openTerminal(t, env, "100", "30", setting+" payctl status watch INV-1 --timeout 2s; "+setting+" payctl deposit list")
		term.shows(`^exit 0$`)
		if escaped := term.do("capture-pane", "-p", "-e"); strings.Contains(escaped, "\x1b[3") || strings.Contains(escaped, "\x1b[2m") {
			t.Errorf("%s: colours: %q", name, escaped)
		}
		if shown := term.screen(); strings.Contains(shown, "waiting for the customer") != (name == "dumb") {
			t.Errorf("%s: a dumb terminal gets lines, another one a spinner that is gone:\n%s", name, shown)
		}
	}
	colored := openTerminal(t, env, "60", "30", "payctl deposit list")
	colored.shows(`^exit 0$`)
	if escaped := colored.do("capture-pane", "-p", "-e"); !strings.Contains(escaped, "\x1b[") {
		t.Errorf("no colour on a terminal: %q", escaped)
	}
	if shown := colored.screen(); !regexp.MustCompile(`(?m)^ID +STATUS +AMOUNT +REFERENCE +RECEIPT$`).MatchString(shown) {
		t.Errorf("a list at 60 columns:\n%s", shown)
	}
}

// A pipe sees neither a screen nor a spinner, and lines in the place of both.
func TestPipeSeesLines(t *testing.T) {
	t.Parallel()
	env := town(t, "INV-1")
	cmd := exec.CommandContext(t.Context(), "payctl", "status", "watch", "--all", "--timeout", "1s")
	cmd.Env = env
	out, _ := cmd.CombinedOutput() // undecided
	if text := string(out); cmd.ProcessState.ExitCode() != 8 || strings.ContainsAny(text, "\x1b\r") || !strings.Contains(text, "waiting for the customer\n") || !strings.Contains(text, "status       PENDING\n") {
		t.Errorf("exit %d: %q", cmd.ProcessState.ExitCode(), out)
	}
}

// Real money is asked for only after the amount was typed, beside whom it is asked of and
// where it goes.
func TestTerminalProduction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := append(os.Environ(), "HOME="+dir, "PAYCTL_DB="+filepath.Join(dir, "ledger.db"), "PAYCTL_PROFILE=production", "PAYCTL_CALLBACK_URL=https://pay.example.co.ke",
		"PAYCTL_DARAJA_CONSUMER_KEY=k", "PAYCTL_DARAJA_CONSUMER_SECRET=s", "PAYCTL_DARAJA_SHORTCODE=600123", "PAYCTL_DARAJA_PASSKEY="+strings.Repeat("ab", 32))
	term := openTerminal(t, env, "100", "20", "payctl deposit create --phone 0712345678 --amount 250 --reference INV-9 --new-ledger")
	shown := term.shows(`Type the amount`)
	for _, want := range []string{"customer   254712345678", "amount     250.00 KES", "reference  INV-9", "short code 600123"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the question lacks %q:\n%s", want, shown)
		}
	}
	if strings.Contains(shown, "(250.00)") {
		t.Errorf("the question gives its answer away:\n%s", shown)
	}
	term.do("send-keys", "25", "Enter")
	term.shows(`nothing was sent`)
	term.shows(`^exit 64$`)
}
