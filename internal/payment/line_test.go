package payment_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/payment"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"", 10, ""},
		{"Invalid Amount", 40, "Invalid Amount"},
		{"  padded\r\n", 40, "padded"},
		{"two\nlines\tand tabs", 40, `two\nlines\tand tabs`},
		{"\x1b[2Jgone", 40, `\x1b[2Jgone`},
		{"a\x7fb\u009bc", 40, `a\x7fb\x9bc`},
		{"pay\u202edrahcir", 40, `pay\u202edrahcir`},
		{"hidden\u200b\ufeff", 40, `hidden\u200b\ufeff`},
		{"line\u2028sep", 40, `line\u2028sep`},
		{"a\nlevel=ERROR msg=forged", 40, `a\nlevel=ERROR msg=forged`},
		{"joined \u200d family", 40, "joined \u200d family"},
		{"replaced \ufffd", 40, "replaced \ufffd"},
		{"bad \xff byte", 40, `bad \xff byte`},
		{"Jambo, Wanjirũ 你好", 40, "Jambo, Wanjirũ 你好"},
		{"phone 254711000222", 40, "phone 2547*****222"},
		{"phone 0711 000 222", 40, "phone 07** *** 222"},
		{"abcdef", 3, "abc…"},
		{"abũ", 3, "ab…"},
		// A number is masked before it is cut.
		{"ws_CO_254711000222", 15, "ws_CO_2547*****…"},
		{strings.Repeat("x", 10) + "254711000222", 19, strings.Repeat("x", 10) + "2547*****…"},
	} {
		if got := payment.Line(c.text, c.most); got != c.want {
			t.Errorf("Line(%q, %d) = %q, want %q", c.text, c.most, got, c.want)
		}
	}
}

func TestQuoteAndEscape(t *testing.T) {
	t.Parallel()
	if got, want := payment.Quote(" 1\n2", 40), `" 1\n2"`; got != want {
		t.Errorf("Quote: got %s, want %s", got, want)
	}
	if got, want := payment.Escape("a\n\tb\x00", '\n', '\t'), "a\n\tb\\x00"; got != want {
		t.Errorf("Escape keeping line ends: got %q, want %q", got, want)
	}
	if got, want := payment.Escape("254711000222"), "254711000222"; got != want {
		t.Errorf("Escape: got %q, want %q", got, want)
	}
}

// FuzzLine holds that a line is one line of valid UTF-8, bounded, that shows no
// phone number, and that showing it again changes nothing but its length.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{"", "plain", "two\nlines", "\x1b]0;x\a", "\xff\xfe", "254711000222", "٠٧١١٠٠٠٢٢٢", "+254 711 000 222", strings.Repeat("ũ", 99)} {
		f.Add(seed, 40)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		most = 8 + most&0xff
		line := payment.Line(text, most)
		if !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n\t\x1b\x00") {
			t.Errorf("Line(%q) = %q is not one plain line", text, line)
		}
		if len(line) > most+len("…") {
			t.Errorf("Line(%q, %d) has %d bytes", text, most, len(line))
		}
		if payment.Escape(line) != line {
			t.Errorf("Escape changes the line %q", line)
		}
	})
}
