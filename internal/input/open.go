package input

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// mayBeFile tells pipes, sockets and devices, which could be waited for without
// end, from files and links to files. What cannot be looked at is left to open.
func mayBeFile(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular()
}

// inputFile is an open file; its reads end when the context does.
type inputFile struct {
	io.Reader
	close func() error
}

// Close implements io.Closer.
func (f inputFile) Close() error { return f.close() }

// Open opens a file that was named. One that is a pipe is waited for, for
// its writer and then for what comes, until ctx ends: the error is ctx's then.
func Open(ctx context.Context, path string) (io.ReadCloser, error) {
	if mayBeFile(path) {
		return os.Open(path)
	}
	type result struct {
		file *os.File
		err  error
	}
	// Nothing but a writer ends the opening of a pipe: an interrupted one is left
	// behind with the process.
	opened := make(chan result, 1)
	go func() {
		file, err := os.Open(path)
		opened <- result{file, err}
	}()
	select {
	case r := <-opened:
		if r.err != nil {
			return nil, r.err
		}
		return interruptible(ctx, r.file), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func interruptible(ctx context.Context, file *os.File) io.ReadCloser {
	stop := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) })
	read := func(p []byte) (int, error) {
		n, err := file.Read(p)
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
		return n, err
	}
	return inputFile{readerFunc(read), func() error {
		stop()
		return file.Close()
	}}
}

// Files are files and directories that were named; none, or "-", is the standard input.
type Files struct {
	Names []string
	Stdin io.Reader
	// Skipped is told of what a directory holds besides files.
	Skipped func(path string)
}

// Each opens every file named, the files of directories, or the input. A file that cannot
// be read is KindUsage.
func (f Files) Each(ctx context.Context, do func(name string, r io.Reader) error) error {
	names := f.Names
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if name == "-" {
			if err := do("-", Until(ctx, f.Stdin)); err != nil {
				return err
			}
			continue
		}
		err := filepath.WalkDir(name, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			if path != name && !mayBeFile(path) {
				f.Skipped(path)
				return nil
			}
			file, err := Open(ctx, path)
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }()
			return do(path, file)
		})
		if pathErr, ok := errors.AsType[*os.PathError](err); ok && payment.KindOf(err) == payment.KindInternal {
			return payment.Usagef("check the name and the permissions", "file %s: cannot be read: %v", pathErr.Path, pathErr.Err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// One reads one payload from a file, or from the input for "" and "-".
func One(ctx context.Context, in io.Reader, name string, limit int64) ([]byte, error) {
	if name == "" || name == "-" {
		return All(Until(ctx, in), limit, "-")
	}
	file, err := Open(ctx, name)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, payment.Usagef("check the name and the permissions", "file %s: cannot be read", name)
	}
	defer func() { _ = file.Close() }()
	return All(file, limit, name)
}
