//go:build unix

package input

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A pipe that was named is read to its end, and left when the command is
// interrupted: while its writer is missing, and while the writer is silent.
func TestPipesCanBeLeft(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a writer: %v", err)
	}

	// Open for both ways at once, so that neither end waits for the other.
	writer, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	file, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := writer.WriteString("start"); err != nil {
		t.Fatal(err)
	}
	start := make([]byte, 5)
	if _, err := io.ReadFull(file, start); err != nil || string(start) != "start" {
		t.Errorf("%q, %v", start, err)
	}
	timer := time.AfterFunc(20*time.Millisecond, cancel)
	defer timer.Stop()
	if _, err := io.ReadAll(file); !errors.Is(err, context.Canceled) {
		t.Errorf("with a silent writer: %v", err)
	}
}
