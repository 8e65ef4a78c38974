package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// msisdn is a Kenyan mobile number in full, 254 and nine digits (reference/daraja.md §9).
type msisdn uint64

// parseMSISDN reads the wire form, 254[17] and eight digits, and nothing else.
func parseMSISDN(text string) (msisdn, bool) {
	if !digits(text, 12, 12) || !strings.HasPrefix(text, "254") || text[3] != '1' && text[3] != '7' {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return msisdn(n), err == nil
}

// looseMSISDN reads what people type: 07…, 7…, +254… and spaces.
func looseMSISDN(text string) (msisdn, bool) {
	text = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "").Replace(text)
	text = strings.TrimPrefix(strings.TrimPrefix(text, "+"), "00")
	switch {
	case len(text) == 10 && text[0] == '0':
		text = "254" + text[1:]
	case len(text) == 9:
		text = "254" + text
	}
	return parseMSISDN(text)
}

func (m msisdn) full() string { return strconv.FormatUint(uint64(m), 10) }

// short hides the middle, for logs and views.
func (m msisdn) short() string { return maskPhones(m.full()) }

func (m msisdn) shown(full bool) string {
	if full {
		return m.full()
	}
	return m.short()
}

// masked is the form of C2B version 2 (reference/daraja.md §10.1).
func (m msisdn) masked() string {
	text := m.full()
	return text[:4] + " ***** " + text[9:]
}

// starred is the form reported for masked STK callbacks (reference/daraja.md §4.1).
func (m msisdn) starred() string {
	text := m.full()
	return text[:6] + "***" + text[9:]
}

// hashed is the form of C2B version 1 (reference/daraja.md §9).
func (m msisdn) hashed() string {
	sum := sha256.Sum256([]byte(m.full()))
	return hex.EncodeToString(sum[:])
}

// name is an invented first and last name that always belongs to the same number.
func (m msisdn) name() (first, last string) {
	n := mix(uint64(m))
	firsts := []string{"AMINA", "BARAKA", "CHEBET", "DALMAS", "ESTHER", "FATUMA", "GITAU", "HALIMA", "IMANI", "JUMA", "KIPTOO", "LULU"}
	lasts := []string{"MFANO", "JARIBIO", "KIELELEZO", "MAJARIBIO", "SAMPULI", "TARATIBU", "MAZOEZI", "KUIGIZA"}
	return firsts[n%uint64(len(firsts))], lasts[n>>8%uint64(len(lasts))]
}
