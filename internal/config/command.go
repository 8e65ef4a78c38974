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

// bounded keeps what fits; when more comes it calls over.
type bounded struct {
	buf  bytes.Buffer
	over func()
}

// Write fails once there is too much: the command's output is closed then.
func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > maxSecret-b.buf.Len() {
		b.over()
		return 0, errTooLong
	}
	return b.buf.Write(p)
}

// runCommand runs a program of the operator's choice and returns what it
// writes. Its own complaints are dropped: they might hold the secret. It is killed
// when ctx ends or it writes too much. What it has started may hold its output open
// for longer than that, and is not waited for.
func runCommand(ctx context.Context, argv []string, dir string) (string, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	out := bounded{over: func() { end(errTooLong) }}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the operator's own command, from a private file
	cmd.Dir = dir
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second
	killed, ended := make(chan struct{}), make(chan error, 1)
	cmd.Cancel = func() error {
		defer close(killed)
		return cmd.Process.Kill()
	}
	go func() { ended <- cmd.Run() }()
	var err error
	select {
	case <-killed:
		return "", context.Cause(ctx)
	case err = <-ended:
	}
	switch {
	case errors.Is(context.Cause(ctx), errTooLong):
		return "", errTooLong
	// What the program left running may hold its output open after it has ended well.
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return "", err
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
