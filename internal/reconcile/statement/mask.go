package statement

import "strings"

// Mask is what is visible of a phone number: the digits before the first star in
// international form, and the last three. How many digits the stars hide is not told
// by their number (reference/statements.md §2).
type Mask struct{ Prefix, Suffix string }

// NewMask reads a number as files have it: 25470****111, 070****222, 254727***578,
// "2547 ***** 126", or whole.
func NewMask(text string) Mask {
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9' || r == '*':
			return r
		case r == 'x', r == 'X', r == '•':
			return '*'
		}
		return -1
	}, text)
	star := strings.IndexByte(text, '*')
	prefix, suffix := text, ""
	if star >= 0 {
		prefix, suffix = text[:star], text[strings.LastIndexByte(text, '*')+1:]
	}
	prefix = strings.TrimPrefix(prefix, "00")
	if rest, ok := strings.CutPrefix(prefix, "0"); ok {
		prefix = "254" + rest
	} else if star < 0 && len(prefix) == 9 {
		prefix = "254" + prefix
	}
	if len(suffix) > 3 {
		suffix = suffix[len(suffix)-3:]
	}
	if star < 0 && len(prefix) != 12 {
		return Mask{}
	}
	return Mask{prefix, suffix}
}

// Empty reports whether nothing of a number is visible.
func (m Mask) Empty() bool { return m.Prefix == "" && m.Suffix == "" }

// Fits reports whether a number in international form may be the one behind the mask:
// compatible, which is no proof.
func (m Mask) Fits(msisdn string) bool {
	return !m.Empty() && len(msisdn) == 12 && strings.HasPrefix(msisdn, m.Prefix) && strings.HasSuffix(msisdn, m.Suffix)
}

// payer finds the number of whoever paid: in its own column, else in the text, after
// "from". A business has a short code there, which is no number.
func payer(party, details string) string {
	if phone := leading(party); phone != "" {
		return phone
	}
	text := lower(details)
	at := strings.Index(text, " from ")
	if at < 0 {
		return ""
	}
	return leading(strings.TrimLeft(details[min(len(details), at+len(" from ")):], " -–"))
}

// leading returns the digits and stars that text begins with, if they may be a phone.
func leading(text string) string {
	text = strings.TrimLeft(text, " +'")
	end := 0
	for end < len(text) && (isDigit(text[end]) || text[end] == '*') {
		end++
	}
	digits := text[:end]
	if len(digits) < 9 || !strings.HasPrefix(digits, "254") && !strings.HasPrefix(digits, "07") && !strings.HasPrefix(digits, "01") && !strings.HasPrefix(digits, "7") {
		return ""
	}
	return digits
}

// referenceIn takes the account reference from Details that end with "Acc. REF".
func referenceIn(details string) string {
	_, after, found := strings.Cut(details, " Acc.")
	if !found {
		return ""
	}
	if via := strings.Index(after, " via "); via >= 0 {
		after = after[:via]
	}
	return strings.TrimSpace(after)
}

// SameReference compares account references as people type them: letter case and
// blanks do not matter. A weak match differs by leading zeros, or is what a
// spreadsheet left of a long number (1E+11).
func SameReference(file, ledger string) (same, weak bool) {
	file, ledger = plainReference(file), plainReference(ledger)
	switch {
	case file == "" || ledger == "":
		return false, false
	case file == ledger:
		return true, false
	case strings.TrimLeft(file, "0") == strings.TrimLeft(ledger, "0"):
		return true, true
	}
	return ruinedAs(file, ledger), true
}

func plainReference(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\u00a0' || r == '\t' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// ruinedAs reports whether a number in scientific form may have been the digits.
func ruinedAs(file, digits string) bool {
	mantissa, exponent, found := strings.Cut(file, "e+")
	if !found {
		return false
	}
	lead, fraction, _ := strings.Cut(mantissa, ".")
	shown := lead + fraction
	if len(lead) != 1 || len(exponent) == 0 || strings.Trim(shown+exponent+digits, "0123456789") != "" {
		return false
	}
	size := 0
	for i := range len(exponent) {
		if size = size*10 + int(exponent[i]-'0'); size > 40 {
			return false
		}
	}
	return len(digits) == size+1 && len(shown) <= len(digits) && rounded(digits, len(shown)) == shown
}

// rounded returns the first n digits, rounded half up.
func rounded(digits string, n int) string {
	out := []byte(digits[:n])
	if n == len(digits) || digits[n] < '5' {
		return string(out)
	}
	for i := n - 1; i >= 0; i-- {
		if out[i] < '9' {
			out[i]++
			return string(out)
		}
		out[i] = '0'
	}
	return "1" + string(out[:n-1])
}

// normalReceipt is a receipt as it is compared.
func normalReceipt(text string) string {
	clean := true
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	return strings.ToUpper(strings.Trim(text, " \t\u00a0\u200b\ufeff'"))
}

// NormalReceipt returns a receipt as receipts are compared: in upper case, without
// blanks around it.
func NormalReceipt(text string) string { return normalReceipt(text) }
