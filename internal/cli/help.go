package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is how many columns help fills at most.
const helpWidth = 98

// helpOf is help; of a verb that is not there, it is what that verb comes to without --help.
func (e *env) helpOf(cmd *cobra.Command, args []string) {
	if words := cmd.Flags().Args(); len(words) > 0 && cmd.HasSubCommands() && cmd.Args != nil {
		e.noHelp = cmd.Args(cmd, words)
	}
	if e.noHelp == nil {
		help(cmd, args)
	}
}

// help writes a command's description and its usage.
func help(cmd *cobra.Command, _ []string) {
	if text := strings.TrimSpace(cmp.Or(cmd.Long, cmd.Short)); text != "" {
		_, _ = io.WriteString(cmd.OutOrStdout(), fitted(text)+"\n\n")
	}
	if cmd.Runnable() || cmd.HasSubCommands() {
		_ = usage(cmd)
	}
}

// fitted breaks the lines of a text that are too long; the rest of a table's row goes
// below its last column.
func fitted(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if utf8.RuneCountInString(line) <= helpWidth {
			b.WriteString(line + "\n")
			continue
		}
		column := strings.LastIndex(strings.TrimRight(line, " "), "  ") + 2
		if column < 2 || column > helpWidth/2+10 {
			column = len(line) - len(strings.TrimLeft(line, " "))
		}
		indent := strings.Repeat(" ", utf8.RuneCountInString(line[:column]))
		b.WriteString(line[:column] + strings.Join(wrapped(line[column:], helpWidth-len(indent)), "\n"+indent) + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// usage writes what stands below a command's description: one usage line, examples,
// verbs, and its own flags. Flags that mean the same everywhere are in one topic.
func usage(cmd *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
	writeVerbs(&b, cmd)
	writeFlags(&b, cmd)
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n\"%s COMMAND --help\" says more.\n", cmd.CommandPath())
	}
	_, err := io.WriteString(cmd.OutOrStdout(), b.String())
	return err
}

// writeVerbs lists the commands below cmd, the root's in groups.
func writeVerbs(b *strings.Builder, cmd *cobra.Command) {
	byTitle := map[string][]*cobra.Command{}
	titles := []string{"Commands"}
	for _, g := range cmd.Groups() {
		titles = append(titles, g.Title)
	}
	const topics = "Topics, as \"payctl help TOPIC\""
	for _, c := range cmd.Commands() {
		title := titles[len(titles)-1] // cobra's own, completion and help, are of the last group
		switch {
		case c.IsAdditionalHelpTopicCommand():
			title = topics
		case !c.IsAvailableCommand() && c.Name() != "help":
			continue
		case c.GroupID != "":
			title = c.GroupID
		}
		byTitle[title] = append(byTitle[title], c)
	}
	for _, title := range append(titles, topics) {
		for i, c := range byTitle[title] {
			if i == 0 {
				fmt.Fprintf(b, "\n%s:\n", title)
			}
			fmt.Fprintf(b, "  %-15s  %s\n", c.Name(), c.Short)
		}
	}
}

// writeFlags lists a command's own flags. A list of values stands with the meaning, so
// that the column of names stays narrow.
func writeFlags(b *strings.Builder, cmd *cobra.Command) {
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.SortFlags = false
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		shown := *f
		name, meaning := pflag.UnquoteUsage(f)
		shown.Usage = strings.ReplaceAll(meaning, "`", "")
		if values := strings.Contains(name, "|"); values || len(name) > 20 {
			short := strings.ToUpper(f.Name[strings.LastIndexByte(f.Name, '-')+1:])
			if !strings.Contains(meaning, name) {
				shown.Usage = meaning + ": " + name
			}
			name = short
		}
		if name != "" && name != "bool" {
			shown.Usage = "`" + name + "`\x00" + shown.Usage
		}
		own.AddFlag(&shown)
	})
	if own.HasFlags() {
		b.WriteString("\nFlags:\n")
		b.WriteString(flagRows(own))
	}
	b.WriteString("\n\"payctl help output\" tells of the flags that every command has.\n")
}

// flagRows aligns names and meanings and wraps the meanings.
func flagRows(flags *pflag.FlagSet) string {
	type row struct{ name, meaning string }
	var rows []row
	width := 0
	flags.VisitAll(func(f *pflag.Flag) {
		placeholder, meaning := "", f.Usage
		if rest, ok := strings.CutPrefix(f.Usage, "`"); ok {
			if name, text, found := strings.Cut(rest, "`\x00"); found {
				placeholder, meaning = " "+name, text
			}
		}
		name := "      --" + f.Name + placeholder
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name + placeholder
		}
		if def := f.DefValue; !slices.Contains([]string{"", "false", "0", "[]", "0s"}, def) && !strings.Contains(meaning, "(default") {
			meaning += " (default " + def + ")"
		}
		rows = append(rows, row{name, meaning})
		width = max(width, len(name))
	})
	var b strings.Builder
	for _, r := range rows {
		indent := strings.Repeat(" ", width+3)
		for i, line := range wrapped(r.meaning, helpWidth-width-3) {
			if i == 0 {
				fmt.Fprintf(&b, "%-*s   %s\n", width, r.name, line)
				continue
			}
			b.WriteString(indent + line + "\n")
		}
	}
	return b.String()
}

// wrapped breaks a text into lines of so many characters, at blanks, or after a bar where
// one word is too long.
func wrapped(text string, width int) []string {
	words := strings.Fields(text)
	for i := 0; i < len(words); i++ {
		if cut := strings.LastIndexByte(words[i][:min(len(words[i]), width)], '|'); len(words[i]) > width && cut > 0 {
			words = slices.Replace(words, i, i+1, words[i][:cut+1], words[i][cut+1:])
		}
	}
	var lines []string
	line := ""
	for _, word := range words {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}
