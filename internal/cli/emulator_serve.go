package cli

import (
	"context"
	"net"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/ui"
)

// emulatorDoors are where a running emulator is reached.
type emulatorDoors struct {
	front net.Listener
	// proxy is nil without --proxy.
	proxy net.Listener
	ready readyView
	// file is the ready file, "" for none.
	file string
}

// serveEmulator opens the doors, says so, and serves until ctx ends or one of
// the doors fails.
func (a *app) serveEmulator(ctx context.Context, e *emulator.Emulator, d emulatorDoors) error {
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
	err := a.out.Line(d.ready)
	if err == nil {
		err = writeReady(d.file, d.ready.URL)
	}
	if err == nil {
		err = serveHTTP(ctx, d.front, e.Handler(), e.HangUp)
	}
	cancel()
	return orError(err, <-proxied)
}

// bindProxy opens the proxy's listener; no address means no proxy.
func bindProxy(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil //nolint:nilnil // no proxy is wanted
	}
	ln, err := bind(ctx, addr)
	if err != nil {
		return nil, usagef("choose another port with --proxy (port 0 takes a free one)", "proxy: %s", err.Error())
	}
	return ln, nil
}

func closeListeners(list ...net.Listener) {
	for _, ln := range list {
		if ln != nil {
			_ = ln.Close()
		}
	}
}

// emulatorCADir is where the emulator's certificate authority is kept, "" where
// this user has no place for state: it then lasts as long as the emulator. No
// settings are read for it: an emulator needs none.
func (a *app) emulatorCADir() string {
	state := config.NewSource(a.in.Dir, a.getenv, nil).StateDir
	if state == "" {
		return ""
	}
	return filepath.Join(state, "emulator-ca")
}

// caView is the emulator's certificate authority.
type caView struct {
	File string `json:"file"`
	PEM  string `json:"pem"`
}

// Text writes the certificate as it is.
func (v caView) Text(t *ui.Text) { t.Line(ui.Plain(v.PEM)) }

func newEmulatorCA(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "ca",
		Short: "Print the certificate authority of --tls and --proxy",
		Long: `Prints the PEM certificate that clients must trust when they reach the emulator by
HTTPS or through its proxy; it is made when it is first needed. Its key stays in a
private file and it is constrained to this machine and the providers' hosts. With
-o json the file's path is there too, as NODE_EXTRA_CA_CERTS and SSL_CERT_FILE want it.`,
		Example: "  payctl emulator ca > emulator-ca.pem\n  export SSL_CERT_FILE=$(payctl emulator ca -o json --jq .file)",
		Args:    noArgs,
		RunE: a.run(func(context.Context) error {
			dir := a.emulatorCADir()
			if dir == "" {
				return usagef("set HOME, or fetch /_emulator/ca from the running emulator", "ca: there is no directory to keep it in")
			}
			ca, err := emulator.OpenCA(dir)
			if err != nil {
				return usagef("remove the broken files, or fix their permissions", "%s", err.Error())
			}
			if a.out.Format() == ui.FormatText {
				return a.out.Raw([]byte(ca.PEM()))
			}
			return a.out.One(caView{File: ca.File(), PEM: ca.PEM()})
		}),
	}
}
