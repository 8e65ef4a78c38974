package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
)

type readerFunc func([]byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// stdin is the standard input, whose reads end with ctx: a terminal or a pipe may
// stay silent for ever, and the system call itself cannot be interrupted. The
// goroutine of a read that was given up lasts until something comes or the process
// ends, and touches nothing of the reader's. Only one goroutine may read.
func (e *env) stdin(ctx context.Context) io.Reader {
	if file, ok := e.in.Stdin.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			return file // never keeps anybody waiting
		}
	}
	type result struct {
		n   int
		err error
	}
	var own []byte
	done := make(chan result, 1)
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if len(own) < len(p) {
			own = make([]byte, len(p))
		}
		into := own[:len(p)]
		go func() {
			n, err := e.in.Stdin.Read(into)
			done <- result{n, err}
		}()
		select {
		case r := <-done:
			return copy(p, into[:r.n]), r.err
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
}

// maxTyped is how much of a line is read, in bytes: amounts and shortcodes are short,
// and what is no person may never end its line.
const maxTyped = 1 << 10

// typed reads one line of what a person types. An error is ctx's, or says that the
// input ended before anything was typed.
func (e *env) typed(ctx context.Context) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(e.stdin(ctx), maxTyped)).ReadString('\n')
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil && line == "" {
		return "", err
	}
	return line, nil
}

// readAll reads outside input up to a limit. An interrupted read is the context's
// error, anything else KindUsage.
func readAll(r io.Reader, limit int64, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	if err != nil {
		return nil, usagef("check the file and its permissions", "cannot read %s: %v", name, err)
	}
	if int64(len(data)) > limit {
		return nil, usagef("payloads are at most 1 MiB", "%s is larger than %d bytes", name, limit)
	}
	return data, nil
}
