package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// newRoot builds the whole tree; every verb is listed here and nowhere else.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "payctl COMMAND",
		Short: "Ask M-Pesa customers for money and follow what becomes of it",
		Long: `payctl asks M-Pesa customers for money (Safaricom Daraja, WasaaPay), follows each
deposit to its end by callback, stream and poll, and receives, checks and replays
what the providers send back. It works offline against its own emulator:

  payctl demo`,
		Example:           "  payctl demo\n  payctl deposit create --phone 0712345678 --amount 100 --reference INV-1 --wait",
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			hint := "run \"payctl --help\" to see the commands"
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = "did you mean \"payctl " + near[0] + "\"?"
			}
			return usagef(hint, "unknown command %q", args[0])
		},
	}
	root.SetOut(a.in.Stdout)
	root.SetErr(a.in.Stderr)
	root.SetIn(a.in.Stdin)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("run \""+cmd.CommandPath()+" --help\" to see the flags", "%s", err.Error())
	})
	a.global.bind(root.PersistentFlags())
	all := commands()
	built := wanted(all, a.in.Args)
	for _, c := range built {
		root.AddCommand(c.build(a))
	}
	root.AddCommand(newTopics()...)
	root.InitDefaultHelpCmd()
	knownTopics(root)
	// Execute would build it for every command line.
	root.CompletionOptions.DisableDefaultCmd = len(built) < len(all)
	root.InitDefaultCompletionCmd()
	knownShells(root)
	return root
}

// knownTopics makes "help" of what is not there a usage error: cobra prints the
// root's help and exits with 0.
func knownTopics(root *cobra.Command) {
	help := verbOf(root, "help")
	if help == nil {
		return
	}
	help.Args = func(_ *cobra.Command, args []string) error {
		found, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 || found == root && len(args) > 0 {
			return usagef("run \"payctl --help\" to see the commands and topics", "help: there is no command or topic %q", strings.Join(args, " "))
		}
		return nil
	}
}

// knownShells does the same for "completion".
func knownShells(root *cobra.Command) {
	completion := verbOf(root, "completion")
	if completion == nil {
		return
	}
	completion.Args = cobra.ArbitraryArgs
	completion.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return usagef("use bash, zsh, fish or powershell", "completion: %q is not a shell that payctl knows", args[0])
	}
}

func verbOf(root *cobra.Command, name string) *cobra.Command {
	for _, c := range root.Commands() {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// command is a row of the tree's top level.
type command struct {
	name  string
	build func(*app) *cobra.Command
}

func commands() []command {
	return []command{
		{"demo", newDemo},
		{"deposit", newDeposit},
		{"status", newStatus},
		{"webhook", newWebhook},
		{"listen", newListen},
		{"ledger", newLedger},
		{"emulator", newEmulator},
		{"transaction", newTransaction},
		{"explain", newExplain},
		{"daraja", newDaraja},
		{"credential", newCredential},
		{"config", newConfig},
		{"version", newVersion},
	}
}

// built are the verbs that the command line may mean, by the same rule.
func (a *app) built(verbs ...command) []*cobra.Command {
	var out []*cobra.Command
	for _, v := range wanted(verbs, a.in.Args) {
		out = append(out, v.build(a))
	}
	return out
}

// wanted are the commands that a command line may mean: those whose names are
// among its words. The others are not built, since flags and help texts of the
// whole tree cost half as much as the process itself. Help, completion and
// words that name no command get the whole tree.
func wanted(all []command, args []string) []command {
	if len(args) == 0 || slices.Contains([]string{"help", "completion", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}, args[0]) {
		return all
	}
	named := slices.DeleteFunc(slices.Clone(all), func(c command) bool { return !slices.Contains(args, c.name) })
	if len(named) == 0 {
		return all
	}
	return named
}
