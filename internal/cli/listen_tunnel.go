package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/tunnel"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/watch"
)

// tunnelFlags say how the listener is to be reached from outside.
type tunnelFlags struct {
	program, url, host string
	production         bool
}

func (o *tunnelFlags) bind(f *pflag.FlagSet) {
	f.StringVar(&o.program, "tunnel", "", "make a public address: `cloudflared|ngrok|COMMAND`")
	f.StringVar(&o.url, "tunnel-url", "", "the tunnel's address, where you know it: `URL`")
	f.StringVar(&o.host, "tunnel-host", "", "pattern `GLOB` of the host in what a COMMAND prints")
	f.BoolVar(&o.production, "tunnel-in-production", false, "let a tunnel stand before a production profile")
}

// tunnelHelp is the part of "listen --help" about tunnels.
const tunnelHelp = `
--tunnel runs a program that gives this listener a public https address: cloudflared,
ngrok, or any command, in which {port} stands for the port. The paths are then secret,
and the tunnel leads to callbacks alone. Its address is checked from outside at the start
and every minute; "deposit create" with the same profile uses it while it lives.
  an own server   --tunnel 'ssh -N -R 0:127.0.0.1:{port} host' --tunnel-url https://…
  localhost.run   --tunnel 'ssh -T -R 80:127.0.0.1:{port} nokey@localhost.run -- --output json'
                  --tunnel-host '*.lhr.life'
  pinggy          --tunnel 'ssh -T -p 443 -R0:127.0.0.1:{port} a.pinggy.io'
                  --tunnel-host '*.pinggy.link'
  tailscale       --tunnel 'tailscale funnel --https=443 --yes {port}'
                  --tunnel-host '*.ts.net'
`

// openTunnel reads the flags and settings; nil where no tunnel is wanted.
func (v *listenCommand) openTunnel(conf *config.Config) (*tunnel.Public, error) {
	if v.tunnel.program == "" {
		v.tunnel.program = conf.Listen.Tunnel
		v.tunnel.url, v.tunnel.host = payment.Or(payment.OrNull(v.tunnel.url), conf.Listen.TunnelURL), payment.Or(payment.OrNull(v.tunnel.host), conf.Listen.TunnelHost)
	}
	if v.tunnel.program == "" {
		if v.tunnel.url != "" || v.tunnel.host != "" {
			return nil, usagef("name the program with --tunnel", "tunnel: --tunnel-url and --tunnel-host say where a tunnel's address comes from, and there is none")
		}
		return nil, nil
	}
	if conf.Environment == payment.Production && !v.tunnel.production {
		return nil, usagef("put a proxy of your own with a stable name before the listener, or give --tunnel-in-production",
			"tunnel: profile %s is for production, where an address that may change or end loses callbacks", conf.Profile)
	}
	program, err := tunnel.ParseProgram(v.tunnel.program, v.tunnel.url, v.tunnel.host)
	if err != nil {
		return nil, err
	}
	p := &publicAddress{session: v.session, conf: conf, fixed: program.URL != "", name: program.Name}
	return &tunnel.Public{
		Program: program, StateDir: conf.StateDir, Profile: conf.Profile, Now: v.now, Warn: p.warn,
		Unusable: p.unusable, Left: p.left, Show: p.show, Output: func(line string) { v.out.Debug("tunnel: %s", v.phoneText(line)) },
	}, nil
}

// publicAddress is what a tunnel knows of the listener behind it.
type publicAddress struct {
	*session
	conf *config.Config
	// fixed reports that the address was named, not found.
	fixed bool
	name  string
}

func (p *publicAddress) warn(err error) {
	if err != nil {
		p.out.Warn("%s", payment.FirstLine(err.Error()))
	}
}

// unusable holds an address against what the providers refuse.
func (p *publicAddress) unusable(url string) string {
	for _, h := range p.providers.Health(p.conf) {
		if h.LintCallback == nil {
			continue
		}
		errs, warnings := h.LintCallback(url)
		if !p.fixed {
			// A random name costs nothing to take again.
			errs = append(errs, banned(warnings)...)
		}
		if len(errs) > 0 {
			return strings.Join(errs, "; ")
		}
	}
	return ""
}

// banned are the warnings about words; that tunnels are discouraged is known.
func banned(warnings []string) []string {
	var out []string
	for _, w := range warnings {
		if strings.Contains(w, "word") {
			out = append(out, w)
		}
	}
	return out
}

// show prints a change.
func (p *publicAddress) show(e tunnel.Event, left []string) {
	view := view.Tunnel{
		Type: "tunnel", Provider: p.name, State: string(e.State), URL: payment.OrNull(e.URL), PreviousURL: payment.OrNull(e.PreviousURL),
		PendingOnPrevious: left, Problem: payment.OrNull(e.Problem), Next: payment.OrNull(e.Next),
	}
	if left == nil {
		view.PendingOnPrevious = []string{}
	}
	if !e.CheckedAt.IsZero() {
		view.CheckedAt = payment.OrNull(timing.RFC3339(e.CheckedAt))
	}
	p.keepErr(p.out.Line(view))
}

// left finds the open deposits that were sent while the previous address held, and what
// follows them by asking: their callbacks go nowhere.
func (p *publicAddress) left(ctx context.Context, since time.Time) (ids []string, follow []func()) {
	ids = []string{}
	open, _, err := p.ledger.Deposits.List(ctx, store.DepositFilter{
		Since: since, Environment: p.conf.Environment, Statuses: []payment.Status{payment.StatusCreated, payment.StatusUnknown, payment.StatusPending},
	})
	if err != nil {
		p.warn(err)
		return ids, nil
	}
	byProvider := map[payment.ProviderID][]string{}
	for _, d := range open {
		if d.ProviderID != "" {
			byProvider[d.Provider] = append(byProvider[d.Provider], d.ID)
			ids = append(ids, d.ID)
		}
	}
	for id, deposits := range byProvider {
		follow = append(follow, func() { p.followByAsking(ctx, id, deposits) })
	}
	return ids, follow
}

func (p *publicAddress) followByAsking(ctx context.Context, id payment.ProviderID, ids []string) {
	asked, err := p.provider(ctx, id, nil)
	if err != nil {
		p.warn(err)
		return
	}
	job := watch.Job{Watcher: p.watcher(asked, watch.ViaPoll, p.ledger), IDs: ids}
	if _, err := watch.Several(ctx, []watch.Job{job}, func(watch.Update) {}); err != nil && ctx.Err() == nil {
		p.warn(err)
	}
}

// readyTunnel is the tunnel's part of the ready line; nil without one.
func readyTunnel(p *tunnel.Public) *view.ReadyTunnel {
	if p == nil {
		return nil
	}
	last := p.Last()
	return &view.ReadyTunnel{Provider: p.Program.Name, URL: payment.OrNull(last.URL), Checked: last.State == tunnel.Live}
}

// liveTunnel reads what a listener of a profile says of its tunnel, for the settings.
func liveTunnel(stateDir, profile string) (config.Tunnel, bool, error) {
	h, alive, err := tunnel.Current(stateDir, profile)
	if payment.KindOf(err) == payment.KindUsage {
		return config.Tunnel{}, false, err
	}
	return config.Tunnel{URL: h.URL, Alive: alive, CheckedAt: h.CheckedAt, Good: h.State == tunnel.Live}, err == nil, nil
}
