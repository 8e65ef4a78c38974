package cli

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/listen"
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

// publicAddress runs the tunnel before a listener.
type publicAddress struct {
	*session
	program tunnel.Program
	conf    *config.Config
	probe   *tunnel.Probe
	// first is closed when there is something to say: an address, or why there is none.
	first     chan struct{}
	firstOnce sync.Once

	mu        sync.Mutex
	last      tunnel.Event
	since     time.Time
	announced bool
	published *tunnel.Publication
	// socket and work are the goroutines of the socket and of everything else.
	socket, work sync.WaitGroup
	endProgram   context.CancelFunc
}

// openTunnel reads the flags and settings; nil where no tunnel is wanted.
func (v *listenCommand) openTunnel(conf *config.Config) (*publicAddress, error) {
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
	return &publicAddress{
		session: v.session, program: program, conf: conf, first: make(chan struct{}), probe: &tunnel.Probe{Now: v.now}, since: v.now(),
	}, nil
}

// status is what /readyz and the metrics say.
func (p *publicAddress) status() listen.TunnelStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return listen.TunnelStatus{State: string(p.last.State), CheckedAt: p.last.CheckedAt}
}

// run opens the tunnel's socket and keeps the tunnel up until ctx ends and stop is called.
// It returns when there is an address, or a reason why there is none yet.
func (p *publicAddress) run(ctx context.Context, server *listen.Server) (err error) {
	if p.published, err = tunnel.Publish(p.conf.StateDir, p.conf.Profile); err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	// The program outlives the socket: the last answers go through it.
	program, endProgram := context.WithCancel(context.WithoutCancel(ctx))
	p.endProgram = endProgram
	t, err := tunnel.New(tunnel.Options{
		Program: p.program, Port: ln.Addr().(*net.TCPAddr).Port, Now: p.now, //nolint:forcetypeassert // a TCP listener has no other
		Unusable: p.unusable, Check: p.probe.Check, Report: func(e tunnel.Event) { p.changed(program, e) },
		Output: func(line string) { p.out.Debug("tunnel: %s", p.phoneText(line)) },
	})
	if err != nil {
		_ = ln.Close()
		return err
	}
	p.socket.Go(func() {
		p.warn(server.ServeTunnel(ctx, ln, listen.Tunnel{CheckPath: tunnel.CheckPath, Arrive: p.probe.Arrive, Appends: p.probe.Appends}))
	})
	failed := make(chan error, 1)
	p.work.Go(func() { failed <- t.Run(program) })
	select {
	case <-p.first:
	case <-ctx.Done():
	case err = <-failed:
	}
	return err
}

// stop waits for the socket, whose context has ended, then ends the program and takes the
// address back.
func (p *publicAddress) stop() error {
	p.socket.Wait()
	if p.endProgram != nil {
		p.endProgram()
	}
	p.work.Wait()
	if p.published == nil {
		return nil
	}
	return p.published.Close()
}

// announce shows the tunnel from now on: the ready line comes first.
func (p *publicAddress) announce() {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.announced = true
	last := p.last
	p.mu.Unlock()
	p.show(last, nil)
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
		if p.program.URL == "" {
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

// changed tells of a change, hands the address over and looks after deposits that were
// sent with one that is gone.
func (p *publicAddress) changed(ctx context.Context, e tunnel.Event) {
	p.mu.Lock()
	moved := e.URL != "" && e.URL != p.last.URL && e.PreviousURL != ""
	since := p.since
	if e.URL != "" && e.URL != p.last.URL {
		p.since = p.now()
	}
	p.last = e
	published := tunnel.Handover{URL: e.URL, Ledger: p.ledger.Path(), State: e.State, Since: p.since, CheckedAt: e.CheckedAt}
	p.mu.Unlock()
	p.warn(p.published.Set(published))
	var left []string
	if moved {
		left = p.left(ctx, since)
	}
	p.show(e, left)
	if e.State != tunnel.Starting && (e.State == tunnel.Live || e.Problem != "") {
		p.firstOnce.Do(func() { close(p.first) })
	}
}

// show prints a change, once the ready line is out.
func (p *publicAddress) show(e tunnel.Event, left []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.announced {
		return
	}
	view := view.Tunnel{
		Type: "tunnel", Provider: p.program.Name, State: string(e.State), URL: payment.OrNull(e.URL), PreviousURL: payment.OrNull(e.PreviousURL),
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

// left finds the open deposits that were sent while the previous address held, and has
// them followed by asking: their callbacks go nowhere.
func (p *publicAddress) left(ctx context.Context, since time.Time) []string {
	out := []string{}
	open, _, err := p.ledger.Deposits.List(ctx, store.DepositFilter{Since: since})
	if err != nil {
		p.warn(err)
		return out
	}
	byProvider := map[payment.ProviderID][]string{}
	for _, d := range open {
		if d.ProviderID != "" && !d.Status.Final() && d.Environment == p.conf.Environment {
			byProvider[d.Provider] = append(byProvider[d.Provider], d.ID)
			out = append(out, d.ID)
		}
	}
	for id, ids := range byProvider {
		p.work.Go(func() { p.followByAsking(ctx, id, ids) })
	}
	return out
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

// ready is the tunnel's part of the ready line; nil without one.
func (p *publicAddress) ready() *view.ReadyTunnel {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return &view.ReadyTunnel{Provider: p.program.Name, URL: payment.OrNull(p.last.URL), Checked: p.last.State == tunnel.Live}
}

// liveTunnel reads what a listener of a profile says of its tunnel, for the settings.
func liveTunnel(stateDir, profile string) (config.Tunnel, bool, error) {
	h, alive, err := tunnel.Current(stateDir, profile)
	if payment.KindOf(err) == payment.KindUsage {
		return config.Tunnel{}, false, err
	}
	return config.Tunnel{URL: h.URL, Alive: alive, CheckedAt: h.CheckedAt, Good: h.State == tunnel.Live}, err == nil, nil
}
