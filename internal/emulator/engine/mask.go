package engine

import (
	"regexp"
	"sync"
)

// masks finds what must not be shown. The patterns are compiled when first
// needed: every command pays for what is done at start-up.
var masks = sync.OnceValue(func() (m struct{ secret, token, checkout, phone, local *regexp.Regexp }) { //nolint:gochecknoglobals // compiled once
	// A JSON member whose value opens something.
	m.secret = regexp.MustCompile(`("(?i:access_token|Password|SecurityCredential|Passkey|token|secret|api_?key)"\s*:\s*")([^"]*)(")`)
	// The token that one refusal repeats (reference/daraja.md §3.4, 401.002.01).
	m.token = regexp.MustCompile(`(Invalid Access Token - )([A-Za-z0-9._~+/=-]+)`)
	// A checkout id ends in the nine national digits of the payer (reference/daraja.md §3.3).
	m.checkout = regexp.MustCompile(`(ws_CO_\d{15,17}[17]\d{2})\d{3}(\d{3})\b`)
	// An MSISDN in full, wherever it stands alone.
	m.phone = regexp.MustCompile(`\b(254[17]\d{2})\d{3}(\d{3})\b`)
	m.local = regexp.MustCompile(`\b(0[17]\d{2})\d{3}(\d{3})\b`)
	return m
})

// maskSecrets hides tokens and credentials, keeping at most the last four characters.
func maskSecrets(text string) string {
	text = masks().secret.ReplaceAllString(text, "${1}***${3}")
	return masks().token.ReplaceAllString(text, "${1}***")
}

// MaskPhones hides the middle of every phone number, also inside checkout ids.
func MaskPhones(text string) string {
	text = masks().checkout.ReplaceAllString(text, "${1}***${2}")
	text = masks().phone.ReplaceAllString(text, "${1}***${2}")
	return masks().local.ReplaceAllString(text, "${1}***${2}")
}

// Masked returns x fit to be shown; full leaves phone numbers as they are.
func Masked(x Exchange, full bool) Exchange {
	for _, text := range []*string{&x.URL, &x.RequestBody, &x.ResponseBody, &x.Reason, &x.PaymentID} {
		*text = maskSecrets(*text)
		if !full {
			*text = MaskPhones(*text)
		}
	}
	return x
}
