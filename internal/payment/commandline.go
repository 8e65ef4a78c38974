package payment

import "strings"

// CommandLine returns arguments as a shell takes them: for hints that somebody copies.
func CommandLine(args ...string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = ShellWord(arg)
	}
	return strings.Join(quoted, " ")
}

// ShellWord spells a word so that a shell takes it as one.
func ShellWord(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,="
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
