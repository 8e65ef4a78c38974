package cli

import (
	"errors"
	"io"
	"slices"
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

// What a shell shows beside a word is text, without markup or a line break.
func TestDescriptionsArePlain(t *testing.T) {
	t.Parallel()
	walk(tree(), func(cmd *cobra.Command) {
		path := strings.Fields(cmd.CommandPath())[1:]
		with := func(words ...string) []string { return append(slices.Clone(path), words...) }
		lines := [][]string{with(""), with("--")}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.NoOptDefVal == "" {
				lines = append(lines, with("--"+f.Name, ""))
			}
		})
		for _, line := range lines {
			var out strings.Builder
			code := Main(t.Context(), Invocation{Args: append([]string{cobra.ShellCompRequestCmd}, line...), Stdout: &out, Stderr: io.Discard, Dir: t.TempDir()})
			if text := out.String(); code != 0 || strings.ContainsAny(text, "`\r\x1b") {
				t.Errorf("%q: exit %d: %s", line, code, text)
			}
		}
	})
}

// The script for bash needs no function that it does not have itself.
func TestBashScriptStandsAlone(t *testing.T) {
	t.Parallel()
	var script strings.Builder
	if err := bashCompletion(tree(), &script, true); err != nil {
		t.Fatal(err)
	}
	for _, foreign := range []string{"_init_completion", "_get_comp_words_by_ref", "__ltrim_colon_completions", " _filedir"} {
		if strings.Contains(script.String(), foreign) {
			t.Errorf("the script uses %s", foreign)
		}
	}
}
