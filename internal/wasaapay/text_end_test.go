package wasaapay

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// slowTextEnd is textEnd a byte at a time.
func slowTextEnd(b []byte, i int) int {
	for i < len(b) {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < 0x20:
			return -1
		case c == '\\':
			n := canonicalEscape(b[i:])
			if n == 0 {
				return -1
			}
			i += n
		default:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				return -1
			}
			i += n
		}
	}
	return -1
}

// TestTextEnd puts each byte, and pieces of escapes and of UTF-8, in each place
// of texts around the word's length, whatever its neighbours.
func TestTextEnd(t *testing.T) {
	t.Parallel()
	pieces := []string{`\"`, `\\`, `\u0001`, `\u0041`, `\ud83d\ude00`, `\ud800`, `\`, "é", "😀", "\xe2\x82", "\xed\xa0\x80", "\ufffd", "\"\"", "é\"", "\x1f\"", "\"\x1f"}
	for c := range 256 {
		pieces = append(pieces, string([]byte{byte(c)}), string([]byte{byte(c), ' '}), string([]byte{'\x80', byte(c)}))
	}
	for _, filler := range []string{"x", "#", " ", "!", "\x7f", "]"} {
		for _, piece := range pieces {
			for before := range 18 {
				for _, after := range []string{"", "\"", strings.Repeat(filler, 3) + "\"", strings.Repeat(filler, 17) + "\",\"y\":1}"} {
					b := []byte(strings.Repeat(filler, before) + piece + after)
					if got, want := textEnd(b, 0), slowTextEnd(b, 0); got != want {
						t.Fatalf("%q: got %d, want %d", b, got, want)
					}
				}
			}
		}
	}
}

// TestPlainEnd: the quick look at a number agrees with the thorough one.
func TestPlainEnd(t *testing.T) {
	t.Parallel()
	for _, n := range []string{
		"0", "1", "7", "00", "01", "-0", "-1", "10", "2019", "1.5", "1.50", "0.0125", "1e2", "1E2", "1e21", "1e+21", "999999999999999", "9999999999999999",
		"9007199254740993", "123456789012345", "1234567890123456", "-", "", "x", "1x", "1.", ".5", "12345678901234567890123",
	} {
		for _, after := range []string{"", ",", "}", "]", " ", "e", "E", ".", "x", `"`} {
			b := []byte(n + after)
			want := numberEnd(b, 0)
			if want >= 0 && !canonicalNumber(b[:want]) {
				want = -1
			}
			if got := plainEnd(b, 0); got != want {
				t.Errorf("%q: got %d, want %d", b, got, want)
			}
		}
	}
}

// TestRunesEnd: what runesEnd passes over is well-formed, and where it stops is not, but for
// the last bytes.
func TestRunesEnd(t *testing.T) {
	t.Parallel()
	check := func(b []byte) {
		end := runesEnd(b, 0)
		ascii := bytes.IndexFunc(b, func(r rune) bool { return r < utf8.RuneSelf })
		if ascii < 0 {
			ascii = len(b)
		}
		if !utf8.Valid(b[:end]) || end > ascii || end < ascii && end <= len(b)-4 && utf8.FullRune(b[end:]) && utf8.Valid(b[end:ascii]) {
			t.Errorf("%q: ends at %d", b, end)
		}
	}
	for lead := range 256 {
		for second := range 256 {
			for _, rest := range []string{"\x80\x80", "\xbf\xbf", "\x80a", "aa", "\xc2\x80"} {
				check(append([]byte{byte(lead), byte(second)}, rest+"zzzz"...))
				check(append([]byte{0xc2, 0xa9, byte(lead), byte(second)}, rest...))
			}
		}
	}
	check([]byte("パスワード😀é\U0010ffff\ud7ff\ue000 plain"))
}
