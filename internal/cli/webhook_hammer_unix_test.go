//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// TestHammerEndsWithItsTime: a probe that hangs ends with the run, and so do the
// programs that it started; the endpoint is not blamed for what was cut short.
func TestHammerEndsWithItsTime(t *testing.T) {
	t.Parallel()
	endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer endpoint.Close()
	dir := t.TempDir()
	// It has a writer for as long as a program of the probe runs.
	path := filepath.Join(dir, "alive")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	alive, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = alive.Close() }()
	probe := `test -e second && { exec 3>alive; echo >&3; sleep 60; }; touch second; echo 1`
	var stdout, stderr bytes.Buffer
	start := time.Now()
	code := Main(t.Context(), Invocation{
		Args:  []string{"webhook", "hammer", endpoint.URL, "--copies", "2", "--settle", "1ms", "--timeout", "2s", "--probe", probe, "-o", "json"},
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		Environ: []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}, Dir: dir,
	})
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it ended after %s", took)
	}
	var report []struct {
		Name    string
		Credits int
		Problem *string
	}
	if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
		t.Errorf("%v: %s", err, stdout.String())
	}
	if len(report) != 1 || report[0].Credits != 1 || report[0].Problem != nil {
		t.Errorf("%+v: want the first test, which is all that was finished", report)
	}
	if want := exitCode(payment.KindPending); code != want || strings.Contains(stderr.String(), "show a problem") {
		t.Errorf("exit %d, want %d: %s", code, want, stderr.String())
	}
	if err := alive.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(alive); err != nil || string(said) != "\n" {
		t.Errorf("the probe's program said %q and then %v: want it gone", said, err)
	}
}
