package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
)

// newRoot builds the whole tree; every verb is listed here and nowhere else.
func newRoot(s *session) *cobra.Command {
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
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usagef(guess("payctl", args[0], rootNames(), "run \"payctl --help\" to see the commands"), "unknown command %q", payment.Line(args[0], 60))
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runRoot(s, cmd, args) },
	}
	root.Flags().Bool("version", false, "print the version, as \"payctl version\" does")
	root.SetOut(s.in.Stdout)
	root.SetErr(s.in.Stderr)
	root.SetIn(s.in.Stdin)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// A mistyped verb leaves its flags to the group, which has none of them.
		if args := cmd.Flags().Args(); cmd.HasSubCommands() && len(args) > 0 && cmd.Args != nil {
			if err := cmd.Args(cmd, args); err != nil {
				return err
			}
		}
		return usagef("run \""+cmd.CommandPath()+" --help\" to see the flags", "%s", err.Error())
	})
	root.SetUsageFunc(usage)
	root.SetHelpFunc(s.helpOf)
	s.bind(root.PersistentFlags())
	all := commands()
	built := s.build("", all)
	root.AddCommand(built...)
	groupCommands(root)
	root.AddCommand(newTopics()...)
	root.InitDefaultHelpCmd()
	knownTopics(root)
	// Execute would build it for every command line.
	root.CompletionOptions.DisableDefaultCmd = len(built) < len(all)
	root.InitDefaultCompletionCmd()
	knownShells(root)
	return root
}

// runRoot is payctl without a command.
func runRoot(s *session, cmd *cobra.Command, args []string) error {
	if version, err := cmd.Flags().GetBool("version"); err != nil || !version {
		return cmd.Help()
	}
	v := &version{env: s.env}
	return s.quick(v.Run)(cmd, args)
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
			hint := "run \"payctl --help\" to see the commands and topics"
			if len(rest) > 0 {
				hint = guess(strings.Replace(found.CommandPath(), "payctl", "payctl help", 1), rest[0], helpNames(found), hint)
			}
			return usagef(hint, "help: there is no command or topic %q", strings.Join(args, " "))
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
	completion.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return usagef("use bash, zsh, fish or powershell", "completion: %q is not a shell that payctl knows", payment.Line(args[0], 60))
	}
	completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	for _, shell := range completion.Commands() {
		shell.Args = noArgs
		if shell.Name() == "bash" {
			shell.Long = bashHelp
			shell.RunE = func(cmd *cobra.Command, _ []string) error {
				bare, err := cmd.Flags().GetBool("no-descriptions")
				if err != nil {
					return err
				}
				return bashCompletion(root, cmd.OutOrStdout(), !bare)
			}
		}
	}
}

// rootNames are what may stand first on a command line, whether it is built or not.
func rootNames() []string { return append([]string{"help", "completion"}, names(commands())...) }

// helpNames are the verbs and topics below cmd that "help" knows.
func helpNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range helped(cmd) {
		names = append(names, c.Name())
	}
	return names
}

// helped are the commands below cmd that "help" tells of: verbs and topics.
func helped(cmd *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(cmd.Commands()), func(c *cobra.Command) bool {
		return !c.IsAvailableCommand() && !c.IsAdditionalHelpTopicCommand()
	})
}

func verbOf(root *cobra.Command, name string) *cobra.Command {
	for _, c := range root.Commands() {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// command is a row of the tree: a command's name and its constructor.
type command struct {
	name  string
	build func(*session) *cobra.Command
}

// section is a group of the root's help.
type section struct {
	title    string
	commands []command
}

// sections lists the top of the tree, in the order of the root's help.
func sections() []section {
	return []section{
		{"Money", []command{
			{"deposit", newDeposit},
			{"status", newStatus},
			{"transaction", newTransaction},
			{"reconcile", newReconcile},
			{"trace", newTrace},
		}},
		{"Callbacks", []command{{"listen", newListen}, {"webhook", newWebhook}}},
		{"Look", []command{{"explain", newExplain}, {"stats", newStats}, {"ui", newUI}}},
		{"Develop", []command{{"demo", newDemo}, {"emulator", newEmulator}}},
		{"Set up", []command{
			{"config", newConfig}, {"doctor", newDoctor}, {"daraja", newDaraja}, {"ledger", newLedger}, {"schema", newSchema}, {"version", newVersion},
		}},
	}
}

func commands() []command {
	var all []command
	for _, s := range sections() {
		all = append(all, s.commands...)
	}
	return all
}

// groupCommands tells cobra which group each built command is in.
func groupCommands(root *cobra.Command) {
	for _, s := range sections() {
		root.AddGroup(&cobra.Group{ID: s.title, Title: s.title})
		for _, c := range s.commands {
			if built := verbOf(root, c.name); built != nil {
				built.GroupID = s.title
			}
		}
	}
}

// build builds the commands that the command line may mean: below the root those whose
// names are among its words, in a group the one that the next word names, else all, since
// a later word may be anything's value. The flags and texts of the whole tree cost a fifth
// of a small program's run (BenchmarkStartup). Help and completion are about the tree.
func (s *session) build(group string, all []command) []*cobra.Command {
	args := s.in.Args
	if whole := len(args) == 0 || args[0] == "help" || args[0] == "completion" || isCompletion(args[0]); whole {
		args = nil
	} else if group != "" {
		next := slices.Index(args, group) + 1
		args = args[next:min(next+1, len(args))]
	}
	named := slices.DeleteFunc(slices.Clone(all), func(c command) bool { return !slices.Contains(args, c.name) })
	if len(named) == 0 {
		named = all
	}
	built := make([]*cobra.Command, len(named))
	for i, c := range named {
		built[i] = c.build(s)
	}
	return built
}

func names(all []command) []string {
	out := make([]string, len(all))
	for i, c := range all {
		out[i] = c.name
	}
	return out
}
