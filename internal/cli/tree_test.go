package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
)

func tree() *cobra.Command { return newRoot(newSession(Invocation{})) }

func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		walk(c, visit)
	}
}

// generated commands are cobra's own.
func generated(cmd *cobra.Command) bool {
	return cmd.Name() == "help" || cmd.Name() == "completion" || cmd.HasParent() && cmd.Parent().Name() == "completion"
}

func TestEveryCommandIsDocumented(t *testing.T) {
	t.Parallel()
	short := regexp.MustCompile(`^[A-Z][^.]*[^.]$`)
	walk(tree(), func(cmd *cobra.Command) {
		if generated(cmd) {
			return
		}
		if !short.MatchString(cmd.Short) {
			t.Errorf("%s: Short %q is not a capital phrase without full stop", cmd.CommandPath(), cmd.Short)
		}
		if cmd.IsAdditionalHelpTopicCommand() {
			return
		}
		if !strings.Contains(cmd.Example, "payctl ") {
			t.Errorf("%s: has no example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Long) {
			if !strings.HasPrefix(line, "  ") && len(strings.TrimRight(line, "\n")) > 90 {
				t.Errorf("%s: help is wider than 90 columns: %q", cmd.CommandPath(), line)
			}
		}
	})
}

// Help fits a terminal of 100 columns.
func TestHelpIsNarrow(t *testing.T) {
	t.Parallel()
	walk(tree(), func(cmd *cobra.Command) {
		if generated(cmd) {
			return
		}
		var out bytes.Buffer
		cmd.SetOut(&out)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 100 && !strings.Contains(cmd.Example, strings.TrimSpace(line)) {
				t.Errorf("%s: help has %d columns: %s", cmd.CommandPath(), n, line)
			}
		}
		if strings.Count(out.String(), "Usage:") > 1 {
			t.Errorf("%s: help has more than one usage", cmd.CommandPath())
		}
	})
}

// An example that names a verb or flag which does not exist misleads.
func TestExamplesExist(t *testing.T) {
	t.Parallel()
	root := tree()
	words := regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)
	walk(root, func(cmd *cobra.Command) {
		if generated(cmd) {
			return
		}
		for line := range strings.Lines(cmd.Example) {
			_, after, ok := strings.Cut(line, "payctl ")
			if !ok {
				continue
			}
			example, _, _ := strings.Cut(after, " | ")
			example, _, _ = strings.Cut(example, " > ")
			args := words.FindAllString(strings.Trim(strings.TrimSpace(example), `)"`), -1)
			found, rest, err := root.Find(args)
			if err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
				continue
			}
			for _, word := range rest {
				name, isLong := strings.CutPrefix(word, "--")
				name, _, _ = strings.Cut(name, "=")
				if isLong && found.Flag(name) == nil && found.InheritedFlags().Lookup(name) == nil {
					t.Errorf("%s: example uses --%s, which %s has not", cmd.CommandPath(), name, found.CommandPath())
				}
			}
		}
	})
}

func TestExitCodesAreDocumented(t *testing.T) {
	t.Parallel()
	for kind := payment.KindInternal; kind <= payment.KindInterrupted; kind++ {
		row := regexp.MustCompile(`(?m)^  ` + strconv.Itoa(exitCode(kind)) + ` +` + kind.String() + ` `)
		if !row.MatchString(exitCodesHelp) {
			t.Errorf("exit code %d of kind %s is not in the help", exitCode(kind), kind)
		}
		if exitCode(kind) == 2 {
			t.Errorf("kind %s exits with 2, which a crash uses", kind)
		}
	}
}

func TestCompletionsAreCurrent(t *testing.T) {
	t.Parallel()
	for file, write := range map[string]func(*cobra.Command, *bytes.Buffer) error{
		"payctl.bash": func(c *cobra.Command, b *bytes.Buffer) error { return bashCompletion(c, b, true) },
		"_payctl":     func(c *cobra.Command, b *bytes.Buffer) error { return c.GenZshCompletion(b) },
		"payctl.fish": func(c *cobra.Command, b *bytes.Buffer) error { return c.GenFishCompletion(b, true) },
		"payctl.ps1":  func(c *cobra.Command, b *bytes.Buffer) error { return c.GenPowerShellCompletionWithDesc(b) },
	} {
		var want bytes.Buffer
		if err := write(tree(), &want); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", "completions", file))
		if err != nil {
			t.Errorf("%s is missing; run make completions", file)
			continue
		}
		if diff := cmp.Diff(want.String(), string(got)); diff != "" {
			t.Errorf("%s is not current; run make completions", file)
		}
	}
}
