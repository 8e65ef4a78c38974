package cli

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/filter"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/loopback"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/presence"
	"github.com/payctl/payctl/internal/serve"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/tunnel"
	"github.com/payctl/payctl/internal/view"
	"github.com/payctl/payctl/internal/web"
	"github.com/payctl/payctl/internal/webhook"
)

// uiVerb is "payctl ui".
type uiVerb struct {
	control
	addr, ready  string
	open         bool
	allowActions bool
}

func newUI(s *session) *cobra.Command {
	v := &uiVerb{control: control{session: s}}
	cmd := &cobra.Command{
		Use:   "ui",
		Short: "Look at the ledger in a browser",
		Long: `Serves pages about the profile's ledger on this machine: deliveries with why they were
or were not believed, deposits, a payment's timeline, counts, and the emulator's handset.
They follow the ledger as it changes, and show numbers masked.

The address that is printed opens one browser, once. Scripts send the token in the second
line of --ready-file as "Authorization: Bearer TOKEN". Only this machine is served; from
elsewhere: ssh -L 4030:127.0.0.1:4030 HOST.

Nothing here moves money. In the environments local and sandbox a delivery can be sent
again to a target on this machine; elsewhere pages only show, unless --allow-actions is
given. Each action is shown as its command too. A signal (Ctrl-C) ends it with exit 0.`,
		Example: "  payctl ui --open\n  payctl ui --addr 127.0.0.1:0 --ready-file ui.txt\n  payctl ui --profile shop --emulator http://127.0.0.1:4010",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.addr, "addr", "127.0.0.1:4030", "serve at `HOST:PORT` of this machine; port 0 takes a free one")
	f.BoolVar(&v.open, "open", false, "open it in the browser")
	f.StringVar(&v.url, "emulator", "", "show the handset of the emulator at this `URL` (default: the local profile's)")
	f.BoolVar(&v.allowActions, "allow-actions", false, "let pages send deliveries again in any environment")
	f.StringVar(&v.ready, "ready-file", "", "write the base URL, and a token for scripts, to this `FILE` when ready")
	return cmd
}

// Run serves until it is stopped.
func (v *uiVerb) Run(ctx context.Context) error {
	if err := checkLoopback(v.addr); err != nil {
		return err
	}
	conf, err := v.config(ctx)
	if err != nil {
		return err
	}
	ledger, err := v.readLedger(ctx)
	if err != nil {
		return err
	}
	ln, err := serve.Bind(ctx, v.addr)
	if err != nil {
		return err
	}
	server, err := v.server(conf, ledger, ln.Addr().String())
	if err != nil {
		serve.Close(ln)
		return err
	}
	log, err := v.logger("")
	if err != nil {
		serve.Close(ln)
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- serve.Door{Listener: ln, Handler: server, Log: log}.Serve(ctx, server.Close) }()
	err = v.announce(ctx, conf, server, "http://"+ln.Addr().String())
	if err != nil {
		cancel()
	}
	err = cmp.Or(err, <-served)
	cancel()
	return err
}

// checkLoopback refuses an address that others could reach.
func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	switch {
	case err != nil:
		return usagef("write host:port, such as 127.0.0.1:4030", "addr %s: is not an address", payment.Quote(addr, 60))
	case !loopback.Is(host):
		return usagef("use 127.0.0.1:4030; from another machine: ssh -L 4030:127.0.0.1:4030 HOST", "addr %s: only this machine is served", payment.Quote(addr, 60))
	}
	return nil
}

// announce says where it is, once for people and once for scripts.
func (v *uiVerb) announce(ctx context.Context, conf *config.Config, server *web.Server, base string) error {
	if err := v.out.Line(view.UIReady{Type: "ready", URL: server.StartURL()}); err != nil {
		return err
	}
	if v.ready != "" {
		if err := atomicfile.Write(v.ready, []byte(base+"\n"+server.Bearer()+"\n")); err != nil {
			return usagef("name a file that can be written, in a directory that exists", "ready-file %s: cannot be written", v.ready)
		}
	}
	if v.open {
		forget, err := web.OpenBrowser(ctx, v.in.Environ, conf.StateDir, server.StartURL())
		if err != nil {
			v.out.Warn("the browser could not be opened: %v; open the address above", err)
		}
		v.closers = append(v.closers, forget)
	}
	return nil
}

func (v *uiVerb) server(conf *config.Config, ledger *store.Store, addr string) (*web.Server, error) {
	o := web.Options{
		Ledger: ledger, Providers: v.providers, Environment: conf.Environment, Profile: conf.Profile, LedgerName: filepath.Base(ledger.Path()),
		Flags: v.flags(), Addr: addr, Now: v.now, Zone: time.Local, ShowPhone: v.global.showPhone, AllowActions: v.allowActions,
		Sender: deliver.New(deliver.Options{}), Why: v.why(), CallbackURL: conf.CallbackURL,
		Deliveries: filter.Deliveries, Deposits: filter.Deposits,
		Listener: func(ctx context.Context) presence.Who { return v.listener(ctx, conf, ledger) },
		Tunnel: func() (web.Tunnel, bool) {
			h, alive, err := tunnel.Current(conf.StateDir, conf.Profile)
			return web.Tunnel{URL: h.URL, Alive: alive, State: string(h.State), CheckedAt: h.CheckedAt}, err == nil
		},
	}
	if v.url != "" || conf.Environment == payment.Local {
		o.Emulator = v.call
	}
	return web.New(o)
}

// listener asks where the profile's listener should be: at the callback URL, if that is
// on this machine, else at its usual address. One with a tunnel says of itself that it runs.
func (v *uiVerb) listener(ctx context.Context, conf *config.Config, ledger *store.Store) presence.Who {
	if h, alive, err := tunnel.Current(conf.StateDir, conf.Profile); err == nil && alive && h.Ledger == ledger.Path() {
		return presence.ThisListener
	}
	at := "http://" + cmp.Or(conf.Listen.Addr, inquiry.UsualAddr)
	if u, err := url.Parse(conf.CallbackURL); err == nil && loopback.Is(u.Hostname()) {
		at = conf.CallbackURL
	}
	who, err := presence.Ask(ctx, v.client, at, ledger.Prove)
	if err != nil {
		return presence.Nobody
	}
	return who
}

// flags are those that chose what is looked at, for the commands that pages show. A
// database's URL may hold a password: the variable stands for it.
func (v *uiVerb) flags() string {
	var b strings.Builder
	for _, f := range [][2]string{{"profile", v.global.profile}, {"config", v.global.configFile}, {"db", v.global.db}} {
		switch {
		case f[1] == "":
		case f[0] == "db" && store.IsShared(f[1]):
			b.WriteString(` --db "$PAYCTL_DB"`)
		default:
			b.WriteString(" --" + f[0] + " '" + strings.ReplaceAll(f[1], "'", `'\''`) + "'")
		}
	}
	return b.String()
}

// why looks for the usual mistake behind a signature that does not fit, with this
// profile's secrets.
func (v *uiVerb) why() func(context.Context, store.StoredDelivery) string {
	var one sync.Mutex // a search takes a processor for up to a second
	return func(ctx context.Context, d store.StoredDelivery) string {
		if d.Verdict != payment.VerdictMismatch && d.Verdict != payment.VerdictMalformed {
			return ""
		}
		one.Lock()
		defer one.Unlock()
		check := &webhook.Verification{Providers: v.providers, Secrets: v.keys().Secrets, Now: v.now}
		judged, err := check.Why(ctx, d.Delivery, d.Verdict, d.Reason)
		if err != nil || judged.Fix == "" {
			return ""
		}
		return judged.Reason + ". Fix: " + judged.Fix
	}
}
