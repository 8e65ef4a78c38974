package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/store"
	"github.com/payctl/payctl/internal/ui"
)

// globals are the flags that mean the same everywhere.
type globals struct {
	profile, configFile, db string
	output, jq, template    string
	color                   string
	quiet, verbose          bool
	yes, showPhone          bool
	timeout                 time.Duration
}

func (g *globals) bind(f *pflag.FlagSet) {
	f.StringVar(&g.profile, "profile", "", "settings profile `NAME`")
	f.StringVar(&g.configFile, "config", "", "configuration `FILE` instead of the user's")
	f.StringVar(&g.db, "db", "", "ledger `FILE|URL`")
	f.StringVarP(&g.output, "output", "o", "text", "output format: `text|json|ndjson|csv`")
	f.StringVar(&g.jq, "jq", "", "filter the JSON output with a jq `EXPR`")
	f.StringVar(&g.template, "template", "", "format the JSON output with a Go template `TEXT`")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "no notes and no progress")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "show each exchange with the provider, secrets taken out")
	f.StringVar(&g.color, "color", "auto", "colour: `auto|always|never`")
	f.DurationVar(&g.timeout, "timeout", 0, "give up after this `DURATION` (such as 90s)")
	f.BoolVar(&g.yes, "yes", false, "answer yes to every question")
	f.BoolVar(&g.showPhone, "show-phone", false, "show whole phone numbers")
}

// app is what one invocation's commands share. Everything costly is made when
// it is first asked for: a command that needs no ledger opens none.
type app struct {
	in     Invocation
	global globals
	// running is set when a command's own run begins; what fails before is usage.
	running bool
	now     func() time.Time
	// began is when the command's time began to run.
	began   time.Time
	out     *ui.Printer
	conf    *config.Config
	ledger  *store.Store
	client  *http.Client
	closers []func() error
	// stop ends the run's context.
	stop context.CancelFunc
	// writeErr is the first error of writing from within a callback.
	writeErr error
}

func newApp(in Invocation) *app {
	return &app{in: in, now: time.Now, began: time.Now()}
}

// run wraps a command's own run: the printer is made first, and a timeout is put on the
// context when the command leaves --timeout to it.
func (a *app) run(fn func(context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		printer, err := a.newPrinter(ui.Format(a.global.output))
		if err != nil {
			return usagef("see \"payctl help output\"", "%s", err.Error())
		}
		a.out = printer
		if printer.Format() == ui.FormatCSV && !isTabular(cmd) {
			return usagef("lists and reports are printed as csv; write -o json", "--output csv: \"%s\" prints no table", cmd.CommandPath())
		}
		if a.global.timeout < 0 {
			return usagef("write a duration such as 90s, or leave it out", "timeout %s: is negative", a.global.timeout)
		}
		if err := checkNamed(cmd.Flags()); err != nil {
			return err
		}
		a.running = true
		if a.in.Signals != nil {
			a.in.Signals(a.stop)
		}
		return fn(cmd.Context())
	}
}

// report marks a command that is no list, but prints rows all the same.
func report(cmd *cobra.Command) *cobra.Command {
	cmd.Annotations = map[string]string{"report": ""}
	return cmd
}

// isTabular reports whether a command's output is rows: a list's or a report's.
func isTabular(cmd *cobra.Command) bool {
	_, marked := cmd.Annotations["report"]
	return marked || cmd.Name() == "list"
}

// checkNamed refuses an empty name where one was given: it is a script's variable
// that nobody set, and what holds without it may be production.
func checkNamed(flags *pflag.FlagSet) error {
	for _, f := range []struct{ name, what string }{{"profile", "a profile"}, {"config", "a file"}, {"db", "a file"}} {
		if given := flags.Lookup(f.name); given != nil && given.Changed && given.Value.String() == "" {
			return usagef("name "+f.what+", or leave --"+f.name+" out", "%s: is empty", f.name)
		}
	}
	return nil
}

// glance is run for commands that change nothing and are mostly over at once:
// --timeout bounds them as a whole. The watch for signals, with threads of its own,
// costs more than some of them do, so it begins when the command takes longer;
// until then a signal ends the process.
func (a *app) glance(fn func(context.Context) error) func(*cobra.Command, []string) error {
	signals := a.in.Signals
	return func(cmd *cobra.Command, args []string) error {
		if signals != nil {
			a.in.Signals = nil
			later := time.AfterFunc(glanceTime, func() { signals(a.stop) })
			defer later.Stop()
		}
		return a.run(func(ctx context.Context) error {
			ctx, cancel := a.within(ctx, a.global.timeout)
			defer cancel()
			return fn(ctx)
		})(cmd, args)
	}
}

// glanceTime is how long nobody misses the watch for signals.
const glanceTime = 50 * time.Millisecond

func (a *app) newPrinter(format ui.Format) (*ui.Printer, error) {
	outTTY, width := terminal(a.in.Stdout)
	errTTY, _ := terminal(a.in.Stderr)
	return ui.New(ui.Options{
		Stdout: a.in.Stdout, Stderr: a.in.Stderr,
		StdoutTTY: outTTY, StderrTTY: errTTY, Width: width,
		Format: format, JQ: a.global.jq, Template: a.global.template,
		Quiet: a.global.quiet, Verbose: a.global.verbose, Color: a.global.color,
		Env: a.env, ShowPhone: a.global.showPhone,
	})
}

// terminal tells whether a stream is a terminal, and how many columns it has.
func terminal(stream any) (bool, int) {
	file, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return false, 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return true, 0
	}
	return true, width
}

// printError shows an error, also when no printer could be made.
func (a *app) printError(view ui.ErrorView) {
	if a.out == nil {
		printer, err := ui.New(ui.Options{Stdout: a.in.Stdout, Stderr: a.in.Stderr, Format: wantsJSON(a.in.Args), Color: "never", Env: a.env})
		if err != nil {
			return
		}
		a.out = printer
	}
	a.out.Error(view)
}

// env reads one environment variable of the invocation.
func (a *app) env(name string) string {
	prefix := name + "="
	for i := len(a.in.Environ) - 1; i >= 0; i-- {
		if value, found := strings.CutPrefix(a.in.Environ[i], prefix); found {
			return value
		}
	}
	return ""
}

// close ends what was opened, the last first.
func (a *app) close() error {
	var errs error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = errors.Join(errs, a.closers[i]())
	}
	a.closers = nil
	return errs
}

// httpClient is the one client for provider calls: proxy and TLS settings of
// the process, no redirects, no overall timeout (a context bounds each call,
// and the stream's polls are held for long).
func (a *app) httpClient() *http.Client {
	if a.client == nil {
		dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
		a.client = &http.Client{Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           dialer.DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       60 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
		}}
	}
	return a.client
}

// config loads the settings once; most commands that fail early never need them.
func (a *app) config(ctx context.Context) (*config.Config, error) {
	if a.conf != nil {
		return a.conf, nil
	}
	conf, err := a.loadConfig(ctx, config.Load)
	if err == nil {
		a.conf = conf
	}
	return conf, err
}

// unchosen loads the settings for what needs no profile: where some are defined and
// none is named, they are those that all profiles share.
func (a *app) unchosen(ctx context.Context) (*config.Config, error) {
	return a.loadConfig(ctx, config.LoadUnchosen)
}

func (a *app) loadConfig(ctx context.Context, load func(context.Context, config.Source) (*config.Config, error)) (*config.Config, error) {
	ctx, cancel := a.preparing(ctx)
	defer cancel()
	conf, err := load(ctx, config.NewSource(a.in.Dir, a.env, a.configFlags(a.global.profile)))
	if err != nil {
		return nil, err
	}
	for _, w := range conf.Warnings {
		a.out.Warn("%s", w)
	}
	return conf, nil
}

// configFlags are the flags that are settings.
func (a *app) configFlags(profile string) map[string]string {
	flags := map[string]string{}
	for name, value := range map[string]string{"profile": profile, "config": a.global.configFile, "db": a.global.db} {
		if value != "" {
			flags[name] = value
		}
	}
	return flags
}

// provider opens one provider with the profile's settings.
func (a *app) provider(ctx context.Context, id payment.ProviderID, transports []string) (provider.Provider, error) {
	ctx, cancel := a.preparing(ctx)
	defer cancel()
	conf, err := a.config(ctx)
	if err != nil {
		return provider.Provider{}, err
	}
	return provider.Open(ctx, conf, id, a.deps(transports))
}

func (a *app) deps(transports []string) provider.Deps {
	return provider.Deps{HTTP: a.httpClient(), Log: a.wireLog, Now: a.now, Budget: budget{a}, Transports: transports}
}

// wireLog shows an exchange under --verbose.
func (a *app) wireLog(e apiclient.Exchange) {
	a.out.Debug("> %s %s %s", e.Method, e.URL, e.Request)
	a.out.Debug("< %d %s", e.Status, e.Response)
}

// budget shares rate limits through the ledger, which is opened when the first
// request needs it.
type budget struct{ app *app }

// ReserveWithin implements payment.Budget.
func (b budget) ReserveWithin(ctx context.Context, key string, per, most time.Duration) (payment.Slot, error) {
	ledger, err := b.app.openLedger(ctx)
	if err != nil {
		return payment.Slot{}, err
	}
	return ledger.ReserveWithin(ctx, key, per, most)
}

// Unreserve implements payment.Budget.
func (b budget) Unreserve(ctx context.Context, slot payment.Slot) error {
	ledger, err := b.app.openLedger(ctx)
	if err != nil {
		return err
	}
	return ledger.Unreserve(ctx, slot)
}

// Hold implements payment.Budget.
func (b budget) Hold(ctx context.Context, key string, until time.Time) error {
	ledger, err := b.app.openLedger(ctx)
	if err != nil {
		return err
	}
	return ledger.Hold(ctx, key, until)
}

// openLedger opens the profile's ledger once.
func (a *app) openLedger(ctx context.Context) (*store.Store, error) {
	return a.openLedgerAs(ctx, a.config, store.Options{})
}

// readLedger opens the profile's ledger for a command that only reads: this user
// may lack the right to write to it.
func (a *app) readLedger(ctx context.Context) (*store.Store, error) {
	return a.openLedgerAs(ctx, a.config, store.Options{OrReadOnly: true})
}

func (a *app) openLedgerAs(ctx context.Context, settings func(context.Context) (*config.Config, error), o store.Options) (*store.Store, error) {
	if a.ledger != nil {
		return a.ledger, nil
	}
	ctx, cancel := a.preparing(ctx)
	defer cancel()
	conf, err := settings(ctx)
	if err != nil {
		return nil, err
	}
	if o.Path, err = conf.Ledger(); err != nil {
		return nil, err
	}
	o.Now = a.now
	fresh := o.OrReadOnly && isNew(conf)
	ledger, err := store.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	if fresh {
		a.out.Warn("db: there was no ledger %s; an empty one was made", filepath.Base(o.Path))
	}
	a.ledger = ledger
	a.closers = append(a.closers, ledger.Close)
	return ledger, nil
}

// isNew tells whether somebody chose a ledger that is not there: it may be a slip.
func isNew(conf *config.Config) bool {
	if _, err := os.Stat(conf.DB); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	db, err := conf.Explain("db")
	return err == nil && db.Origin.Kind != config.FromDefault
}

// leastPreparing is what a command has at least before its own work: a busy machine
// would else use up a short --timeout before that has begun.
const leastPreparing = time.Second

// preparing bounds by --timeout what a command does before its own work: settings,
// secrets and the ledger may all keep it waiting. What --timeout means for the work
// is the command's to say.
func (a *app) preparing(ctx context.Context) (context.Context, context.CancelFunc) {
	return a.within(ctx, max(a.global.timeout, leastPreparing))
}

// within bounds what a command does from its beginning on, if there is a --timeout.
func (a *app) within(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	if a.global.timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, a.began.Add(most))
}

// withTimeout bounds a command by --timeout, or by its own default.
func (a *app) withTimeout(ctx context.Context, own time.Duration) (context.Context, context.CancelFunc) {
	limit := own
	if a.global.timeout > 0 {
		limit = a.global.timeout
	}
	return context.WithTimeout(ctx, limit)
}

// readAll reads outside input up to a limit. An interrupted read is the context's
// error, anything else KindUsage.
func readAll(r io.Reader, limit int64, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	if err != nil {
		return nil, usagef("check the file and its permissions", "cannot read %s: %v", name, err)
	}
	if int64(len(data)) > limit {
		return nil, usagef("payloads are at most 1 MiB", "%s is larger than %d bytes", name, limit)
	}
	return data, nil
}
