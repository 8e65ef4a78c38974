package store

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// Headers are stored as lines of "Name: value", in the order of their names, in
// the spelling in which they came. Line ends and backslashes inside a name or
// value, which HTTP does not allow, are escaped so that nothing is lost; so are
// bytes that are no text, which not every engine can store as such.

// encodeHeader spells a header as stored.
func encodeHeader(h http.Header) string {
	size, names := 0, make([]string, 0, len(h))
	for name, values := range h {
		names = append(names, name)
		for _, v := range values {
			size += len(name) + len(v) + 3
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.Grow(size)
	for _, name := range names {
		for _, v := range h[name] {
			writeEscaped(&b, name, true)
			b.WriteString(": ")
			writeEscaped(&b, v, false)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func writeEscaped(b *strings.Builder, s string, colon bool) {
	if !strings.ContainsAny(s, "\\\r\n:\x00") && utf8.ValidString(s) {
		b.WriteString(s)
		return
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == 0 || c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == 0 || r == utf8.RuneError && n == 1 {
				fmt.Fprintf(b, `\x%02x`, c)
				continue
			}
			b.WriteString(s[i : i+n])
			i += n - 1
		case c == '\\':
			b.WriteString(`\\`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == ':' && colon:
			b.WriteString(`\:`)
		default:
			b.WriteByte(c)
		}
	}
}

// decodeHeader reads what encodeHeader wrote.
func decodeHeader(text string) (http.Header, error) {
	h := http.Header{}
	for text != "" {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return nil, fmt.Errorf("the stored header ends within a line")
		}
		text = rest
		name, value, ok := cutName(line)
		if !ok {
			return nil, fmt.Errorf("the stored header has a line without a name")
		}
		h[name] = append(h[name], unescape(value))
	}
	return h, nil
}

// cutName splits a line at the first ": " whose colon is not escaped.
func cutName(line string) (name, value string, ok bool) {
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\':
			i++
		case line[i] == ':' && strings.HasPrefix(line[i:], ": "):
			return unescape(line[:i]), line[i+2:], true
		}
	}
	return "", "", false
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'x':
			if n, err := hex.DecodeString(s[i+1 : min(len(s), i+3)]); err == nil && len(n) == 1 {
				b.WriteByte(n[0])
				i += 2
				continue
			}
			b.WriteByte('x')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
