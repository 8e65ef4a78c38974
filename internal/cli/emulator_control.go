package cli

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/emulator/remote"
	"github.com/payctl/payctl/internal/payment"
)

// control talks to a running emulator's own routes.
type control struct {
	*session
	url string
}

func (c *control) bindURL(f *pflag.FlagSet) {
	f.StringVar(&c.url, "url", "", "the running emulator's base `URL` (default: the local profile's)")
}

// address is where the emulator is: the flag, or what a profile of environment
// local points at.
func (c *control) address(ctx context.Context) (string, error) {
	if c.url != "" {
		return strings.TrimSuffix(c.url, "/"), nil
	}
	conf, err := c.config(ctx)
	if err != nil {
		return "", err
	}
	if conf.Environment != payment.Local {
		return "", usagef("add --profile local, or name the emulator with --url", "profile %s: is not of environment local", conf.Profile)
	}
	return strings.TrimSuffix(conf.Daraja.BaseURL, "/"), nil
}

// call sends one control request; in and out may be nil.
func (c *control) call(ctx context.Context, method, path string, in, out any) error {
	base, err := c.address(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := c.deadline.bound(ctx, sendTimeout)
	defer cancel()
	return remote.Client{Base: base, HTTP: c.client, CADir: emulatorCADir(c.env)}.Call(ctx, method, path, in, out)
}
