package secret

import (
	"strings"
	"unicode/utf8"
)

// Flaw returns what is wrong with a credential as it was pasted, "" for nothing: how
// copying and saving spoil one. It never quotes the text.
func Flaw(text string) string {
	switch {
	case strings.ContainsRune(text, 0) || strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff"):
		return "is UTF-16 text, as PowerShell 5 and Notepad write it; save it as UTF-8"
	case !utf8.ValidString(text):
		return "is not UTF-8 text"
	case strings.ContainsFunc(text, invisible):
		return "has a character that cannot be seen (a byte order mark, a no-break space or one without width)"
	case strings.ContainsAny(text, "\r\n"):
		return "has more than one line"
	case strings.TrimSpace(text) != text:
		return "has a blank at an end"
	case len(text) > 1 && strings.Trim(text, `"'`+"`") != text && text[0] == text[len(text)-1]:
		return "stands in quotes"
	case isAssignment(text):
		return "has its name in front, as in NAME=value"
	}
	return ""
}

// isAssignment reports whether text is a line of a settings file: a name in capitals with
// an underscore, and a value.
func isAssignment(text string) bool {
	name, value, _ := strings.Cut(strings.TrimPrefix(text, "export "), "=")
	return value != "" && strings.Contains(name, "_") && name[0] >= 'A' && name[0] <= 'Z' &&
		strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

func invisible(r rune) bool {
	switch {
	case r == '\u00a0', r == '\u202f', r == '\u2007', r == '\ufeff', r == '\u00ad':
		return true
	case r >= '\u200b' && r <= '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2060' && r <= '\u2064':
		return true
	}
	return false
}
