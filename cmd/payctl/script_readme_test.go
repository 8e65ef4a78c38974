package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// readme SECTION writes the shell lines of a README's section as step1.sh, step2.sh and so
// on, so that a script runs what a reader types. GitHub's copy of the project is this one.
func cmdReadme(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: readme section")
	}
	top := filepath.Join(mustGetwd(), "..", "..")
	_, section, found := strings.Cut(ts.ReadFile(filepath.Join(top, "README.md")), "\n## "+args[0]+"\n")
	_, block, hasBlock := strings.Cut(section, "```sh\n")
	block, _, _ = strings.Cut(block, "```")
	if !found || !hasBlock {
		ts.Fatalf("README.md has no section %q with shell lines", args[0])
	}
	for i, line := range strings.Split(strings.TrimSpace(block), "\n") {
		line, _, _ = strings.Cut(line, "  #")
		ts.Check(os.WriteFile(ts.MkAbs(fmt.Sprintf("step%d.sh", i+1)), []byte(strings.TrimSuffix(strings.TrimSpace(line), " &")+"\n"), 0o600))
	}
	ts.Setenv("GIT_CONFIG_COUNT", "1")
	ts.Setenv("GIT_CONFIG_KEY_0", "url."+top+".insteadOf")
	ts.Setenv("GIT_CONFIG_VALUE_0", "https://github.com/payctl/payctl")
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOFLAGS"} {
		value, err := exec.Command("go", "env", name).Output() // with the user's own HOME
		ts.Check(err)
		ts.Setenv(name, strings.TrimSpace(string(value)))
	}
}
