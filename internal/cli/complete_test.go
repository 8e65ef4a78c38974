package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/payment"
)

// A shell offers files where a FILE is meant and nowhere else.
func TestOnlyFilesCompleteAsFiles(t *testing.T) {
	t.Parallel()
	s := newSession(Invocation{Dir: t.TempDir()})
	root := newRoot(s)
	completer{s.env}.offer(t.Context(), root)
	walk(root, func(cmd *cobra.Command) {
		check := func(f *pflag.Flag) {
			placeholder, _ := pflag.UnquoteUsage(f)
			fn, found := cmd.GetFlagCompletionFunc(f.Name)
			if f.Name == "help" || f.NoOptDefVal != "" && !found {
				return
			}
			files := !found
			if found {
				_, directive := fn(cmd, nil, "")
				files = directive&cobra.ShellCompDirectiveNoFileComp == 0
			}
			if want := strings.Contains(placeholder, "FILE"); files != want {
				t.Errorf("%s --%s %s: files %t, want %t", cmd.CommandPath(), f.Name, placeholder, files, want)
			}
		}
		cmd.LocalFlags().VisitAll(check)
		if generated(cmd) || cmd.IsAdditionalHelpTopicCommand() {
			return
		}
		if want := strings.Contains(cmd.Use, "FILE"); (cmd.ValidArgsFunction == nil) != want {
			t.Errorf("%s: files %t, want %t", cmd.Use, !want, want)
		}
	})
}

// Too many arguments are refused in this program's own words: cobra's call them
// an unknown command.
func TestTooManyArguments(t *testing.T) {
	t.Parallel()
	many := strings.Fields(strings.Repeat("x ", 10))
	walk(tree(), func(cmd *cobra.Command) {
		if cmd.Args == nil {
			return
		}
		err := cmd.Args(cmd, many)
		if own := (*payment.Error)(nil); err != nil && !errors.As(err, &own) {
			t.Errorf("%s: %v", cmd.CommandPath(), err)
		}
	})
}
