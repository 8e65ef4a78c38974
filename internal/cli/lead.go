package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/payment"
)

// onward says where a hint leads that names the verb which prints it: running that once
// more would say the same. "ID" keeps what the command is given.
func onward() map[string]string {
	return map[string]string{
		"config explain": "config show", "config init": "config validate", "config path": "config show", "config profiles": "config show", "config show": "config validate",
		"config trust": "config show", "config validate": "config show",
		"daraja balance": "transaction list", "daraja credential encrypt": "doctor", "daraja pull list": "transaction list", "daraja pull register": "doctor",
		"deposit create": "deposit list", "deposit get": "trace ID", "deposit list": "config show", "deposit resolve": "trace ID",
		"doctor":        "config show",
		"ledger backup": "ledger info", "ledger check": "ledger info", "ledger copy": "ledger info", "ledger info": "doctor",
		"ledger migrate": "ledger info", "ledger prune": "ledger info", "ledger restore": "ledger check",
		"reconcile": "deposit list", "stats": "deposit list", "status get": "status watch ID", "status watch": "status get ID", "trace": "deposit get ID",
		"transaction get": "transaction list", "transaction list": "deposit list", "transaction status": "transaction list",
		"webhook list": "deposit list", "webhook queue list": "webhook list", "webhook queue drop": "webhook queue list",
		"webhook queue move": "webhook queue list", "webhook replay": "webhook queue list", "webhook show": "webhook list",
		"webhook sign": "webhook verify", "webhook trigger": "webhook list", "webhook verify": "explain",
	}
}

// isThing reports a command that hints name as what runs, not as what to do next.
func isThing(path string) bool {
	return slices.Contains([]string{"demo", "emulator", "listen", "ui"}, path)
}

// isOrder reports that what comes next is to be run, in the place of being named.
func isOrder(before string) bool {
	before = strings.TrimSuffix(before, `"`)
	return before == "" || strings.HasSuffix(before, ": ") || strings.HasSuffix(before, "start ") || strings.HasSuffix(before, "run ")
}

// isBare reports a command that reads no settings.
func isBare(path string) bool {
	first, _, _ := strings.Cut(path, " ")
	return slices.Contains([]string{"completion", "demo", "emulator", "explain", "help", "schema", "version"}, first)
}

// lead makes the commands that a text names those that this invocation would run next:
// they have its --profile, --config and --db, and none is the verb that runs.
func (e *env) lead(text string) string {
	const program = "payctl "
	if !strings.Contains(text, program) {
		return text
	}
	paths := e.paths()
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, program)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		path := pathOf(after, paths)
		if path == "" || before != "" && isWordEnd(before[len(before)-1]) {
			out.WriteString(program)
			text = after
			continue
		}
		rest := after[len(path):]
		if next := onward()[path]; path == e.verb && next != "" && !strings.Contains(mention(rest), " -") && !strings.HasSuffix(before, "again with \"") {
			path = strings.TrimSuffix(next, " ID")
			if path == next {
				rest = withoutWords(rest)
			}
		}
		out.WriteString(program + path)
		if !isThing(path) || isOrder(before) {
			out.WriteString(e.carried(path, mention(rest)))
		}
		text = rest
	}
}

func isWordEnd(c byte) bool {
	return c == '/' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z'
}

// pathOf is the longest path of commands that a text begins with.
func pathOf(text string, paths []string) string {
	longest := ""
	for _, path := range paths {
		rest, found := strings.CutPrefix(text, path)
		if found && len(path) > len(longest) && (rest == "" || strings.IndexByte(" \",;:.)\n", rest[0]) >= 0) {
			longest = path
		}
	}
	return longest
}

// mention is what belongs to a command that stands in a sentence.
func mention(rest string) string {
	if end := strings.IndexAny(rest, "\",;)\n"); end >= 0 {
		return rest[:end]
	}
	return rest
}

// withoutWords takes the arguments off that stand behind a command: words of a sentence
// are small letters only.
func withoutWords(rest string) string {
	for strings.HasPrefix(rest, " ") {
		word, after := rest[1:], ""
		if end := strings.IndexAny(word, " \",;)\n"); end >= 0 {
			word, after = word[:end], word[end:]
		}
		if strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == "" {
			break
		}
		rest = after
	}
	return rest
}

// carried are the flags of this invocation that say which settings and ledger are meant.
func (e *env) carried(path, said string) string {
	if isBare(path) || strings.Contains(said, "--help") {
		return ""
	}
	g := &e.global
	var out strings.Builder
	for _, f := range []struct{ name, value string }{{"profile", g.profile}, {"config", g.configFile}, {"db", g.db}} {
		if f.value == "" || strings.Contains(said, "--"+f.name) || f.name == "db" && hasPassword(f.value) {
			continue
		}
		out.WriteString(" --" + f.name + " " + payment.ShellWord(f.value))
	}
	return out.String()
}

// commandPaths lists the commands that do something, such as "deposit create".
func commandPaths(root *cobra.Command) []string {
	var paths []string
	for _, c := range root.Commands() {
		if c.HasSubCommands() {
			paths = append(paths, commandPaths(c)...)
		} else {
			paths = append(paths, strings.TrimPrefix(c.CommandPath(), "payctl "))
		}
	}
	return paths
}
