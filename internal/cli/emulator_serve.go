package cli

import (
	"cmp"
	"context"
	"log/slog"
	"net"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/serve"
	"github.com/payctl/payctl/internal/view"
)

// emulatorDoors are where a running emulator is reached.
type emulatorDoors struct {
	front net.Listener
	// proxy is nil without --proxy.
	proxy net.Listener
	ready view.Ready
	// log has what goes wrong below HTTP, such as a refused certificate.
	log *slog.Logger
}

// serve opens the doors, says so, and serves until ctx ends or one of
// the doors fails.
func (v *emulatorServe) serve(ctx context.Context, e *emulator.Emulator, d emulatorDoors) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	proxied := make(chan error, 1)
	if d.proxy == nil {
		proxied <- nil
	} else {
		go func() {
			defer cancel()
			proxied <- e.ServeProxy(ctx, d.proxy)
		}()
	}
	err := v.out.Line(d.ready)
	if err == nil {
		err = serve.WriteReady(v.ready, d.ready.URL)
	}
	if err == nil {
		err = serve.Door{Listener: d.front, Handler: e.Handler(), Log: d.log}.Serve(ctx, e.HangUp)
	}
	cancel()
	return cmp.Or(err, <-proxied)
}

// bindProxy opens the proxy's listener; no address means no proxy.
func bindProxy(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil //nolint:nilnil // no proxy is wanted
	}
	ln, err := serve.Bind(ctx, addr)
	if err != nil {
		return nil, usagef("choose another port with --proxy (port 0 takes a free one)", "proxy: %s", err.Error())
	}
	return ln, nil
}
