package cli_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/cli"
)

// The demo runs emulator, listener and commands in one process over real
// sockets, so that the race detector sees them all. It has the package to
// itself, for its payments end in real time.
func TestDemo(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := cli.Main(t.Context(), cli.Invocation{
		Args: []string{"demo", "-o", "json"}, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		Environ: []string{"HOME=" + t.TempDir()}, Dir: t.TempDir(),
	})
	var got struct {
		OK    bool
		Steps []struct{ Title, Outcome string }
		Next  []string
	}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil || code != 0 || !got.OK || len(got.Steps) < 10 || len(got.Next) == 0 {
		t.Errorf("exit %d, %v, %s\n%s", code, err, stdout.String(), stderr.String())
	}
}
