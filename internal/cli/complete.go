package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/config"
	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/inquiry"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/webhook"
)

// isCompletion reports whether a command line's first word is a shell's question
// what may come next.
func isCompletion(word string) bool {
	return word == cobra.ShellCompRequestCmd || word == cobra.ShellCompNoDescRequestCmd
}

// completer knows what may stand where on a command line.
type completer struct{ *env }

// offer tells cobra what may follow each flag and command; left to itself it has
// the shell offer files everywhere. Only a shell's question pays for it.
func (c completer) offer(ctx context.Context, cmd *cobra.Command) {
	register := func(f *pflag.Flag) {
		if choose := c.flagChoices(ctx, cmd, f); choose != nil {
			// It fails for a flag that has one, which none has.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, choose)
		}
	}
	cmd.Flags().VisitAll(register)
	cmd.PersistentFlags().VisitAll(register)
	for _, sub := range cmd.Commands() {
		c.offer(ctx, sub)
	}
	if choose := c.argumentChoices(ctx, cmd); choose != nil {
		cmd.ValidArgsFunction = choose
	}
}

// flagChoices are the values of a flag: those that are known, else those that the
// placeholder of its usage lists. It is nil where the shell's files are right.
func (c completer) flagChoices(ctx context.Context, cmd *cobra.Command, f *pflag.Flag) cobra.CompletionFunc {
	path := cmd.CommandPath() + " --" + f.Name
	switch path {
	case "payctl --profile":
		return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return choices(c.profiles(ctx)...)(cmd, args, typed)
		}
	case "payctl webhook list --event", "payctl webhook replay --event":
		return choices(c.received()...)
	case "payctl transaction status --resume":
		return c.live(ctx, true, queries(inquiry.KindTransaction))
	case "payctl daraja reversal create --receipt":
		return c.live(ctx, true, receipts)
	case "payctl webhook sign --wrong":
		return choices(mistakes()...)
	case "payctl emulator --weather", "payctl emulator behaviours --weather":
		return choices(weathers()...)
	case "payctl emulator --behaviour", "payctl emulator behaviours --set", "payctl emulator behaviours --unset":
		return choices(behaviours()...)
	}
	placeholder, _ := pflag.UnquoteUsage(f)
	kinds := strings.Split(placeholder, "|")
	switch {
	case slices.Contains(kinds, "FILE"):
		return nil
	case slices.Contains(kinds, "DIR"):
		return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
	case len(kinds) > 1:
		return choices(kinds...)
	case strings.Contains(placeholder, ","):
		return lists(strings.Split(placeholder, ","))
	}
	return cobra.NoFileCompletions
}

// argumentChoices are the arguments of a command, nil where the shell's files or
// cobra's own choice are right.
func (c completer) argumentChoices(ctx context.Context, cmd *cobra.Command) cobra.CompletionFunc {
	switch cmd.CommandPath() {
	case "payctl help":
		return helpChoices
	case "payctl webhook trigger":
		return first(choices(c.events()...))
	case "payctl config explain":
		return first(func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return choices(c.settingKeys(ctx)...)(cmd, args, typed)
		})
	case "payctl explain":
		return c.explainable
	case "payctl deposit get", "payctl status get", "payctl trace":
		return c.live(ctx, false, deposits)
	case "payctl deposit resolve", "payctl status watch":
		return c.live(ctx, true, deposits)
	case "payctl webhook show":
		return c.live(ctx, false, deliveries)
	case "payctl webhook replay", "payctl webhook queue drop":
		return c.live(ctx, true, deliveries)
	case "payctl transaction get":
		return c.live(ctx, false, queries(""))
	case "payctl transaction status":
		return c.live(ctx, false, receipts)
	case "payctl emulator emit":
		return first(choices(emulator.EmittedEvents()...))
	case "payctl emulator answer":
		return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) != 1 {
				return cobra.NoFileCompletions(cmd, args, typed)
			}
			return choices(outcomes()...)(cmd, args, typed)
		}
	}
	if strings.Contains(cmd.Use, "FILE") || cmd.ValidArgsFunction != nil {
		return nil
	}
	return cobra.NoFileCompletions
}

// choices offers those that begin as what is typed.
func choices(all ...cobra.Completion) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return slices.DeleteFunc(slices.Clone(all), func(c cobra.Completion) bool { return !strings.HasPrefix(c, typed) }), cobra.ShellCompDirectiveNoFileComp
	}
}

// lists offers values for the last place of a comma-separated list, without those
// that it holds.
func lists(all []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		given := typed[:strings.LastIndexByte(typed, ',')+1]
		var left []cobra.Completion
		for _, value := range all {
			if !slices.Contains(strings.Split(given, ","), value) {
				left = append(left, given+value)
			}
		}
		return choices(left...)(cmd, args, typed)
	}
}

// first offers for the first argument, and nothing after it.
func first(choose cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return cobra.NoFileCompletions(cmd, args, typed)
		}
		return choose(cmd, args, typed)
	}
}

// helpChoices are verbs and topics; cobra's own leave the topics out.
func helpChoices(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	about, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return cobra.NoFileCompletions(cmd, args, typed)
	}
	var all []cobra.Completion
	for _, c := range helped(about) {
		all = append(all, described(c.Name(), c.Short))
	}
	return choices(all...)(cmd, args, typed)
}

func mistakes() (all []cobra.Completion) {
	for _, m := range webhook.Mistakes() {
		all = append(all, described(m.Name, m.Meaning))
	}
	return all
}

func weathers() (all []cobra.Completion) {
	for _, w := range emulator.Weathers() {
		all = append(all, described(w.Name, w.Summary))
	}
	return all
}

func behaviours() (all []cobra.Completion) {
	for _, b := range emulator.Behaviours() {
		all = append(all, described(b.Name, b.Summary))
	}
	return all
}

func outcomes() (all []cobra.Completion) {
	for _, o := range emulator.Outcomes() {
		all = append(all, described(o.Name, o.Summary))
	}
	return all
}

func (c completer) events() (all []cobra.Completion) {
	for _, row := range c.providers {
		for _, event := range row.Samples {
			all = append(all, described(event, string(row.ID)))
		}
	}
	return all
}

// settingKeys are the keys of all settings, none where a broken file hides them.
func (c completer) settingKeys(ctx context.Context) (keys []cobra.Completion) {
	conf, err := c.quietConfig(ctx)
	if err != nil {
		return nil
	}
	for _, e := range conf.Show() {
		keys = append(keys, e.Key)
	}
	return keys
}

// profiles are the environments and what the files define.
func (c completer) profiles(ctx context.Context) []cobra.Completion {
	conf, err := c.quietConfig(ctx)
	if err != nil {
		return []cobra.Completion{string(payment.Local), string(payment.Sandbox), string(payment.Production)}
	}
	return conf.Profiles()
}

// quietConfig loads the settings without a word: a shell is asking.
func (c completer) quietConfig(ctx context.Context) (*config.Config, error) {
	return config.LoadUnchosen(ctx, c.source(""))
}
