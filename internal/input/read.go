package input

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/trustfile"
)

type readerFunc func([]byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// maxTyped is how much of a line is read, in bytes: amounts and shortcodes are short,
// and what is no person may never end its line.
const maxTyped = 1 << 10

// All reads outside input up to a limit. An interrupted read is the context's
// error, anything else KindUsage.
func All(r io.Reader, limit int64, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	if err != nil {
		return nil, payment.Usagef("check the file and its permissions", "cannot read %s: %v", name, err)
	}
	if int64(len(data)) > limit {
		return nil, payment.Usagef("payloads are at most 1 MiB", "%s is larger than %d bytes", name, limit)
	}
	return data, nil
}

// MaxSecret bounds a file with a secret, an authority's certificate or headers, in bytes.
const MaxSecret = 1 << 20

// Trusted reads a file that was named and that decides over money or secrets: from this
// user or root alone. Errors are KindUsage.
func Trusted(what, path string, limit int64) ([]byte, error) {
	file, err := trustfile.Open(what, path)
	var refused *payment.Error
	switch {
	case errors.As(err, &refused):
		return nil, refused
	case err != nil:
		return nil, payment.Usagef("check the name and the permissions", "%s %s: cannot be read", what, payment.Line(path, 200))
	}
	defer func() { _ = file.Close() }()
	return All(file, limit, path)
}

// File reads a file that a flag or argument names, up to a limit.
func File(what, path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, payment.Usagef("check the name and the permissions", "%s %s: cannot be read", what, payment.Line(path, 200))
	}
	defer func() { _ = file.Close() }()
	return All(file, limit, path)
}

// Headers reads "Name: value" lines.
func Headers(path string) (http.Header, error) {
	data, err := File("headers", path, MaxSecret)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	for line := range strings.Lines(string(data)) {
		name, value, found := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if found && !strings.Contains(name, " ") {
			header.Add(name, strings.TrimSpace(value))
		}
	}
	return header, nil
}

// Secret reads a secret and drops one line end, which editors add.
func Secret(path string) (*secret.Secret, error) {
	data, err := Trusted("secret-file", path, MaxSecret)
	if err != nil {
		return nil, err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return nil, payment.Usagef("put the secret into the file", "secret-file %s: is empty", path)
	}
	return secret.New(text), nil
}

// Until is an input whose reads end with ctx: a terminal or a pipe may
// stay silent for ever, and the system call itself cannot be interrupted. The
// goroutine of a read that was given up lasts until something comes or the process
// ends, and touches nothing of the reader's. Only one goroutine may read.
func Until(ctx context.Context, in io.Reader) io.Reader {
	if file, ok := in.(*os.File); ok {
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
			n, err := in.Read(into)
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

// Line reads one line of what a person types. An error is ctx's, or says that the
// input ended before anything was typed.
func Line(ctx context.Context, in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(Until(ctx, in), maxTyped)).ReadString('\n')
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil && line == "" {
		return "", err
	}
	return line, nil
}
