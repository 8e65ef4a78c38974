package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestReadme runs the README's console blocks, in order and in one place: what
// it shows is what the program prints. In an expected line "…" stands for
// whatever differs from run to run. A command that ends with "&" is a server:
// it gets free ports here, and is waited for.
func TestReadme(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the README's commands are for a POSIX shell")
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	s := newReadmeShell(t)
	blocks := regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 3 {
		t.Fatalf("the README has %d console blocks; this test would prove nothing", len(blocks))
	}
	for _, block := range blocks {
		for _, step := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(step, "\n")
			s.run(strings.TrimSpace(command), want)
		}
	}
}

type readmeShell struct {
	t   *testing.T
	dir string
	env []string
}

func newReadmeShell(t *testing.T) *readmeShell {
	t.Helper()
	dir := t.TempDir()
	return &readmeShell{t: t, dir: dir, env: append(os.Environ(),
		"HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_DATA_HOME="+dir, "NO_COLOR=1")}
}

func (s *readmeShell) run(command, want string) {
	s.t.Helper()
	switch {
	case strings.HasPrefix(command, "make "), strings.HasPrefix(command, "go install"):
		// CI runs these by themselves; here they only have to exist.
		target := strings.Fields(command)[1]
		makefile, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
		if err != nil || strings.HasPrefix(command, "make ") && !strings.Contains(string(makefile), "\n"+target+":") {
			s.t.Errorf("README: %q: the Makefile has no such target", command)
		}
		return
	case strings.HasSuffix(command, "&"):
		s.serve(strings.TrimSpace(strings.TrimSuffix(command, "&")))
		return
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	// On a slow machine a question comes before the callback.
	out = regexp.MustCompile(`(?m)^waiting for the customer: undecided: .*\n`).ReplaceAll(out, nil)
	if err != nil && !strings.Contains(command, "|| ") && !strings.Contains(command, "; ") {
		s.t.Errorf("README: %q: %v\n%s", command, err, out)
	}
	lines := regexp.QuoteMeta(strings.TrimSpace(want))
	pattern := regexp.MustCompile(`(?s)^` + strings.ReplaceAll(lines, "…", ".*") + `$`)
	if got := strings.TrimSpace(string(out)); !pattern.MatchString(got) {
		s.t.Errorf("README: %q prints\n%s\nand not\n%s", command, got, strings.TrimSpace(want))
	}
}

// serve starts one of payctl's servers on a free port. Its query never settles
// anything: on a slow machine it might be faster than the callback, which the
// README shows.
func (s *readmeShell) serve(command string) {
	s.t.Helper()
	ready := filepath.Join(s.dir, "ready-"+strings.Fields(command)[1])
	if strings.Contains(command, "emulator") {
		command += " --behaviour query-noise"
	}
	cmd := exec.CommandContext(s.t.Context(), "sh", "-c", "exec "+command+" --addr 127.0.0.1:0 --ready-file '"+ready+"' >/dev/null")
	cmd.Dir, cmd.Env = s.dir, s.env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = cmd.Wait() })
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		url, err := os.ReadFile(ready)
		if err != nil {
			continue
		}
		base := strings.TrimSpace(string(url))
		if strings.Contains(command, "emulator") {
			s.env = append(s.env, "PAYCTL_DARAJA_BASE_URL="+base, "PAYCTL_WASAAPAY_BASE_URL="+base, "PAYCTL_WASAAPAY_SOCKET_URL="+base)
		} else {
			s.env = append(s.env, "PAYCTL_CALLBACK_URL="+base)
		}
		return
	}
	s.t.Fatalf("README: %q did not get ready", command)
}
