package payment

import "strings"

// maskGroups hides, in out, the numbers that text has in groups, such as
// "+254 712 345 678", "0712-345-678" and "0712.345.678".
func maskGroups(out []byte, text string) {
	for start := 0; start < len(text); {
		end := endOfDigits(text, start)
		if end == start {
			start++
			continue
		}
		if last := endOfGroups(text, start, end); last > 0 {
			maskNational(out, text[:last])
			end = last
		}
		start = end
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func endOfDigits(text string, start int) int {
	for start < len(text) && isDigit(text[start]) {
		start++
	}
	return start
}

// maskNational hides, in out, the middle five of the nine digits that text ends with.
func maskNational(out []byte, text string) {
	for i, seen := len(text)-1, 0; seen < 8; i-- {
		if !isDigit(text[i]) {
			continue
		}
		if seen >= 3 {
			out[i] = '*'
		}
		seen++
	}
}

// maxPhone is the number of digits of the longest form, 00254 0 and nine.
const maxPhone = 15

// endOfGroups returns where a phone number ends that begins with the digits from
// start to end and goes on in groups, with single spaces, hyphens or dots
// between them, the same ones after the country code; 0 when there is none. It has a 0 or a country code in front,
// since nine bare digits in groups may be an amount (712.345.678); a 0 is followed by two or
// three digits, since "01-02-2026 10" is a time; no group is shorter than two;
// and no letter, digit or hyphen holds it to something longer, such as an id.
func endOfGroups(text string, start, end int) int {
	if bound(text, start-1, -1) {
		return 0
	}
	digits := text[start:end]
	if digits[0] == '0' && !strings.HasPrefix(digits, "00") && (len(digits) < 3 || len(digits) > 4) {
		return 0
	}
	separator := byte(0)
	for end < len(text) && (text[end] == ' ' || text[end] == '-' || text[end] == '.') {
		if separator != 0 && text[end] != separator {
			return 0
		}
		if digits != "254" && digits != "00254" {
			separator = text[end]
		}
		next := endOfDigits(text, end+1)
		digits += text[end+1 : next]
		if next-end-1 < 2 || len(digits) > maxPhone {
			return 0
		}
		end = next
		if isWholePhone(digits) && !bound(text, end, 1) {
			return end
		}
	}
	return 0
}

// isWholePhone tells a number with a 0 or the country code in front.
func isWholePhone(digits string) bool {
	national, ok := strings.CutPrefix(strings.TrimPrefix(digits, "00"), "254")
	if trimmed, zero := strings.CutPrefix(national, "0"); zero && (ok || !strings.HasPrefix(digits, "00")) {
		national, ok = trimmed, true
	}
	return ok && len(national) == 9 && (national[0] == '7' || national[0] == '1')
}

// bound reports whether the character at i, and for punctuation the one beyond it in
// direction step, make digits beside it part of something longer.
func bound(text string, i, step int) bool {
	if i >= 0 && i < len(text) && strings.IndexByte("-.,/", text[i]) >= 0 {
		i += step
	}
	return isWord(text, i)
}
