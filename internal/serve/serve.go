package serve

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

// Close closes listeners; nil ones are passed over.
func Close(list ...net.Listener) {
	for _, ln := range list {
		if ln != nil {
			_ = ln.Close()
		}
	}
}

// Bind opens a TCP listener, with errors that say what to do.
func Bind(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, payment.Usagef("stop the other program, or choose another port with --addr (port 0 takes a free one)", "addr %s: the port is in use", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, payment.Usagef("use a port above 1023", "addr %s: not allowed to listen there", addr)
	}
	return nil, payment.Usagef("write host:port, such as 127.0.0.1:4020", "addr %q: cannot listen there: %s", addr, payment.FirstLine(err.Error()))
}

// WriteReady writes the ready file: the base URL and a newline, in one rename,
// so that a script that sees the file sees all of it.
func WriteReady(path, url string) error {
	if path == "" {
		return nil
	}
	if err := atomicfile.Write(path, []byte(url+"\n")); err != nil {
		return payment.Usagef("name a file that can be written, in a directory that exists", "ready-file %s: cannot be written: %v", path, errors.Unwrap(err))
	}
	return nil
}

// DrainTimeout bounds how long open requests may take after a stop.
const DrainTimeout = 5 * time.Second

// Door is where a handler is reached, and the log of what goes wrong below HTTP.
type Door struct {
	Listener net.Listener
	Handler  http.Handler
	Log      *slog.Logger
}

// Serve serves until ctx ends, then lets open requests finish. Those that the
// handler holds until something happens would never finish by themselves: hangUp
// ends them, within the time of its context.
func (d Door) Serve(ctx context.Context, hangUp func(context.Context)) error {
	server := &http.Server{
		Handler:           d.Handler,
		ErrorLog:          slog.NewLogLogger(d.Log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(d.Listener) }()
	select {
	case err := <-failed:
		return &payment.Error{Kind: payment.KindInternal, Message: "the server stopped: " + payment.FirstLine(err.Error()), Err: err}
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), DrainTimeout)
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
