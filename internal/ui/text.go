package ui

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
)

// Span is a piece of a line with one look. Its text is escaped when printed.
type Span struct {
	text string
	look look
	// at is a time that is shown instead of the text; see When.
	at time.Time
}

// Plain is text as it is.
func Plain(text string) Span { return Span{text: text} }

// Bold is for the one thing on a line that matters.
func Bold(text string) Span { return Span{text: text, look: lookBold} }

// Dim is for what may be passed over.
func Dim(text string) Span { return Span{text: text, look: lookDim} }

// OK is for what is finally good.
func OK(text string) Span { return Span{text: text, look: lookOK} }

// Bad is for what is finally wrong.
func Bad(text string) Span { return Span{text: text, look: lookBad} }

// Warn is for what is open or needs a look.
func Warn(text string) Span { return Span{text: text, look: lookWarn} }

// Field is one line of a key and value block.
type Field struct {
	Key   string
	Value []Span
}

// KV returns a Field; a Field without a value, or with an empty one, is left
// out of the block.
func KV(key string, value ...Span) Field { return Field{Key: key, Value: value} }

func (f Field) empty() bool {
	for _, s := range f.Value {
		if s.text != "" {
			return false
		}
	}
	return true
}

// Text takes a View's human form. It is gathered and written in one piece.
type Text struct {
	buf   bytes.Buffer
	style *style
	// width is the terminal's in cells, 0 where lines may be of any length.
	width int
	clock Clock
	// cuts says that a line ends at the terminal's edge.
	cuts bool
	// zoned says that the zone of the times was named.
	zoned bool
}

// Line writes spans one after the other and ends the line.
func (t *Text) Line(spans ...Span) {
	used := 0
	for _, s := range spans {
		s = t.shown(s)
		text := Safe(s.text)
		if t.cuts && t.width > 0 {
			text = cut(text, max(t.width-used, 0))
			used += cells(text)
		}
		t.buf.WriteString(t.style.render(s.look, text))
	}
	t.buf.WriteByte('\n')
}

// Linef writes one plain line. Everything is escaped, line ends included.
func (t *Text) Linef(format string, args ...any) { t.Line(Plain(fmt.Sprintf(format, args...))) }

// Block writes text of many lines, each with an indentation of so many spaces.
// Line ends and tabs are kept, everything else is escaped.
func (t *Text) Block(indent int, text string) {
	for _, line := range lines(text) {
		t.buf.WriteString(strings.Repeat(" ", max(indent, 0)))
		t.buf.WriteString(safeLines(strings.TrimSuffix(line, "\r")))
		t.buf.WriteByte('\n')
	}
}

// JSON writes a value as indented JSON.
func (t *Text) JSON(v any) {
	if data, err := encode(v); err == nil {
		t.Block(0, string(indent(data)))
	}
}

// Blank writes an empty line.
func (t *Text) Blank() { t.buf.WriteByte('\n') }

// Heading writes a bold line.
func (t *Text) Heading(text string) { t.Line(Bold(text)) }

// Fields writes a block of keys and values, the values aligned. Fields without
// a value are left out.
func (t *Text) Fields(fields ...Field) {
	widest := 0
	for _, f := range fields {
		if !f.empty() {
			widest = max(widest, cells(Safe(f.Key)))
		}
	}
	for _, f := range fields {
		if f.empty() {
			continue
		}
		key := Safe(f.Key)
		t.buf.WriteString(t.style.render(lookDim, key))
		t.pad(widest - cells(key) + 2)
		t.Line(f.Value...)
	}
}

func (t *Text) pad(n int) {
	for range n {
		t.buf.WriteByte(' ')
	}
}

// cells measures printable text in terminal cells.
func cells(s string) int {
	for i := range len(s) {
		if s[i] >= 0x7f || s[i] < 0x20 {
			return lipgloss.Width(s)
		}
	}
	return len(s)
}

// cut shortens text to so many cells, the last one an ellipsis.
func cut(s string, most int) string {
	if cells(s) <= most {
		return s
	}
	if most <= 1 {
		return "…"[:max(most, 0)*len("…")]
	}
	used := 0
	for i, r := range s {
		w := cells(string(r))
		if used+w > most-1 {
			return s[:i] + "…"
		}
		used += w
	}
	return s
}
