package payment

import (
	"fmt"
	"strings"
	"time"
)

// Phone is a Kenyan mobile number, parsed once at the boundary: 254, then 7 or
// 1, then 8 digits (reference/daraja.md §9). The zero value is no phone.
// Printing it prints the masked form; use MSISDN for the wire.
type Phone struct{ digits string }

// ParsePhone reads every form of reference/daraja.md §9: with 0, 254, +254,
// 00254 or nothing in front, with spaces, dashes, dots and parentheses, and
// with the common error 2540. Anything else is a KindUsage error that does not
// repeat the number.
func ParsePhone(text string) (Phone, error) {
	if isMSISDN(text) {
		return Phone{digits: text}, nil
	}
	hint := "write a Kenyan mobile number such as 0712345678, 0110345678 or +254712345678"
	var b strings.Builder
	for i, r := range strings.TrimSpace(text) {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '+' && i == 0, r == ' ', r == '-', r == '.', r == '(', r == ')':
		default:
			return Phone{}, Usage(fmt.Sprintf("phone: the character %q does not belong in a number", r), hint)
		}
	}
	digits := b.String()
	if digits == "" {
		return Phone{}, Usage("phone: the number is empty", hint)
	}
	digits = strings.TrimPrefix(digits, "00")
	digits = strings.TrimPrefix(digits, "254")
	digits = strings.TrimPrefix(digits, "0")
	if len(digits) != 9 {
		return Phone{}, Usage(fmt.Sprintf("phone: the number has %d digits after the country code, not 9", len(digits)), hint)
	}
	if digits[0] != '7' && digits[0] != '1' {
		return Phone{}, Usage("phone: not a Kenyan mobile number, which starts with 07 or 01", hint)
	}
	return Phone{digits: "254" + digits}, nil
}

// isMSISDN reports whether a text is a number as MSISDN spells it.
func isMSISDN(text string) bool {
	if len(text) != 12 || !strings.HasPrefix(text, "2547") && !strings.HasPrefix(text, "2541") {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// IsZero tells the zero value, which is no phone.
func (p Phone) IsZero() bool { return p.digits == "" }

// MSISDN returns the full number as Daraja wants it: 254 and 9 digits.
func (p Phone) MSISDN() string { return p.digits }

// MayBe reports whether a number as it arrived, often masked, can be this one: the
// digits that it shows are in their places, counted from its end. "" can be any. C2B v1
// hashes it instead (reference/daraja.md §9).
func (p Phone) MayBe(text string) bool {
	if len(text) == hashLength {
		return p.isHashOf(text)
	}
	text = strings.NewReplacer(" ", "", "-", "", "+", "").Replace(text)
	for i, j := len(text)-1, len(p.digits)-1; i >= 0 && j >= 0; i, j = i-1, j-1 {
		c := text[i]
		national := i == 0 && c == '0' // 0712345678
		if c >= '0' && c <= '9' && c != p.digits[j] && !national {
			return false
		}
	}
	return true
}

// E164 returns the full number as WasaaPay wants it: with a plus.
func (p Phone) E164() string {
	if p.digits == "" {
		return ""
	}
	return "+" + p.digits
}

// String returns the masked form, such as 2547*****678, so that printing a
// Phone by mistake reveals nobody.
func (p Phone) String() string {
	if len(p.digits) != 12 {
		return ""
	}
	return p.digits[:4] + "*****" + p.digits[9:]
}

// GoString masks too: %#v must not reveal more than %v.
func (p Phone) GoString() string { return "payment.Phone(" + p.String() + ")" }

// Format prints the masked form whatever the verb: without it, %d and %x would
// print the field inside.
func (p Phone) Format(s fmt.State, verb rune) {
	text := p.String()
	if verb == 'v' && s.Flag('#') {
		text = p.GoString()
	}
	if verb != 'q' {
		verb = 's'
	}
	_, _ = fmt.Fprintf(s, fmt.FormatString(s, verb), text)
}

// LikelySafaricom guesses from the prefix whether the line is on M-PESA's own
// network. Numbers are portable, so a false is worth a warning and no more
// (reference/daraja.md §9). All 01 numbers that other networks are not known
// to hold pass.
func (p Phone) LikelySafaricom() bool {
	if len(p.digits) != 12 {
		return false
	}
	prefix := p.digits[3:6]
	switch {
	case p.digits[3] == '1':
		return prefix < "100" || prefix > "108"
	case prefix <= "729", prefix >= "790":
		return true
	}
	switch prefix {
	case "740", "741", "742", "743", "745", "746", "748", "757", "758", "759", "768", "769":
		return true
	}
	return false
}

// MaskDigits hides phone numbers inside other text, such as a
// CheckoutRequestID, whose last 9 digits are the payer's national number
// (reference/daraja.md §3.3): in every run of 9 or more digits that ends with
// a mobile number, the middle of that number becomes stars. A run that is a time
// of this century, as Daraja writes them (20260102030405, reference/daraja.md
// §3.2), is left alone, and so are the digits of a long hexadecimal word: a
// signature or an id that lost some of them would be worth nothing. A SHA-256 in
// hexadecimal that is no signature may be a number's and is hidden all but its
// start. Numbers in groups are hidden too, and the digits of every script count.
// For logs, errors and text for people; the ledger and JSON ids keep the whole.
func MaskDigits(text string) string {
	ascii := asciiDigits(text)
	masked := maskASCII(ascii)
	if len(ascii) == len(text) {
		return masked // every other digit is longer
	}
	return restored(text, masked)
}

// maskASCII is MaskDigits for text whose digits are ASCII.
func maskASCII(text string) string {
	out := []byte(text)
	for start := 0; start < len(out); {
		end, letters := hexWord(text, start)
		switch {
		case letters > 0 && isHash(text, start, end):
			maskHash(out[end-hashLength : end])
		case letters < hexLetters || end-start < hexLength:
			maskRuns(out[start:end])
		}
		start = max(end, start+1)
	}
	maskGroups(out, text)
	return string(out)
}

// A hexadecimal word is told from a number with a letter or two beside it by its
// length and by how many of its digits are letters.
const (
	hexLength  = 20
	hexLetters = 4
)

// hexWord returns where the hexadecimal digits from start on end, and how many of
// them are letters.
func hexWord(text string, start int) (end, letters int) {
	for end = start; end < len(text); end++ {
		switch c := text[end]; {
		case c >= '0' && c <= '9':
		case c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
			letters++
		default:
			return end, letters
		}
	}
	return end, letters
}

// maskRuns masks the numbers that runs of digits end with.
func maskRuns(out []byte) {
	for start := 0; start < len(out); {
		if out[start] < '0' || out[start] > '9' {
			start++
			continue
		}
		end := start
		for end < len(out) && out[end] >= '0' && out[end] <= '9' {
			end++
		}
		if end-start >= 9 && (out[end-9] == '7' || out[end-9] == '1') && !isTimestamp(string(out[start:end])) {
			for i := end - 8; i < end-3; i++ {
				out[i] = '*'
			}
		}
		start = end
	}
}

// isTimestamp tells a yyyyMMddHHmmss of this century from digits that end with a
// phone number: no prefix before one makes fourteen digits that begin with 20.
func isTimestamp(digits string) bool {
	if len(digits) != 14 || !strings.HasPrefix(digits, "20") {
		return false
	}
	_, err := time.Parse("20060102150405", digits)
	return err == nil
}
