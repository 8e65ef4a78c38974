package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/serve"
	"github.com/payctl/payctl/internal/view"
)

// emulatorServe is "payctl emulator".
type emulatorServe struct {
	*session
	addr, ready   string
	seed          uint64
	seeded        bool
	clock         string
	weather       string
	behaviours    []string
	callbackDelay time.Duration
	webhookURL    string
	state         string
	tls           bool
	proxy         string
	publicHosts   []string
	logFormat     string
}

func newEmulator(s *session) *cobra.Command {
	v := &emulatorServe{session: s}
	cmd := &cobra.Command{
		Use:   "emulator",
		Short: "Run an offline Daraja and WasaaPay",
		Long: `Runs an offline Daraja and WasaaPay on one loopback address: OAuth, STK push and
query, callbacks, transaction status, C2B and the rest, with the wire formats of the
real ones. Give its address to any client as the base URL, or, where the hosts are
hard-coded, --proxy as HTTPS_PROXY: it answers for the providers' hosts, refuses all
others, and nothing leaves the machine. Each exchange is one line on stdout. A signal
(Ctrl-C, SIGTERM) ends it: open requests are finished, then it exits with 0.

` + view.EmulatorNumbers() + `

It is steered by the other verbs, which speak to its control plane at /_emulator/: a
call there that changes something needs the header X-Payctl-Control: 1. Requests must
name this machine, a provider's host or a --public-host, and web pages of other
machines are refused.

` + outcomesHelp(),
		Example: "  payctl emulator\n  payctl emulator --weather salary-day --seed 7\n  payctl emulator --proxy 127.0.0.1:4080\n  payctl emulator answer ws_CO_1 cancelled",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef(guess("payctl emulator", args[0], helpNames(cmd), "run \"payctl emulator --help\" to see the verbs"), "unknown verb %q for \"payctl emulator\"", args[0])
			}
			return nil
		},
		RunE: s.run(v.Run),
	}
	f := cmd.Flags()
	cmd.PreRun = func(*cobra.Command, []string) { v.seeded = f.Changed("seed") }
	f.StringVar(&v.addr, "addr", "127.0.0.1:4010", "listen on `HOST:PORT`; port 0 takes a free one")
	f.StringVar(&v.ready, "ready-file", "", "write the base URL to this `FILE` when ready")
	f.Uint64Var(&v.seed, "seed", 0, "same `N` and same requests give the same ids (default: that of --state, else a random one)")
	f.StringVar(&v.clock, "clock", "real", "`real|virtual`; a virtual clock moves by \"emulator clock advance\"")
	f.StringVar(&v.weather, "weather", "calm", "`PRESET`: "+strings.Join(weatherNames(), ", "))
	f.StringArrayVar(&v.behaviours, "behaviour", nil, "switch a behaviour on: `NAME[=VALUE]` (repeatable; see \"emulator behaviours\")")
	f.DurationVar(&v.callbackDelay, "callback-delay", 0, "`DURATION` from a push to its callback (default: the weather's)")
	f.StringVar(&v.webhookURL, "webhook-url", "", "`URL` that WasaaPay's webhooks go to (default "+emulator.DefaultWebhookURL+")")
	f.StringVar(&v.state, "state", "", "keep the state in this `FILE`")
	f.BoolVar(&v.tls, "tls", false, "serve HTTPS with a certificate of the emulator's own authority (see \"emulator ca\")")
	f.StringVar(&v.proxy, "proxy", "", "also be an HTTP proxy on `HOST:PORT` that answers for the providers' hosts alone")
	f.StringArrayVar(&v.publicHosts, "public-host", nil, "also answer requests for this host `NAME`, such as host.docker.internal (repeatable)")
	bindLogFormat(f, &v.logFormat)
	cmd.AddCommand(newEmulatorAnswer(s), newEmulatorPhone(s), newEmulatorEmit(s), newEmulatorStatement(s), newEmulatorBehaviours(s), newEmulatorClock(s),
		newEmulatorEnv(s), newEmulatorCA(s), newEmulatorCertificate(s))
	return cmd
}

func weatherNames() []string {
	var names []string
	for _, w := range emulator.Weathers() {
		names = append(names, w.Name)
	}
	return names
}

// outcomesHelp is the table of payer outcomes, made from the emulator's own.
func outcomesHelp() string {
	var b strings.Builder
	b.WriteString("What the payer does is chosen by the last two digits of the phone, by the amount, or\nby the header X-Emulator-Outcome on the request:\n\n")
	fmt.Fprintf(&b, "  %-20s %-6s %-7s %-11s %s\n", "outcome", "phone", "amount", "code", "what happens")
	for _, o := range emulator.Outcomes() {
		amount := ""
		if o.Amount > 0 {
			amount = fmt.Sprint(o.Amount)
		}
		phone := o.PhoneEnding
		if phone != "" {
			phone = "…" + phone
		}
		fmt.Fprintf(&b, "  %-20s %-6s %-7s %-11s %s\n", o.Name, phone, amount, o.Code, o.Summary)
	}
	return strings.TrimRight(b.String(), "\n")
}

// maxSeed is the largest seed: JSON readers that use doubles change larger numbers.
const maxSeed = 1<<53 - 1

// chosenSeed is the one named, else the one that the state was made with, else a
// new one: without it the same command could not be started again.
func (v *emulatorServe) chosenSeed() (uint64, error) {
	if v.seeded {
		if v.seed > maxSeed {
			return 0, usagef("use a seed of at most 9007199254740991, the largest whole number that every JSON reader keeps", "seed %d: is too large", v.seed)
		}
		return v.seed, nil
	}
	if v.state != "" {
		seed, found, err := emulator.StateSeed(v.state)
		if err != nil {
			return 0, usagef("name another file with --state, or move this one away", "%s", payment.FirstLine(err.Error()))
		}
		if found {
			return seed, nil
		}
	}
	return uint64(v.now().UnixNano()) & maxSeed, nil
}

// Run serves until ctx ends.
func (v *emulatorServe) Run(ctx context.Context) error {
	log, err := v.logger(v.logFormat)
	if err != nil {
		return err
	}
	seed, err := v.chosenSeed()
	if err != nil {
		return err
	}
	ln, err := serve.Bind(ctx, v.addr)
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }()
	proxy, err := bindProxy(ctx, v.proxy)
	if err != nil {
		return err
	}
	defer serve.Close(proxy)
	e, err := emulator.New(emulator.Options{ //nolint:contextcheck // it lives until Close, which a signal must not pre-empt
		Seed: seed, Clock: v.clock, Weather: v.weather, Behaviours: v.behaviours, CallbackDelay: v.callbackDelay,
		WebhookURL: v.webhookURL, StateFile: v.state, CADir: emulatorCADir(v.env), PublicHosts: v.publicHosts,
		Log: func(x emulator.Exchange) { v.keepErr(v.out.Line(view.Exchange{Exchange: x})) },
	})
	if err != nil {
		return usagef("see \"payctl emulator behaviours\" and \"payctl emulator --help\"", "%s", err.Error())
	}
	ready := view.Ready{Type: "ready", URL: "http://" + ln.Addr().String(), Seed: &seed}
	if v.tls {
		conf, err := e.TLSConfig()
		if err != nil {
			return usagef("remove the broken files, or fix their permissions", "%s", err.Error())
		}
		ln, ready.URL = tls.NewListener(ln, conf), "https://"+ln.Addr().String()
	}
	if proxy != nil {
		ready.Proxy = "http://" + proxy.Addr().String()
	}
	err = v.serve(ctx, e, emulatorDoors{front: ln, proxy: proxy, ready: ready, log: log})
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), serve.DrainTimeout)
	defer cancel()
	return cmp.Or(err, e.Close(stop))
}
