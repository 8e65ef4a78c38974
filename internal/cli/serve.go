package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/payment"
)

// bind opens a TCP listener, with errors that say what to do.
func bind(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, usagef("stop the other program, or choose another port with --addr (port 0 takes a free one)", "addr %s: the port is in use", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, usagef("use a port above 1023", "addr %s: not allowed to listen there", addr)
	}
	return nil, usagef("write host:port, such as 127.0.0.1:4020", "addr %q: cannot listen there: %s", addr, payment.FirstLine(err.Error()))
}

// writeReady writes the ready file: the base URL and a newline, in one rename,
// so that a script that sees the file sees all of it.
func writeReady(path, url string) error {
	if path == "" {
		return nil
	}
	if err := atomicfile.Write(path, []byte(url+"\n")); err != nil {
		return usagef("name a file that can be written, in a directory that exists", "ready-file %s: cannot be written: %v", path, errors.Unwrap(err))
	}
	return nil
}

// drainTimeout bounds how long open requests may take after a stop.
const drainTimeout = 5 * time.Second

// httpDoor is where a handler is reached, and the log of what goes wrong below HTTP.
type httpDoor struct {
	ln      net.Listener
	handler http.Handler
	log     *slog.Logger
}

// serve serves until ctx ends, then lets open requests finish. Those that the
// handler holds until something happens would never finish by themselves: hangUp
// ends them, within the time of its context.
func (d httpDoor) serve(ctx context.Context, hangUp func(context.Context)) error {
	server := &http.Server{
		Handler:           d.handler,
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(d.ln) }()
	select {
	case err := <-failed:
		return &payment.Error{Kind: payment.KindInternal, Message: "the server stopped: " + payment.FirstLine(err.Error()), Err: err}
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	var leaving sync.WaitGroup
	leaving.Go(func() { hangUp(stop) })
	if err := server.Shutdown(stop); err != nil {
		_ = server.Close()
	}
	leaving.Wait()
	<-failed //nolint:errcheck // it only says that the server was shut down
	return nil
}
