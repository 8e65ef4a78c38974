package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// run wraps a verb's Run for cobra: the printer is made first, what is wrong with the
// flags that mean the same everywhere is found, and signals end the context from here on.
func (e *env) run(run func(context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		if err := e.begin(cmd); err != nil {
			return err
		}
		if e.in.Signals != nil {
			e.in.Signals(e.stop)
		}
		within, cancel := e.deadline.bound(cmd.Context(), 0)
		defer cancel()
		e.out.Within(within)
		return run(cmd.Context())
	}
}

// quick is run for verbs that change nothing and are mostly over at once: --timeout
// bounds them as a whole. The watch for signals, with threads of its own, costs more
// than some of them do, so it begins when the verb takes longer; until then a signal
// ends the process.
func (e *env) quick(run func(context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		if err := e.begin(cmd); err != nil {
			return err
		}
		if e.in.Signals != nil {
			later := time.AfterFunc(quickTime, func() { e.in.Signals(e.stop) })
			defer later.Stop()
		}
		ctx, cancel := e.deadline.bound(cmd.Context(), 0)
		defer cancel()
		e.out.Within(ctx)
		return run(ctx)
	}
}

// quickTime is how long the watch for signals can wait without anybody noticing.
const quickTime = 50 * time.Millisecond

// begin is what comes before a verb's own Run; what fails in it is usage.
func (e *env) begin(cmd *cobra.Command) error {
	if err := checkNamed(cmd.Flags()); err != nil {
		return err
	}
	if err := e.present(cmd.Context(), cmd.Flags()); err != nil {
		return err
	}
	format := ui.Format(e.global.output)
	chosen := cmd.Flags().Changed("output")
	if format == ui.FormatCSV && !chosen && !isTabular(cmd) {
		format = ui.FormatText // a setting is a wish
	}
	printer, err := e.newPrinter(format)
	if err != nil {
		return usagef("see \"payctl help output\"", "%s", err.Error())
	}
	e.out = printer
	if printer.Format() == ui.FormatCSV && !isTabular(cmd) {
		return usagef("lists and reports are printed as csv; write -o json", "--output csv: \"%s\" prints no table", cmd.CommandPath())
	}
	if err := e.deadline.check(); err != nil {
		return err
	}
	e.verb = strings.TrimPrefix(cmd.CommandPath(), "payctl ")
	e.running = true
	return nil
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
	for _, f := range []struct{ name, what string }{{"profile", "a profile"}, {"config", "a file"}, {"db", "a file or a database"}} {
		if given := flags.Lookup(f.name); given != nil && given.Changed && given.Value.String() == "" {
			return usagef("name "+f.what+", or leave --"+f.name+" out", "%s: is empty", f.name)
		}
	}
	return nil
}

// group is a command that only holds verbs. Plain cobra prints help and exits
// with 0 for an unknown verb; a script must see a usage error.
func group(s *session, use, short, long string, verbs ...command) *cobra.Command {
	name := use[strings.LastIndexByte(use, ' ')+1:]
	built := s.build(name, verbs)
	cmd := &cobra.Command{
		Use:     name + " VERB",
		Short:   short,
		Long:    long,
		Example: built[0].Example,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := guess("payctl "+use, args[0], names(verbs), "run \"payctl "+use+" --help\" to see the verbs")
			return usagef(hint, "unknown verb %q for \"payctl %s\"", payment.Line(args[0], 60), use)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(built...)
	return cmd
}

// helpLater has a command's long text written when somebody asks for it: a table made
// from data costs more than many a command does.
func helpLater(cmd *cobra.Command, long func() string) *cobra.Command {
	cmd.SetHelpFunc(func(about *cobra.Command, args []string) {
		if about == cmd {
			cmd.Long = long()
		}
		about.Root().HelpFunc()(about, args)
	})
	return cmd
}

// noArgs refuses arguments; cobra's own words call them an unknown command.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef("run \""+cmd.CommandPath()+" --help\" to see what it takes", "unexpected argument %q", payment.Line(args[0], 60))
}

// oneArg wants exactly one argument and keeps it.
func oneArg(name string, into *string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usagef("give one "+name, "%s is missing", name)
		case len(args) > 1:
			return usagef("give one "+name, "unexpected argument %q", args[1])
		}
		*into = args[0]
		return nil
	}
}
