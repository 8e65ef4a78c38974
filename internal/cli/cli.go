// Package cli is the command line: the cobra tree with one file per verb, and the map
// from kinds of error to exit codes. A verb turns flags into the input of a use case
// (inquiry, deposit, watch, webhook, replay, listen, tunnel, setup) and its result into a
// view and an error. No payment rule lives here, and nothing is written but through ui.
//
// # Add a verb
//
// The file path is the command line: "ledger backup" is ledger_backup.go, or ledger.go
// while the group is small. To add "ledger backup":
//
//  1. Write the struct: *session (or *env where neither ledger nor provider is needed)
//     and the flags as fields (ledger.go).
//  2. Write newLedgerBackup(s *session) *cobra.Command: it makes the struct, binds the
//     flags to its fields and sets RunE to s.run(v.Run); s.quick(v.Run) for what changes
//     nothing and is over at once. Short, Example and Args are obligatory.
//  3. Write Run(ctx) error: check the flags, call the use case, print with v.out.One or
//     ui.List, return an error of the right kind (exit.go maps it). It never sees cobra.
//     Work that may last is bounded by v.deadline.bound(ctx, own); what must be recorded
//     after sending uses context.WithoutCancel.
//  4. Put what is shown, a struct with JSON tags, Text and for lists Cells, into
//     internal/view, with masking as a parameter.
//  5. List the constructor in its group (ledger.go), a new group in commands (root.go).
//  6. Write testdata/script/ledger_backup.txtar: output, exit codes, bad input.
//  7. Name its output in outputs (schema.go), and, if it knows providers, a line for it in
//     fourthLines (fourth_test.go).
//  8. Run "make completions", and name the verb in README.md. The tests of tree_test.go
//     check the rest.
package cli

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/provider"
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
	Dir string
	// Signals begins to watch for the signals that end a run, and calls stop at
	// the first; nil watches for none. Until it is called they end the process.
	Signals func(stop context.CancelFunc)

	// providers is another table than the built-in one, for tests.
	providers provider.Table
}

// Tree returns the whole command tree, for what is generated from it.
func Tree() *cobra.Command { return newRoot(newSession(Invocation{})) }

// Main runs one command line and returns its exit code.
func Main(ctx context.Context, in Invocation) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	session := newSession(in)
	session.stop = stop
	root := newRoot(session) //nolint:contextcheck // cobra hands the context on
	if len(in.Args) > 0 && isCompletion(in.Args[0]) {
		completer{session.env}.offer(ctx, root)
		plain(root)
	}
	root.SetArgs(in.Args)
	err := root.ExecuteContext(ctx)
	err = errors.Join(err, session.noHelp, session.close())
	if err == nil {
		return 0
	}
	if errors.Is(err, ui.ErrBrokenPipe) && payment.KindOf(err) == payment.KindInternal {
		// Nothing but data was at stake, and whoever wanted it has seen enough.
		return 0
	}
	if !session.running {
		err = asUsage(err)
	}
	if ctx.Err() != nil && payment.KindOf(err) == payment.KindInternal {
		err = ctx.Err()
	}
	view := errorView(err)
	session.printError(view)
	return view.ExitCode
}

// asUsage gives KindUsage to whatever failed before a command's own run began.
func asUsage(err error) error {
	var e *payment.Error
	if errors.As(err, &e) || errors.Is(err, context.Canceled) {
		return err
	}
	return usagef("run the command with --help to see what it takes", "%s", payment.FirstLine(err.Error()))
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

// guess is the hint for a word that is none of the names: the one that was meant,
// or else the given hint.
func guess(path, word string, names []string, otherwise string) string {
	if name := spell.Nearest(word, names); name != "" {
		return "did you mean \"" + path + " " + name + "\"?"
	}
	return otherwise
}
