package payment

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Line returns outside text made fit for one line that people read: escaped as
// Escape does, phone numbers masked as MaskDigits does, without the white space
// around it, and cut to at most so many bytes and an ellipsis. Every text from
// outside that goes into an error, a note or a log passes here.
func Line(text string, most int) string { return Cut(showable(strings.TrimSpace(text), most), most) }

// Quote is Line in double quotes, white space and all.
func Quote(text string, most int) string { return `"` + Cut(showable(text, most), most) + `"` }

// showable returns text masked and escaped, of a long one the start alone. More
// than most bytes of it: half a phone number cannot be told from another number.
func showable(text string, most int) string {
	if len(text) <= most && isPlain(text) {
		return text
	}
	return Escape(MaskDigits(text[:min(len(text), 2*most+64)]))
}

// isPlain reports whether text is visible ASCII with too few digits for a phone, and too
// short for a phone's hash.
func isPlain(text string) bool {
	digits := 0
	if len(text) >= hashLength {
		return false
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c >= 0x7f:
			return false
		case isDigit(c):
			digits++
		}
	}
	return digits < 9
}

// Cut returns text, or its first most bytes and an ellipsis where it is longer.
// No character is cut in two.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// Escape returns text without what could command a terminal or forge a line:
// control characters (line ends and tabs included), the C1 range, characters
// that reverse or hide text, and bytes that are not UTF-8 become escapes such
// as \n, \x1b and \u202e. Characters of keep pass.
func Escape(text string, keep ...rune) string {
	plain := true
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, text[i])
		} else {
			escapeRune(&b, r, keep)
		}
		i += size
	}
	return b.String()
}

func escapeRune(b *strings.Builder, r rune, keep []rune) {
	if slices.Contains(keep, r) {
		b.WriteRune(r)
		return
	}
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case r < ' ' || r >= 0x7f && r <= 0x9f:
		fmt.Fprintf(b, `\x%02x`, r)
	case Deceives(r) && r > 0xffff:
		fmt.Fprintf(b, `\U%08x`, r)
	case Deceives(r):
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		b.WriteRune(r)
	}
}

// Deceives reports whether a character ends lines, reorders text or takes no
// room, tags and the selectors of variants beyond the first 16 among them. The joiners U+200C and U+200D do not: some scripts need them.
func Deceives(r rune) bool {
	switch {
	case r == 0x2028, r == 0x2029, r == 0x061c, r == 0x200b, r == 0x200e, r == 0x200f, r == 0xfeff:
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}

// FirstLine is a text up to its first line break.
func FirstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
