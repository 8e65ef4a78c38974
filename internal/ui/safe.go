package ui

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Safe returns outside text made fit for a terminal line: control characters
// (line ends and tabs included), the C1 range that some terminals take for
// escape sequences, characters that reverse or hide text, and bytes that are
// not UTF-8 appear as escapes such as \n, \x1b and \u202e. Text from outside
// can so neither command the terminal nor forge a line.
func Safe(s string) string { return escape(s, false) }

// safeLines is Safe that lets line ends and tabs through, for text of many lines.
func safeLines(s string) string { return escape(s, true) }

func escape(s string, keepLines bool) string {
	clean := true
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case keepLines && (r == '\n' || r == '\t'):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r >= 0x7f && r <= 0x9f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case deceives(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// deceives tells the characters that end lines, reorder text or take no room.
// The joiners U+200C and U+200D stay: some scripts need them.
func deceives(r rune) bool {
	switch {
	case r == 0x2028, r == 0x2029, r == 0x061c, r == 0x200b, r == 0x200e, r == 0x200f, r == 0xfeff:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x2069:
		return true
	}
	return false
}

// lines cuts text of our own making at its line ends; empty text has none.
func lines(s string) []string {
	s = strings.TrimRight(s, "\n")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}
