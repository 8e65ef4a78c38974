package cli

import (
	"context"
	"io"
	"os"
	"time"
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

// openInput opens a file that was named. One that is a pipe is waited for, for
// its writer and then for what comes, until ctx ends: the error is ctx's then.
func openInput(ctx context.Context, path string) (io.ReadCloser, error) {
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
