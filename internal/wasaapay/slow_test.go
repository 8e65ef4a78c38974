package wasaapay

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// slow is JSON.parse, the deletion of a signature, and JSON.stringify, as plainly as they can
// be written: texts are UTF-16, objects are lists of members, numbers are doubles. What is
// quick is held against it.
type slow struct{ b []byte }

type slowMember struct {
	name  string // its UTF-16, two bytes a unit
	value string
}

var errSlow = errors.New("not JSON")

// slowCanonical returns the canonical text of a body.
func slowCanonical(body []byte) (out string, err error) {
	defer func() {
		if recover() != nil {
			err = errSlow
		}
	}()
	s := &slow{appendDecoded(nil, bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))}
	if s.space(); s.b[0] != '{' {
		return "", errSlow
	}
	out = s.object(1, "signature")
	if s.space(); len(s.b) > 0 {
		return "", errSlow
	}
	return out, nil
}

func (s *slow) space() { s.b = bytes.TrimLeft(s.b, " \t\r\n") }

// next takes one byte, which must be one of these.
func (s *slow) next(of string) byte {
	c := s.b[0]
	if !strings.ContainsRune(of, rune(c)) {
		panic(errSlow)
	}
	s.b = s.b[1:]
	return c
}

func (s *slow) value(depth int) string {
	s.space()
	defer s.space()
	switch c := s.b[0]; c {
	case '{':
		return s.object(depth+1, "")
	case '[':
		var items []string
		s.list(depth+1, '[', ']', func() { items = append(items, s.value(depth+1)) })
		return "[" + strings.Join(items, ",") + "]"
	case '"':
		return stringify(s.text())
	case 't', 'f', 'n':
		word := map[byte]string{'t': "true", 'f': "false", 'n': "null"}[c]
		for i := range word {
			s.next(word[i : i+1])
		}
		return word
	}
	return s.number()
}

func (s *slow) list(depth int, first, last byte, item func()) {
	if depth > maxDepth {
		panic(errSlow)
	}
	s.next(string(first))
	if s.space(); s.b[0] == last {
		s.b = s.b[1:]
		return
	}
	for {
		item()
		if s.next(","+string(last)) == last {
			return
		}
		s.space()
	}
}

func (s *slow) object(depth int, without string) string {
	var members []slowMember
	s.list(depth, '{', '}', func() {
		if s.b[0] != '"' {
			panic(errSlow)
		}
		name := s.text()
		s.space()
		s.next(":")
		m := slowMember{units(name), s.value(depth)}
		if i := slices.IndexFunc(members, func(o slowMember) bool { return o.name == m.name }); i >= 0 {
			members[i].value = m.value
			return
		}
		members = append(members, m)
	})
	place := func(m slowMember) uint64 {
		name := strings.ReplaceAll(m.name, "\x00", "")
		if n, err := strconv.ParseUint(name, 10, 32); err == nil && n < math.MaxUint32 && units(utf16.Encode([]rune(strconv.FormatUint(n, 10)))) == m.name {
			return n
		}
		return math.MaxUint64
	}
	slices.SortStableFunc(members, func(a, b slowMember) int {
		switch x, y := place(a), place(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	var out []string
	for _, m := range members {
		var name []uint16
		for i := 0; i < len(m.name); i += 2 {
			name = append(name, uint16(m.name[i])<<8|uint16(m.name[i+1]))
		}
		if without == "" || string(utf16.Decode(name)) != without {
			out = append(out, stringify(name)+":"+m.value)
		}
	}
	return "{" + strings.Join(out, ",") + "}"
}

// units makes a comparable text of UTF-16.
func units(text []uint16) string {
	var out []byte
	for _, u := range text {
		out = append(out, byte(u>>8), byte(u))
	}
	return string(out)
}

func (s *slow) text() []uint16 {
	var out []uint16
	for s.next(`"`); s.b[0] != '"'; {
		r := []rune(string(s.b[:min(4, len(s.b))]))[0]
		switch {
		case r < ' ':
			panic(errSlow)
		case r != '\\':
			out = utf16.AppendRune(out, r)
			s.b = s.b[len(string(r)):]
			continue
		}
		s.b = s.b[1:]
		c := s.next(`"\/bfnrtu`)
		if c != 'u' {
			out = append(out, uint16(map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}[c]))
			continue
		}
		n, err := strconv.ParseUint(string(s.b[:4]), 16, 16)
		if err != nil || bytes.ContainsAny(s.b[:4], "_+-") {
			panic(errSlow)
		}
		out, s.b = append(out, uint16(n)), s.b[4:]
	}
	s.b = s.b[1:]
	return out
}

func stringify(text []uint16) string {
	var out strings.Builder
	out.WriteByte('"')
	for i := 0; i < len(text); i++ {
		u := rune(text[i])
		short, isShort := map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}[u]
		switch {
		case isShort:
			out.WriteString(short)
		case utf16.IsSurrogate(u) && i+1 < len(text) && utf16.DecodeRune(u, rune(text[i+1])) != '\uFFFD':
			i++
			out.WriteRune(utf16.DecodeRune(u, rune(text[i])))
		case u < ' ' || utf16.IsSurrogate(u):
			out.WriteString(`\u` + strconv.FormatInt(0x10000+int64(u), 16)[1:])
		default:
			out.WriteRune(u)
		}
	}
	return out.String() + `"`
}

func (s *slow) number() string {
	n := 0
	digits := func() {
		from := n
		for n < len(s.b) && s.b[n] >= '0' && s.b[n] <= '9' {
			n++
		}
		if n == from {
			panic(errSlow)
		}
	}
	at := func(of string) bool { return n < len(s.b) && strings.IndexByte(of, s.b[n]) >= 0 }
	if at("-") {
		n++
	}
	if at("0") {
		n++
	} else {
		digits()
	}
	if at(".") {
		n++
		digits()
	}
	if at("eE") {
		if n++; at("+-") {
			n++
		}
		digits()
	}
	f, _ := strconv.ParseFloat(string(s.b[:n]), 64)
	s.b = s.b[n:]
	switch {
	case math.IsInf(f, 0):
		return "null"
	case f == 0:
		return "0"
	case math.Abs(f) >= 1e-6 && math.Abs(f) < 1e21:
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
}

// againstSlow compares a body's canonical text with the slow one. Numbers of hundreds of digits
// are not compared: strconv itself does not read them.
func againstSlow(t *testing.T, body []byte) {
	t.Helper()
	if len(body) > 16<<10 || longestDigits(body) > 300 {
		return
	}
	want, slowErr := slowCanonical(body)
	got, err := Canonical(nil, body)
	if (err == nil) != (slowErr == nil) || err == nil && string(got) != want {
		t.Fatalf("body %q:\n got %q (%v)\nwant %q (%v)", body, got, err, want, slowErr)
	}
}

func longestDigits(b []byte) (most int) {
	for _, run := range bytes.FieldsFunc(b, func(r rune) bool { return r < '0' || r > '9' }) {
		most = max(most, len(run))
	}
	return most
}

// TestCanonicalIsTheSlowOne: what rewrites quickly gives what the slow way gives, for bodies
// of every form and their broken copies, and refuses the same.
func TestCanonicalIsTheSlowOne(t *testing.T) {
	t.Parallel()
	for _, body := range slices.Concat(handmade(), vectors(t, "wasaapay-valid.ndjson"), vectors(t, "wasaapay-tampered.ndjson")) {
		againstSlow(t, body)
	}
	for seed := range uint64(3000) {
		g := newGenerator(seed)
		g.plain, g.wild = seed%5 == 0, seed%3 == 0
		body := g.body()
		againstSlow(t, body)
		againstSlow(t, g.broken(body))
	}
}
