package doctor

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/tunnel"
)

// oldCheck is when the tunnel's own check, made every minute, says little.
const oldCheck = 3 * time.Minute

// tunnel says how the profile's tunnel is, or which could be started.
func (d *doctor) tunnel(ctx context.Context) Finding {
	h, alive, err := tunnel.Current(d.Config.StateDir, d.Config.Profile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d.noTunnel(ctx)
	case err != nil:
		return warn("what the listener says of its tunnel cannot be read: "+err.Error(), "start it again: payctl listen --tunnel cloudflared --profile "+d.Config.Profile)
	}
	again := "payctl listen --tunnel cloudflared --profile " + d.Config.Profile
	seen := "never seen to lead to the listener"
	if !h.CheckedAt.IsZero() {
		seen = "last seen to lead to the listener " + d.Now().Sub(h.CheckedAt).Round(time.Second).String() + " ago"
	}
	switch {
	case !alive && d.Config.CallbackURL == "":
		return fail(payment.KindUnavailable, "the tunnel "+h.URL+" is gone, and with it its listener: callbacks of what was asked under it are lost",
			again+"; payctl deposit resolve --all asks what became of it")
	case !alive:
		return warn("the tunnel "+h.URL+" is gone, and with it its listener", again)
	case h.State != tunnel.Live, d.Now().Sub(h.CheckedAt) > oldCheck:
		return warn("the tunnel "+h.URL+" is "+string(h.State)+", "+seen, "look at the listener's lines; it starts the program again by itself")
	}
	if e, err := d.Config.Explain("callback_url"); err == nil && e.Origin.Kind != config.FromTunnel {
		return warn("the tunnel "+h.URL+" is live, but callback_url is set by "+e.Origin.String(), "unset it to use the tunnel's address")
	}
	return ok("the tunnel " + h.URL + " is live, " + seen)
}

// noTunnel says which program there is to make one.
func (d *doctor) noTunnel(ctx context.Context) Finding {
	var there, old []string
	for _, name := range []string{tunnel.Cloudflared, tunnel.Ngrok} {
		version, installed := tunnel.Version(ctx, name)
		if !installed {
			continue
		}
		there = append(there, strings.TrimSpace(name+" "+version))
		if why := tunnel.Outdated(name, version, d.Now()); why != "" {
			old = append(old, name+" "+version+" "+why)
		}
	}
	switch {
	case len(old) > 0:
		return warn("no tunnel runs; "+strings.Join(old, "; "), "update it with your package manager")
	case len(there) == 0 && d.Config.Listen.Tunnel != "" && (d.Config.Listen.Tunnel == tunnel.Cloudflared || d.Config.Listen.Tunnel == tunnel.Ngrok):
		return fail(payment.KindUsage, "listen.tunnel: "+d.Config.Listen.Tunnel+" is not installed", "install it with your package manager, or set another program")
	case len(there) == 0:
		return skipped("no tunnel runs, and neither cloudflared nor ngrok is installed")
	}
	return skipped("no tunnel runs; there is " + strings.Join(there, ", ") + ": payctl listen --tunnel " + strings.Fields(there[0])[0])
}
