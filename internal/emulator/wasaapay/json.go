package wasaapay

import (
	"slices"
	"strings"
)

// jsObject is a JSON object whose members keep their order, written as JavaScript's JSON.stringify writes it: compact,
// and with nothing escaped but quotes, backslashes and control characters (reference/wasaapay.md §11.4). A value is a
// string, a jsNumber or a jsObject.
type jsObject []jsMember

type jsMember struct {
	name  string
	value any
}

// jsNumber is the text of a number as JavaScript prints it.
type jsNumber string

// write appends the object's text to buf.
func (o jsObject) write(buf []byte) []byte {
	buf = append(buf, '{')
	for i, m := range o {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(jsString(buf, m.name), ':')
		switch value := m.value.(type) {
		case string:
			buf = jsString(buf, value)
		case jsNumber:
			buf = append(buf, value...)
		case jsObject:
			buf = value.write(buf)
		default:
			buf = append(buf, "null"...)
		}
	}
	return append(buf, '}')
}

// jsString appends text as JSON.stringify quotes it: unlike encoding/json it leaves < > & U+2028 and U+2029 alone.
func jsString(buf []byte, text string) []byte {
	buf = append(buf, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			buf = append(buf, '\\', byte(r))
		case r == '\b':
			buf = append(buf, `\b`...)
		case r == '\f':
			buf = append(buf, `\f`...)
		case r == '\n':
			buf = append(buf, `\n`...)
		case r == '\r':
			buf = append(buf, `\r`...)
		case r == '\t':
			buf = append(buf, `\t`...)
		case r < ' ':
			const hexDigits = "0123456789abcdef"
			buf = append(buf, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		default:
			buf = append(buf, string(r)...)
		}
	}
	return append(buf, '"')
}

// without is the object less one member.
func (o jsObject) without(name string) jsObject {
	return slices.DeleteFunc(slices.Clone(o), func(m jsMember) bool { return m.name == name })
}

// replace is the object with one member's value changed.
func (o jsObject) replace(name string, value any) jsObject {
	next := slices.Clone(o)
	for i := range next {
		if next[i].name == name {
			next[i].value = value
		}
	}
	return next
}

// sorted is the object in the order of its names, inner objects too.
func (o jsObject) sorted() jsObject {
	next := slices.Clone(o)
	for i := range next {
		if inner, ok := next[i].value.(jsObject); ok {
			next[i].value = inner.sorted()
		}
	}
	slices.SortFunc(next, func(a, b jsMember) int { return strings.Compare(a.name, b.name) })
	return next
}

// rotated is the object with its first half behind its second.
func (o jsObject) rotated() jsObject {
	half := len(o) / 2
	return slices.Concat(o[half:], o[:half])
}

// textMembers makes an object of names and strings, leaving out the empty ones.
func textMembers(pairs ...string) jsObject {
	var o jsObject
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			o = append(o, jsMember{pairs[i], pairs[i+1]})
		}
	}
	return o
}
