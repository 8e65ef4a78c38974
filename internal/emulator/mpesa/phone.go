package mpesa

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/emulator/engine"
)

// MSISDN is a Kenyan mobile number in full, 254 and nine digits (reference/daraja.md §9).
type MSISDN uint64

// ParseMSISDN reads the wire form, 254[17] and eight digits, and nothing else.
func ParseMSISDN(text string) (MSISDN, bool) {
	if !engine.Digits(text, 12, 12) || !strings.HasPrefix(text, "254") || text[3] != '1' && text[3] != '7' {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return MSISDN(n), err == nil
}

// LooseMSISDN reads what people type: 07…, 7…, +254… and spaces.
func LooseMSISDN(text string) (MSISDN, bool) {
	text = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "").Replace(text)
	text = strings.TrimPrefix(strings.TrimPrefix(text, "+"), "00")
	switch {
	case len(text) == 10 && text[0] == '0':
		text = "254" + text[1:]
	case len(text) == 9:
		text = "254" + text
	}
	return ParseMSISDN(text)
}

// Full is the number as the wire has it, 2547….
func (m MSISDN) Full() string { return strconv.FormatUint(uint64(m), 10) }

// short hides the middle, for logs and views.
func (m MSISDN) short() string { return engine.MaskPhones(m.Full()) }

// Shown is the number for a view: masked unless full.
func (m MSISDN) Shown(full bool) string {
	if full {
		return m.Full()
	}
	return m.short()
}

// Masked is the form of C2B version 2 (reference/daraja.md §10.1).
func (m MSISDN) Masked() string {
	text := m.Full()
	return text[:4] + " ***** " + text[9:]
}

// Starred is the form reported for masked STK callbacks (reference/daraja.md §4.1).
func (m MSISDN) Starred() string {
	text := m.Full()
	return text[:6] + "***" + text[9:]
}

// Hashed is the form of C2B version 1 (reference/daraja.md §9).
func (m MSISDN) Hashed() string {
	sum := sha256.Sum256([]byte(m.Full()))
	return hex.EncodeToString(sum[:])
}

// Name is an invented first and last name that always belongs to the same number.
func (m MSISDN) Name() (first, last string) {
	n := engine.Mix(uint64(m))
	firsts := []string{"AMINA", "BARAKA", "CHEBET", "DALMAS", "ESTHER", "FATUMA", "GITAU", "HALIMA", "IMANI", "JUMA", "KIPTOO", "LULU"}
	lasts := []string{"MFANO", "JARIBIO", "KIELELEZO", "MAJARIBIO", "SAMPULI", "TARATIBU", "MAZOEZI", "KUIGIZA"}
	return firsts[n%uint64(len(firsts))], lasts[n>>8%uint64(len(lasts))]
}
