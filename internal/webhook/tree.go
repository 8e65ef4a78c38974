package webhook

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/wasaapay"
)

// member is one name and value of an object, in the order of the text.
type member struct {
	name  string
	value any
}

// object keeps its members' order, which a Go map would lose.
type object []member

// maxDepth bounds nesting; deeper payloads are not explained.
const maxDepth = 512

// errNotJSON says that a body is not one JSON value.
var errNotJSON = errors.New("the body is not one JSON value")

// number is a JSON number as it stands and as JavaScript writes it. Some take
// long to read, and a payload may be full of them: each is read once.
type number struct{ text, short string }

// parseTree reads JSON into objects, []any, string, number, bool and nil.
// Duplicate names keep the last value in the first place, as JavaScript does;
// one byte order mark is passed over, as the check does.
func parseTree(body []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	dec.UseNumber()
	v, err := parseValue(dec, 0)
	if err != nil {
		return nil, errNotJSON
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotJSON
	}
	return v, nil
}

func parseValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errNotJSON
	}
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return parseObject(dec, depth)
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := parseValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.Token()
		return list, err
	}
	if n, isNumber := token.(json.Number); isNumber {
		return number{n.String(), wasaapay.Number(n.String())}, nil
	}
	return token, nil
}

func parseObject(dec *json.Decoder, depth int) (any, error) {
	members := object{}
	places := map[string]int{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		value, err := parseValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		// A search among the members would take minutes over 90,000 of them.
		if i, twice := places[name]; twice {
			members[i].value = value
			continue
		}
		places[name] = len(members)
		members = append(members, member{name, value})
	}
	_, err := dec.Token()
	return members, err
}

func (o *object) set(name string, value any) {
	if i := o.index(name); i >= 0 {
		(*o)[i].value = value
		return
	}
	*o = append(*o, member{name, value})
}

func (o object) index(name string) int {
	return slices.IndexFunc(o, func(m member) bool { return m.name == name })
}

func (o object) without(name string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == name })
}

// writing is how some tool writes JSON.
type writing struct {
	sorted bool
	// comma and colon separate; Python's default has a space after each.
	comma, colon string
	// indent pretty-prints by so many spaces; 0 is compact.
	indent int
	// html escapes <, > and & as Go's and PHP's defaults do; ascii escapes all
	// else that is not ASCII; slash escapes / as PHP does.
	html, ascii, slash bool
	// number rewrites numbers; nil keeps their text.
	number func(n number) string
}

func (w writing) write(b *strings.Builder, v any, depth int) {
	switch v := v.(type) {
	case object:
		w.object(b, v, depth)
	case []any:
		w.list(b, len(v), '[', ']', depth, func(i int) { w.write(b, v[i], depth+1) })
	case string:
		w.text(b, v)
	case number:
		text := v.text
		if w.number != nil {
			text = w.number(v)
		}
		b.WriteString(text)
	case nil:
		b.WriteString("null")
	default:
		fmt.Fprint(b, v)
	}
}

func (w writing) object(b *strings.Builder, o object, depth int) {
	if w.sorted {
		o = slices.Clone(o)
		slices.SortStableFunc(o, func(a, b member) int { return strings.Compare(a.name, b.name) })
	}
	w.list(b, len(o), '{', '}', depth, func(i int) {
		w.text(b, o[i].name)
		b.WriteString(cmp.Or(w.colon, ":"))
		w.write(b, o[i].value, depth+1)
	})
}

func (w writing) list(b *strings.Builder, n int, open, end byte, depth int, item func(int)) {
	b.WriteByte(open)
	for i := range n {
		if b.Len() > mostWritten {
			return
		}
		if i > 0 {
			b.WriteString(cmp.Or(w.comma, ","))
		}
		w.newline(b, depth+1)
		item(i)
	}
	if n > 0 {
		w.newline(b, depth)
	}
	b.WriteByte(end)
}

func (w writing) newline(b *strings.Builder, depth int) {
	if w.indent > 0 {
		b.WriteByte('\n')
		b.WriteString(strings.Repeat(" ", w.indent*depth))
	}
}

func (w writing) text(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '/' && w.slash:
			b.WriteString(`\/`)
		case strings.ContainsRune("\b\f\n\r\t", r):
			b.WriteByte('\\')
			b.WriteByte("btnvfr"[r-'\b'])
		case r < 0x20, w.html && strings.ContainsRune("<>&\u2028\u2029", r), w.ascii && r >= 0x7f && r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		case w.ascii && r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

// mostWritten bounds a text, in bytes: indented, a payload of 1 MiB that nests
// deeply would come to hundreds.
const mostWritten = 8 << 20

// bytes returns the text, nil for one that is too long.
func (w writing) bytes(v any) []byte {
	var b strings.Builder
	w.write(&b, v, 0)
	if b.Len() > mostWritten {
		return nil
	}
	return []byte(b.String())
}

// shortest writes a number as JavaScript would.
func shortest(n number) string { return n.short }

// twoPlaces writes a number with two decimals, as money formatters do.
func twoPlaces(n number) string {
	if strings.Contains(n.short, "e-") { // below a millionth
		if n.short[0] == '-' {
			return "-0.00"
		}
		return "0.00"
	}
	f, err := strconv.ParseFloat(n.short, 64)
	if err != nil { // null, for what no double holds
		return n.text
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// pointZero writes whole numbers with ".0", as tools that hold floats do.
func pointZero(n number) string {
	if n.short == "null" || strings.ContainsAny(n.short, ".e") {
		return n.short
	}
	return n.short + ".0"
}

// latin1 encodes text as ISO 8859-1, with ? for what that lacks.
func latin1(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r > 0xff {
			r = '?'
		}
		out, text = append(out, byte(r)), text[n:]
	}
	return out
}

// utf16le encodes text as UTF-16, little endian.
func utf16le(text []byte) []byte {
	out := make([]byte, 0, 2*len(text))
	for _, unit := range utf16.Encode([]rune(string(text))) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}
