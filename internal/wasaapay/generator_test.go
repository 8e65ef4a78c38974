package wasaapay

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// generator makes webhook bodies that differ from their canonical form in
// every way that the vectors do: white space, order, repeated names, integer
// names, number forms, escapes, and bytes that are not UTF-8.
type generator struct {
	r *rand.Rand
	b strings.Builder
	// plain keeps to canonical forms, wild adds bytes that are not UTF-8.
	plain, wild bool
}

func newGenerator(seed uint64) *generator {
	return &generator{r: rand.New(rand.NewPCG(seed, 1))}
}

func (g *generator) body() []byte {
	g.b.Reset()
	if !g.plain && g.r.IntN(40) == 0 {
		g.b.WriteString("\ufeff")
	}
	g.space()
	names := []string{"event", "timestamp", "partnerId", "environment", "data"}
	if !g.plain {
		g.r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	}
	g.b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			g.b.WriteByte(',')
		}
		if !g.plain && g.r.IntN(6) == 0 {
			g.member(g.name(), func() { g.value(2) })
			g.b.WriteByte(',')
		}
		g.member(name, func() {
			switch {
			case name == "data":
				g.object(3)
			case !g.plain && g.r.IntN(30) == 0:
				g.value(1)
			default:
				g.text()
			}
		})
		if g.r.IntN(5) == 0 {
			g.b.WriteByte(',')
			g.member("signature", g.text)
		}
		if g.plain && i == 3 {
			g.b.WriteByte(',')
			g.member("signature", g.text)
		}
	}
	g.b.WriteByte('}')
	g.space()
	return []byte(g.b.String())
}

func (g *generator) space() {
	if g.plain {
		return
	}
	for g.r.IntN(3) == 0 {
		g.b.WriteByte(" \t\r\n"[g.r.IntN(4)])
	}
}

func (g *generator) member(name string, value func()) {
	g.space()
	g.quoted(name)
	g.space()
	g.b.WriteByte(':')
	g.space()
	value()
	g.space()
}

func (g *generator) value(depth int) {
	switch n := g.r.IntN(10); {
	case depth > 0 && n == 0:
		g.object(depth - 1)
	case depth > 0 && n == 1:
		g.b.WriteByte('[')
		for i := range g.r.IntN(4) {
			if i > 0 {
				g.b.WriteByte(',')
			}
			g.space()
			g.value(depth - 1)
			g.space()
		}
		g.b.WriteByte(']')
	case n < 5:
		g.b.WriteString(g.number())
	case n == 5:
		g.b.WriteString([]string{"true", "false", "null"}[g.r.IntN(3)])
	default:
		g.text()
	}
}

func (g *generator) object(depth int) {
	g.b.WriteByte('{')
	g.space()
	n := g.r.IntN(9)
	if g.r.IntN(25) == 0 {
		n = 30 + g.r.IntN(40)
	}
	for i := range n {
		if i > 0 {
			g.b.WriteByte(',')
		}
		name := g.name()
		if g.plain {
			name = "k" + strconv.Itoa(i) + name
		}
		g.member(name, func() { g.value(depth - 1) })
	}
	g.b.WriteByte('}')
}

func (g *generator) name() string {
	names := []string{
		"depositId", "id", "amount", "status", "signature", "__proto__", "constructor", "toJSON", "", "a", "b", "é", "😀",
		"0", "1", "2", "10", "00", "01", "-1", "1e3", "4294967294", "4294967295", "4294967296", "99999999999999999999", "1.5",
		"data", "event", "quote\"slash\\", "line\u2028", "tab\t", "nul\x00", "reference", "receiptNumber", "aVeryLongMemberNameIndeed",
	}
	return names[g.r.IntN(len(names))]
}

func (g *generator) number() string {
	r := g.r
	if g.plain {
		return strconv.FormatFloat(float64(r.IntN(1e9))/8, 'f', -1, 64)
	}
	fixed := []string{
		"0", "-0", "-0.0", "0.0", "1000.00", "1e21", "1E21", "1e400", "-1e400", "1e-400", "0.000001", "0.0000001", "123456789012345680000",
		"9007199254740993", "1e2", "1E+2", "1e-2", "5e-324", "1.7976931348623157e308", "1.7976931348623159e308", "2.2250738585072011e-308",
		"0.1", "0.30000000000000004", "999999999999999900000", "1000000000000000000000", "100000000000000000000", "0.00001", "1e-6", "1e-7",
		"4.35", "0.5e1", "123456.7890", "1e00", "10e20", "12345678901234567890123456789012345678901234567890", "0." + strings.Repeat("0", 40) + "1",
	}
	switch r.IntN(4) {
	case 0:
		return fixed[r.IntN(len(fixed))]
	case 1:
		return fmt.Sprintf("%d.%0*d", r.IntN(1e6), 1+r.IntN(20), r.IntN(1e9))
	case 2:
		return fmt.Sprintf("%d.%de%d", r.IntN(10), r.Int64(), r.IntN(700)-350)
	}
	return strconv.FormatInt(r.Int64()>>r.IntN(64), 10)
}

func (g *generator) text() {
	pieces := []string{
		"QKJ7Y8H2X9", "Café", "パスワード", "😀", "a<b>&c", "line\u2028sep\u2029", "\x7f", "\ufeff", "\uffff", "/", "\"", "\\", "\b\f\n\r\t", "\x00\x1f\x0b",
		"ws_CO_15012024103000123456", "plain text that is longer than eight bytes", "",
	}
	var s strings.Builder
	for range g.r.IntN(4) {
		s.WriteString(pieces[g.r.IntN(len(pieces))])
	}
	g.quoted(s.String())
}

// quoted writes a string in one of its many JSON spellings.
func (g *generator) quoted(s string) {
	g.b.WriteByte('"')
	for _, c := range s {
		switch {
		case !g.plain && g.r.IntN(12) == 0:
			g.escaped(c)
		case c == '"' || c == '\\' || c < 0x20:
			if g.plain {
				g.b.Write(appendUnit(nil, c))
			} else {
				g.escaped(c)
			}
		default:
			g.b.WriteRune(c)
		}
	}
	if !g.plain && g.r.IntN(15) == 0 {
		lone := []string{`\ud800`, `\uD800`, `\udfff`, `\uDBFF\uD800`, `\ud83d\ud83d\ude00`, `\ude00\ud83d`, `\ud83d\u0041`, `\ud83dA`}
		g.b.WriteString(lone[g.r.IntN(len(lone))])
	}
	if g.wild && g.r.IntN(4) == 0 {
		bad := []string{
			"\xff", "\xc0\xaf", "\xe2\x82", "\xe2\x82\xff", "\xed\xa0\x80", "\xf0\x9f\x98", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xe0\x80", "\x80\x80",
			"\xf0\x9f", "\xc2", "\xe1\x80\xe2\x82\x41", "\xef\xbf",
		}
		g.b.WriteString(bad[g.r.IntN(len(bad))])
	}
	g.b.WriteByte('"')
}

func (g *generator) escaped(c rune) {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '/': `\/`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}
	if s, ok := short[c]; ok && g.r.IntN(2) == 0 {
		g.b.WriteString(s)
		return
	}
	format := `\u%04x`
	if g.r.IntN(2) == 0 {
		format = `\u%04X`
	}
	if c > 0xffff {
		c -= 0x10000
		fmt.Fprintf(&g.b, format, 0xd800+c>>10)
		c = 0xdc00 + c&0x3ff
	}
	fmt.Fprintf(&g.b, format, c)
}

// broken returns the body with one byte taken out, put in or changed.
func (g *generator) broken(body []byte) []byte {
	i := g.r.IntN(len(body))
	out := append([]byte(nil), body[:i]...)
	switch g.r.IntN(3) {
	case 0:
		return append(out, body[i+1:]...)
	case 1:
		return append(append(out, `{}[],:"\0-+.eEtu x`[g.r.IntN(18)]), body[i:]...)
	}
	return append(append(out, `{}[],:"\0-+.eEtu x`[g.r.IntN(18)]), body[i+1:]...)
}
