package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// BenchmarkStartup prints the median process time of commands beside that of a
// hello-world binary, measured in turn in the same run. Only the ratios mean
// anything (design targets: version 2.8, verify 3.0, with the ledger 3.5). Those
// of testdata/libraries show how much of it the libraries take by themselves.
func BenchmarkStartup(b *testing.B) {
	dir := b.TempDir()
	hello, payctl, libraries := filepath.Join(dir, "hello"), filepath.Join(dir, "payctl"), filepath.Join(dir, "libraries")
	ledger := filepath.Join(dir, "ledger.db")
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nimport \"os\"\n\nfunc main() { _, _ = os.Stdout.WriteString(\"hello\\n\") }\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	build(b, hello, source)
	build(b, payctl, ".")
	build(b, libraries, "./testdata/libraries")
	payload := filepath.Join(dir, "body.json")
	if err := os.WriteFile(payload, []byte(`{"event":"deposit.completed","signature":"sha256=00","data":{}}`), 0o600); err != nil {
		b.Fatal(err)
	}
	env := append(os.Environ(), "PAYCTL_PROFILE=local", "PAYCTL_DB="+ledger, "HOME="+dir)
	commands := []struct {
		name string
		args []string
	}{
		{"hello", []string{hello}},
		{"version", []string{payctl, "version"}},
		{"verify", []string{payctl, "webhook", "verify", payload}},
		{"ledger", []string{payctl, "deposit", "list"}},
		{"libraries-version", []string{libraries, "version"}},
		{"libraries-ledger", []string{libraries, "ledger", ledger}},
	}
	times := make([][]time.Duration, len(commands))
	for b.Loop() {
		for i, c := range commands {
			cmd := exec.CommandContext(b.Context(), c.args[0], c.args[1:]...)
			cmd.Env = env
			started := time.Now()
			_ = cmd.Run()
			times[i] = append(times[i], time.Since(started))
		}
	}
	base := median(times[0])
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(base.Microseconds()), "hello-µs")
	for i, c := range commands[1:] {
		b.ReportMetric(float64(median(times[i+1]))/float64(base), c.name+"-ratio")
	}
}

func build(b *testing.B, out, pkg string) {
	b.Helper()
	if runtime.GOOS == "windows" {
		out += ".exe"
	}
	cmd := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, output)
	}
	// The linker leaves the file in memory page by page; one that was installed lies there
	// in larger pieces, which are mapped faster.
	installed, err := os.ReadFile(out)
	if err == nil {
		err = os.Remove(out)
	}
	if err == nil {
		err = os.WriteFile(out, installed, 0o700)
	}
	if err != nil {
		b.Fatal(err)
	}
}

func median(d []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(d))[len(d)/2]
}
