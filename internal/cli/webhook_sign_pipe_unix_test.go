//go:build unix

package cli

import (
	"bytes"
	"context"
	"path/filepath"
	"syscall"
	"testing"
)

// A payload that is named and turns out to be a pipe nobody writes to does not keep
// an interrupted command.
func TestSignLeavesASilentPipe(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := Main(t.Context(), Invocation{
		Args: []string{"webhook", "sign", pipe}, Stdout: &stdout, Stderr: &stderr, Dir: t.TempDir(),
		Signals: func(stop context.CancelFunc) { stop() },
	})
	if got, want := stderr.String(), "payctl: interrupted\n"; code != 130 || got != want {
		t.Errorf("exit %d, %q; want 130, %q", code, got, want)
	}
}
