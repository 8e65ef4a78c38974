package cli

import (
	"cmp"
	"context"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/filter"
	"github.com/payctl/payctl/internal/listen"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/serve"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/tunnel"
	"github.com/payctl/payctl/internal/view"
)

// listenCommand is "payctl listen".
type listenCommand struct {
	*session
	addr, ready     string
	addrGiven       bool
	forwardTo       []string
	forwardAttempts int
	withParent      bool
	untrusted       bool
	send            sendFlags
	tunnel          tunnelFlags
	tlsCert, tlsKey string
	allowPlain      bool
	secretPath      bool
	printSecretPath bool
	logFormat       string
	filter          string
}

func newListen(s *session) *cobra.Command {
	v := &listenCommand{session: s}
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use:   "listen",
		Short: "Receive callbacks and keep every one",
		Long: `Receives what Daraja, WasaaPay and Sevi post, commits each delivery to the ledger and
only then answers in the provider's dialect. Stored deliveries can be forwarded; the
provider's acknowledgement never waits for that.

Plain HTTP is served on loopback only, unless --allow-plain is given; any other
address needs a secret path (--secret-path). A socket from systemd is held to the same.
A signal (Ctrl-C, SIGTERM) ends it: open requests are finished, then it exits with 0.

A forward is given up after --forward-attempts; one that the target refuses (4xx, except
408, 409, 425 and 429) after three refusals, so that later deliveries of the same payment
need not wait for it. "payctl webhook replay --failed" tries those again. Not forwarded:
what payctl has forwarded before (X-Payctl-Delivery), and, under a secret path, what is
not believed and came with a token that nobody knows.
` + tunnelHelp + `
` + filterHelp[filter.Delivery]() + `
It chooses what is shown; everything is kept and forwarded all the same.`,
		Example: "  payctl listen\n  payctl listen --forward-to http://127.0.0.1:3000/hooks\n  payctl listen --forward-to 'deposit.*=http://127.0.0.1:3000/deposits'",
		Args:    noArgs,
		RunE: s.run(func(ctx context.Context) error {
			v.addrGiven = cmd.Flags().Changed("addr")
			return v.Run(ctx)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&v.addr, "addr", "127.0.0.1:4020", "listen on `HOST:PORT`; port 0 takes a free one")
	f.StringVar(&v.ready, "ready-file", "", "write the base URL to this `FILE` when ready")
	f.StringArrayVar(&v.forwardTo, "forward-to", nil, "send deliveries on, all or what matches: `[PROVIDER/][EVENT=]URL` (repeatable)")
	f.BoolVar(&v.untrusted, "forward-untrusted", false, "forward also what is not believed, as what it is")
	f.IntVar(&v.forwardAttempts, "forward-attempts", 16, "give a forward up after `N` attempts (16 take about three hours)")
	f.StringVar(&v.tlsCert, "tls-cert", "", "serve HTTPS with this certificate `FILE`; read again when it changes")
	f.StringVar(&v.tlsKey, "tls-key", "", "the certificate's key `FILE`")
	f.BoolVar(&v.allowPlain, "allow-plain", false, "serve plain HTTP on other addresses than loopback")
	f.BoolVar(&v.secretPath, "secret-path", false, "make every callback path secret with a token kept beside the ledger")
	f.BoolVar(&v.printSecretPath, "print-secret-path", false, "print the secret callback URLs and exit")
	f.BoolVar(&v.withParent, "exit-with-parent", false, "end when stdin closes or the program that started it is gone")
	bindLogFormat(f, &v.logFormat)
	v.send.bind(f)
	v.tunnel.bind(f)
	bindFilter(f, &v.filter)
	return cmd
}

// maxForwardAttempts bounds --forward-attempts: with half an hour between the
// later ones, it is three weeks.
const maxForwardAttempts = 1000

// listenBusy bounds how long a commit waits for other processes: Daraja is said
// to give up after 5 s (reference/daraja.md §4.3).
const listenBusy = 2 * time.Second

// Run receives until it is stopped.
func (v *listenCommand) Run(ctx context.Context) error {
	if v.deadline.limit > 0 {
		return usagef("stop it with SIGTERM, or give --exit-with-parent; --send-timeout bounds a forward", "timeout %s: listen runs until it is stopped", v.deadline.limit)
	}
	conf, err := v.config(ctx)
	if err != nil {
		return err
	}
	if conf.Listen.Addr != "" && !v.addrGiven {
		v.addr = conf.Listen.Addr
	}
	path, err := conf.Ledger()
	if err != nil {
		return err
	}
	public, err := v.openTunnel(conf)
	if err != nil {
		return err
	}
	v.secretPath = v.secretPath || public != nil
	metrics := listen.NewMetrics()
	if err := v.openShared(ctx, conf, metrics); err != nil {
		return err
	}
	token, err := v.installToken(ctx, path)
	if err != nil {
		return err
	}
	if v.printSecretPath {
		return v.out.One(view.NewSecretPaths(conf.CallbackURL, token, v.providers.Routes()))
	}
	if err := listen.CheckBind(v.addr, v.exposure(token)); err != nil {
		return err
	}
	options, err := v.options(ctx, conf)
	if err != nil {
		return err
	}
	options.Metrics, options.InstallToken = metrics, token
	options.C2BUntrusted = opensC2B(conf, token)
	v.warnOpen(conf, options)
	if isNew(conf) && conf.Environment != payment.Local {
		v.out.Warn("db: there was no ledger %s; an empty one was made: if there should be one, stop and put it back", filepath.Base(path))
	}
	if v.ledger == nil {
		ledger, err := store.Open(ctx, store.Options{Path: path, Now: v.now, Actor: v.actor(), BusyTimeout: listenBusy, OnCommit: metrics.Commit})
		if err != nil {
			return err
		}
		v.keepLedger(ledger)
	}
	ledger := v.ledger
	options.SpillDir, options.LedgerID = ledger.Beside("spill"), ledger.SharedID()
	options.Ledger, options.Backlog, options.Prove = listen.LedgerOf(ledger), listen.BacklogOf(ledger), ledger.Prove
	options.HashCredential = ledger.ProveCredential
	if public != nil {
		public.Ledger = ledger.Path()
		options.Tunnel = func() listen.TunnelStatus {
			last := public.Last()
			return listen.TunnelStatus{State: string(last.State), CheckedAt: last.CheckedAt}
		}
	}
	unproved, stopAsking := v.promptQuestions(ctx, conf, ledger)
	defer stopAsking()
	options.OnUnproved = unproved
	return v.serve(ctx, conf, options, public)
}

// exposure says how the listener is protected.
func (v *listenCommand) exposure(token string) listen.Exposure {
	return listen.Exposure{TLS: v.tlsCert != "", Secret: token != "", AllowPlain: v.allowPlain}
}

func (v *listenCommand) serve(ctx context.Context, conf *config.Config, options listen.Options, public *tunnel.Public) error {
	if v.getenv("GOGC") == "" && v.getenv("GOMEMLIMIT") == "" {
		options.Collector = listen.EaseCollector()
		defer options.Collector.Restore()
	}
	server, err := listen.New(options)
	if err != nil {
		return err
	}
	ln, err := listen.Socket(ctx, v.getenv, v.addr, v.exposure(options.InstallToken))
	if err != nil {
		return err
	}
	scheme := "http"
	if options.TLS != nil {
		scheme = "https"
	}
	url := scheme + "://" + ln.Addr().String()
	stopKeeping := listen.KeepSmall(ctx, v.ledger, conf.Listen.Retention, func(err error) { v.out.Warn("pruning failed: %v", err) })
	defer stopKeeping()
	ctx, cancel := context.WithCancel(ctx)
	if v.withParent {
		go listen.WatchParent(ctx, v.in.Stdin, os.Getppid, cancel)
	}
	v.sayWaiting(ctx, options.Forward.Rules)
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, ln) }()
	err = v.announce(ctx, server, v.ready, url, public)
	if err != nil {
		cancel()
	}
	err = cmp.Or(err, <-served)
	cancel()
	if public != nil {
		err = cmp.Or(err, public.Stop())
	}
	return cmp.Or(err, v.writeErr)
}

// announce says that the listener is ready; with a tunnel, once there is an address, or a
// reason why there is none yet.
func (v *listenCommand) announce(ctx context.Context, server *listen.Server, file, url string, public *tunnel.Public) error {
	if public != nil {
		public.Serve = func(ctx context.Context, ln net.Listener, probe *tunnel.Probe) error {
			return server.ServeTunnel(ctx, ln, listen.Tunnel{CheckPath: tunnel.CheckPath, Arrive: probe.Arrive, Appends: probe.Appends})
		}
		if err := public.Run(ctx); err != nil {
			return err
		}
	}
	ready := view.Ready{Type: "ready", URL: url, Routes: listen.Routes(v.providers.Routes()), Tunnel: readyTunnel(public), Zone: zoneName(v.now(), v.zone())}
	if err := v.out.Line(ready); err != nil {
		return err
	}
	if public != nil {
		public.Announce()
	}
	if err := serve.WriteReady(file, url); err != nil {
		return err
	}
	if err := listen.Notify(ctx, v.getenv("NOTIFY_SOCKET"), "READY=1"); err != nil {
		v.out.Warn("the service manager could not be told: %v", err)
	}
	return nil
}

// options turns settings and flags into the receiver's options.
func (v *listenCommand) options(ctx context.Context, conf *config.Config) (listen.Options, error) {
	wanted, err := filter.Received(v.filter)
	if err != nil {
		return listen.Options{}, err
	}
	receivers, skipped, err := v.providers.Receivers(ctx, conf)
	if err != nil {
		return listen.Options{}, err
	}
	for _, s := range skipped {
		v.out.Note("not receiving %s", s)
	}
	options := listen.Options{
		Receivers: receivers, Routes: v.providers.Routes(), TrustedProxies: conf.Listen.TrustedProxies,
		AddressCheck: v.providers.Sender(conf),
		Forward:      listen.Forward{Attempts: v.forwardAttempts, Timeout: v.send.timeout, Untrusted: v.untrusted},
		Now:          v.now,
	}
	if options.Credential, err = v.providers.Credentials(ctx, conf); err != nil {
		return options, err
	}
	shown := &listenPrinter{session: v.session, wanted: wanted, zone: v.zone()}
	options.OnDelivery, options.OnForward, options.OnStray = shown.delivery, shown.forward, shown.stray
	if options.Logger, err = v.logger(v.logFormat); err != nil {
		return options, err
	}
	if v.forwardAttempts < 1 || v.forwardAttempts > maxForwardAttempts {
		return options, usagef("use 1 to "+itoa(maxForwardAttempts), "forward-attempts %d: is out of range", v.forwardAttempts)
	}
	sender, err := v.send.sender(listen.MostWorkers)
	if err != nil {
		return options, err
	}
	options.Forward.Sender = sender
	for _, text := range v.forwardTo {
		rule, err := listen.ParseRule(text, v.providers.Events())
		if err != nil {
			return options, err
		}
		if err := sender.Check(ctx, rule.URL, true); err != nil {
			return options, err
		}
		options.Forward.Rules = append(options.Forward.Rules, rule)
	}
	switch {
	case v.tlsCert == "" && v.tlsKey == "":
		return options, nil
	case v.tlsCert == "" || v.tlsKey == "":
		return options, usagef("give both --tls-cert and --tls-key", "tls: a certificate and its key belong together")
	}
	options.TLS, err = listen.TLSConfig(v.tlsCert, v.tlsKey)
	return options, err
}

// opensC2B reports whether anybody could post a C2B payment: it carries no proof of its
// own, so that the way it comes must vouch for it.
func opensC2B(conf *config.Config, token string) bool {
	return conf.Environment != payment.Local && token == "" && conf.Listen.IPCheck != config.IPEnforce
}

// warnOpen says aloud what is not guarded: a check of addresses that was asked for and
// does not hold, and C2B that nothing vouches for.
func (v *listenCommand) warnOpen(conf *config.Config, options listen.Options) {
	if conf.Environment == payment.Local && conf.Listen.IPCheck == config.IPEnforce {
		v.out.Warn("listen.ip_check: enforce does not hold in the local environment: the emulator posts from this machine")
	}
	if options.C2BUntrusted {
		v.out.Warn("C2B payments are kept but not believed: nothing vouches for them here; give --secret-path, or set listen.ip_check to enforce")
	}
}
