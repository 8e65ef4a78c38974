package payment

import "strings"

// CommandLine returns arguments as a shell takes them: for hints that somebody copies.
func CommandLine(args ...string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		if arg == "" || strings.ContainsAny(arg, " \t\n'\"$&;|<>(){}*?#~\\`") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		quoted[i] = arg
	}
	return strings.Join(quoted, " ")
}
