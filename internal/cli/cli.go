// Package cli is the command line: the cobra tree with one file per verb, the
// wiring of the packages below it, and the map from kinds of error to exit
// codes. It holds no payment rule of its own and never writes but through ui.
package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/spell"
	"github.com/payctl/payctl/internal/ui"
)

// Invocation is one run of the program: everything that comes from outside.
type Invocation struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Environ is the environment as os.Environ gives it.
	Environ []string
	// Dir is the working directory.
	Dir     string
	Version string
	// Signals begins to watch for the signals that end a run, and calls stop at
	// the first; nil watches for none. Until it is called they end the process.
	Signals func(stop context.CancelFunc)
}

// Main runs one command line and returns its exit code.
func Main(ctx context.Context, in Invocation) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a := newApp(in)
	a.stop = stop
	root := newRoot(a)
	if len(in.Args) > 0 && isCompletion(in.Args[0]) {
		a.offer(ctx, root)
	}
	root.SetArgs(in.Args)
	err := root.ExecuteContext(ctx)
	err = errors.Join(err, a.close())
	if err == nil {
		return 0
	}
	if errors.Is(err, ui.ErrBrokenPipe) && payment.KindOf(err) == payment.KindInternal {
		// Nothing but data was at stake, and whoever wanted it has seen enough.
		return 0
	}
	if !a.running {
		err = asUsage(err)
	}
	if ctx.Err() != nil && payment.KindOf(err) == payment.KindInternal {
		err = ctx.Err()
	}
	view := errorView(err)
	a.printError(view)
	return view.ExitCode
}

// asUsage gives KindUsage to whatever failed before a command's own run began.
func asUsage(err error) error {
	var e *payment.Error
	if errors.As(err, &e) || errors.Is(err, context.Canceled) {
		return err
	}
	return usagef("run the command with --help to see what it takes", "%s", firstLine(err.Error()))
}

// wantsJSON guesses the output format for errors that come before the flags
// are parsed.
func wantsJSON(args []string) ui.Format {
	for i, arg := range args {
		value, found := strings.CutPrefix(arg, "--output=")
		if !found {
			value, found = strings.CutPrefix(arg, "-o")
			value = strings.TrimPrefix(value, "=")
		}
		if (arg == "--output" || arg == "-o") && i+1 < len(args) {
			value, found = args[i+1], true
		}
		if found && slices.Contains([]string{"json", "ndjson"}, value) {
			return ui.Format(value)
		}
	}
	return ui.FormatText
}

// group is a command that only holds verbs. Plain cobra prints help and exits
// with 0 for an unknown verb; a script must see a usage error.
func group(use, short, long string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:     use[strings.LastIndexByte(use, ' ')+1:] + " VERB",
		Short:   short,
		Long:    long,
		Example: verbs[0].Example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := guess("payctl "+use, args[0], helpNames(cmd), "run \"payctl "+use+" --help\" to see the verbs")
			return usagef(hint, "unknown verb %q for \"payctl %s\"", payment.Line(args[0], 60), use)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(verbs...)
	return cmd
}

// noArgs refuses arguments; cobra's own words call them an unknown command.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef("run \""+cmd.CommandPath()+" --help\" to see what it takes", "unexpected argument %q", payment.Line(args[0], 60))
}

// guess is the hint for a word that is none of the names: the one that was meant,
// or else the given hint.
func guess(path, word string, names []string, otherwise string) string {
	if name := meant(word, names); name != "" {
		return "did you mean \"" + path + " " + name + "\"?"
	}
	return otherwise
}

// meant is the name that a mistyped word stands for, "" for none: the first that
// begins with it, else the nearest within two slips of the finger.
func meant(word string, names []string) string {
	word = strings.ToLower(word)
	if word == "" {
		return ""
	}
	best, least := "", min(3, len(word))
	for _, name := range names {
		if strings.HasPrefix(name, word) {
			return name
		}
		if d := spell.Distance(word, name); d < least {
			best, least = name, d
		}
	}
	return best
}
