package cli

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/timing"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/webhook"
)

// globals are the flags that mean the same everywhere.
type globals struct {
	profile, configFile, db string
	output, jq, template    string
	color                   string
	quiet, verbose          bool
	yes, showPhone          bool
	timezone                string
}

// env is one invocation as its verb sees it: what came in, the printer, the settings,
// the clock and the deadline. It opens nothing; see session.
type env struct {
	in Invocation
	// environ is in.Environ by name.
	environ  map[string]string
	global   globals
	deadline deadline
	now      func() time.Time
	out      *ui.Printer
	conf     *config.Config
	loaded   *loadedSettings
	// shownIn is the zone of the times that people see, once it is known.
	shownIn *time.Location
	// providers is the table of all providers.
	providers provider.Table
	// patience is what is left for a keyring that does not answer.
	patience config.Patience
	// verb is the command that runs, such as "deposit create".
	verb string
	// running is set when a verb's own Run begins; what fails before is usage.
	running bool
	// paths lists the commands of the whole tree, which is built for the first hint.
	paths func() []string
	// noHelp is why there was no help to show: cobra takes no error for it.
	noHelp error
	// stop ends the run's context.
	stop context.CancelFunc
	// writeErr is the first error of writing from within a callback.
	writeErr error
	writeMu  sync.Mutex
}

func newEnv(in Invocation) *env {
	e := &env{in: in, environ: make(map[string]string, len(in.Environ)), now: time.Now, deadline: deadline{began: time.Now()}, providers: in.providers}
	e.paths = sync.OnceValue(func() []string { return commandPaths(Tree()) })
	for _, entry := range in.Environ {
		name, value, _ := strings.Cut(entry, "=")
		e.environ[name] = value
	}
	if e.providers == nil {
		e.providers = provider.Builtin()
	}
	return e
}

// bind binds the flags that mean the same everywhere.
func (e *env) bind(f *pflag.FlagSet) {
	g := &e.global
	f.StringVar(&g.profile, "profile", "", "settings profile `NAME`")
	f.StringVar(&g.configFile, "config", "", "configuration `FILE` instead of the user's")
	f.StringVar(&g.db, "db", "", "ledger `FILE|URL`")
	f.StringVarP(&g.output, "output", "o", "text", "output format: `text|json|ndjson|csv`")
	f.StringVar(&g.jq, "jq", "", "filter the JSON output with a jq `EXPR`")
	f.StringVar(&g.template, "template", "", "format the JSON output with a Go template `TEXT`")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "no notes and no progress")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "show each exchange with the provider, secrets taken out")
	f.StringVar(&g.color, "color", "auto", "colour: `auto|always|never`")
	f.StringVar(&g.timezone, "timezone", "", "show times in this `ZONE` (default: the setting timezone, else the machine's)")
	f.DurationVar(&e.deadline.limit, "timeout", 0, "give up after this `DURATION` (such as 90s)")
	f.BoolVar(&g.yes, "yes", false, "answer yes to every question")
	f.BoolVar(&g.showPhone, "show-phone", false, "show whole phone numbers")
}

func (e *env) newPrinter(format ui.Format) (*ui.Printer, error) {
	outTTY, errTTY := isTerminal(e.in.Stdout), isTerminal(e.in.Stderr)
	options := ui.Options{
		Stdout: e.in.Stdout, Stderr: e.in.Stderr, StdoutTTY: outTTY, StderrTTY: errTTY,
		Format: format, JQ: e.global.jq, Template: e.global.template,
		Quiet: e.global.quiet, Verbose: e.global.verbose, Color: e.global.color,
		Env: e.getenv, ShowPhone: e.global.showPhone, Lead: e.lead, Clock: ui.Clock{Zone: e.zone, Now: e.now},
	}
	switch {
	case outTTY:
		options.Width = func() int { return columnsOf(e.in.Stdout) }
	case errTTY:
		options.Width = func() int { return columnsOf(e.in.Stderr) }
	}
	return ui.New(options)
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// columnsOf is how many columns a terminal has now, 0 if that is not known.
func columnsOf(stream any) int {
	file, ok := stream.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// zone is what people see times in: --timezone, else the setting, else the machine's.
func (e *env) zone() *time.Location {
	if e.shownIn != nil {
		return e.shownIn
	}
	return time.Local
}

// present takes the settings of how things are shown where no flag says so: output,
// color and timezone. Settings that cannot be read are for whoever needs them to say.
func (e *env) present(ctx context.Context, flags *pflag.FlagSet) error {
	g := &e.global
	given := func(name string) bool { f := flags.Lookup(name); return f != nil && f.Changed }
	if e.source(g.profile).Sets("PAYCTL_OUTPUT", "PAYCTL_COLOR", "PAYCTL_TIMEZONE") {
		if conf, err := e.settings(ctx); err == nil {
			if !given("output") {
				g.output = cmp.Or(conf.Output, g.output)
			}
			if !given("color") {
				g.color = cmp.Or(conf.Color, g.color)
			}
			g.timezone = cmp.Or(g.timezone, conf.Timezone)
		}
	}
	if g.timezone == "" {
		return nil
	}
	zone, err := timing.Zone(g.timezone)
	if err != nil {
		return usagef("write a name such as Africa/Nairobi or UTC", "timezone %q: is not a time zone", payment.Line(g.timezone, 60))
	}
	e.shownIn = zone
	return nil
}

// printError shows an error, also when no printer could be made.
func (e *env) printError(view ui.ErrorView) {
	if e.out == nil {
		printer, err := ui.New(ui.Options{Stdout: e.in.Stdout, Stderr: e.in.Stderr, Format: wantsJSON(e.in.Args), Color: "never", Env: e.getenv, Lead: e.lead})
		if err != nil {
			return
		}
		e.out = printer
	}
	e.out.Error(view)
}

// getenv returns one environment variable of the invocation.
func (e *env) getenv(name string) string { return e.environ[name] }

// config loads the settings once; most commands that fail early never need them.
func (e *env) config(ctx context.Context) (*config.Config, error) {
	if e.conf != nil {
		return e.conf, nil
	}
	conf, err := e.anyProfile(ctx)
	if err == nil {
		err = conf.NotChosen()
	}
	if err != nil {
		return nil, err
	}
	e.conf = conf
	return conf, nil
}

// anyProfile loads the settings for a command that needs no profile: where some are
// defined and none is named, they are those that all profiles share.
func (e *env) anyProfile(ctx context.Context) (*config.Config, error) {
	conf, err := e.settings(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range conf.Warnings {
		e.out.Warn("%s", w)
	}
	return conf, nil
}

// settings reads the settings once for each choice of profile and file.
func (e *env) settings(ctx context.Context) (*config.Config, error) {
	chosen := [2]string{e.global.profile, e.global.configFile}
	if r := e.loaded; r != nil && r.chosen == chosen {
		return r.conf, r.err
	}
	ctx, cancel := e.deadline.preparing(ctx)
	defer cancel()
	conf, err := config.LoadUnchosen(ctx, e.source(e.global.profile))
	e.loaded = &loadedSettings{chosen, conf, err}
	return conf, err
}

// loadedSettings is what reading the settings came to.
type loadedSettings struct {
	// chosen are the profile and the file that the command line names.
	chosen [2]string
	conf   *config.Config
	err    error
}

// source is where the settings of a profile come from; "" leaves the choice to the
// environment and the files.
func (e *env) source(profile string) config.Source {
	flags := map[string]string{}
	for name, value := range map[string]string{"profile": profile, "config": e.global.configFile, "db": e.global.db} {
		if value != "" {
			flags[name] = value
		}
	}
	source := config.NewSource(e.in.Dir, e.getenv, flags)
	source.Tunnel, source.Patience = liveTunnel, &e.patience
	return source
}

// keys finds webhook secrets in the settings.
func (e *env) keys() webhook.Keys {
	return webhook.Keys{Providers: e.providers, Config: e.config, Load: func(ctx context.Context, profile string) (*config.Config, error) {
		return config.Load(ctx, e.source(profile))
	}}
}

// phoneText shows a phone, or a text that may hold some, masked unless whole numbers
// were asked for.
func (e *env) phoneText(text string) string {
	if e.global.showPhone {
		return text
	}
	return payment.MaskDigits(text)
}

// keepErr keeps the first error of writing from within a callback.
func (e *env) keepErr(err error) {
	e.writeMu.Lock()
	defer e.writeMu.Unlock()
	if e.writeErr == nil {
		e.writeErr = err
	}
}

// bindLogFormat adds --log-format.
func bindLogFormat(f *pflag.FlagSet, into *string) {
	f.StringVar(into, "log-format", "", "log on stderr as `text|json` (default: as --output)")
}

// logger writes a server's log to stderr: warnings, and under --verbose all. Without a
// format it is written as what stdout carries.
func (e *env) logger(format string) (*slog.Logger, error) {
	if format == "" {
		format = "text"
		if e.out.Format() != ui.FormatText {
			format = "json"
		}
	}
	level := slog.LevelWarn
	if e.global.verbose {
		level = slog.LevelDebug
	}
	if e.global.quiet {
		level = slog.LevelError
	}
	options := &slog.HandlerOptions{Level: level}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(e.in.Stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(e.in.Stderr, options)), nil
	}
	return nil, usagef("use text or json", "log-format %q: is not a format", format)
}
