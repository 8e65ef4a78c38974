package payment

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// asciiDigits returns text with the decimal digits of every script as 0 to 9.
func asciiDigits(text string) string {
	if strings.IndexFunc(text, isOtherDigit) < 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if isOtherDigit(r) {
			b.WriteByte(asciiDigit(r))
		} else {
			b.WriteString(text[:size]) // a byte that is no UTF-8 stays as it is
		}
		text = text[size:]
	}
	return b.String()
}

// restored puts the stars of masked, which was made from asciiDigits(text), into
// text.
func restored(text, masked string) string {
	var b strings.Builder
	for at := 0; len(text) > 0; {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case masked[at] == '*':
			b.WriteByte('*')
			at++
		case isOtherDigit(r):
			b.WriteString(text[:size])
			at++
		default:
			b.WriteString(text[:size])
			at += size
		}
		text = text[size:]
	}
	return b.String()
}

func isOtherDigit(r rune) bool { return r >= utf8.RuneSelf && unicode.IsDigit(r) }

// asciiDigit is the ASCII form of a decimal digit: in Unicode they stand in whole
// runs of ten.
func asciiDigit(r rune) byte {
	for _, run := range unicode.Nd.R16 {
		if r >= rune(run.Lo) && r <= rune(run.Hi) {
			return '0' + byte((r-rune(run.Lo))%10)
		}
	}
	for _, run := range unicode.Nd.R32 {
		if r >= rune(run.Lo) && r <= rune(run.Hi) {
			return '0' + byte((r-rune(run.Lo))%10)
		}
	}
	return '?'
}
