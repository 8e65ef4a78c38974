package config

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"runtime"
	"strconv"
	"time"
)

// shell is how a command written as one string is run.
func shell(line string) []string {
	if line == "" {
		return nil
	}
	if runtime.GOOS == "windows" {
		return []string{"cmd", "/C", line}
	}
	return []string{"/bin/sh", "-c", line}
}

// errTooLong says that a command wrote more than any secret is long.
var errTooLong = errors.New("writes more than 64 KiB")

// bounded keeps what fits and remembers that there was more.
type bounded struct {
	buf  bytes.Buffer
	more bool
}

// Write never fails, so that the command can end by itself.
func (b *bounded) Write(p []byte) (int, error) {
	room := maxSecret - b.buf.Len()
	if len(p) > room {
		b.more = true
		b.buf.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return b.buf.Write(p)
}

// runCommand runs a program of the operator's choice and returns what it
// writes. Its own complaints are dropped: they might hold the secret.
func runCommand(ctx context.Context, argv []string, dir string) (string, error) {
	var out bounded
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the operator's own command, from a private file
	cmd.Dir = dir
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second
	// What the program left running may hold its output open after it has ended well.
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return "", err
	}
	if out.more {
		return "", errTooLong
	}
	return out.buf.String(), nil
}

// explainCommand says why a command gave no secret; ctx is the one that bounded it.
func (r *SecretRef) explainCommand(ctx context.Context, err error) error {
	problem := "cannot be run"
	var exit *exec.ExitError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		problem = "did not end in time"
	case errors.Is(err, errTooLong):
		problem = errTooLong.Error()
	case errors.Is(err, exec.ErrNotFound):
		problem = "is not an installed program"
	case errors.As(err, &exit):
		problem = "ended with status " + strconv.Itoa(exit.ExitCode()) + "; run it by hand to see why"
	}
	e := r.failed(problem)
	e.Err = err
	return e
}
