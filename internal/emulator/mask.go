package emulator

import "regexp"

var (
	// secretMember is a JSON member whose value opens something.
	secretMember = regexp.MustCompile(`("(?i:access_token|Password|SecurityCredential|Passkey|token|secret|api_?key)"\s*:\s*")([^"]*)(")`)
	// echoedToken is the token that one refusal repeats (reference/daraja.md §3.4, 401.002.01).
	echoedToken = regexp.MustCompile(`(Invalid Access Token - )([A-Za-z0-9._~+/=-]+)`)
	// phoneNumber is an MSISDN in full, wherever it stands alone.
	phoneNumber = regexp.MustCompile(`\b(254[17]\d{2})\d{3}(\d{3})\b`)
	localNumber = regexp.MustCompile(`\b(0[17]\d{2})\d{3}(\d{3})\b`)
	// checkoutID ends in the nine national digits of the payer (reference/daraja.md §3.3).
	checkoutID = regexp.MustCompile(`(ws_CO_\d{15,17}[17]\d{2})\d{3}(\d{3})\b`)
)

// maskSecrets hides tokens and credentials, keeping at most the last four characters.
func maskSecrets(text string) string {
	text = secretMember.ReplaceAllString(text, "${1}***${3}")
	return echoedToken.ReplaceAllString(text, "${1}***")
}

// maskPhones hides the middle of every phone number, also inside checkout ids.
func maskPhones(text string) string {
	text = checkoutID.ReplaceAllString(text, "${1}***${2}")
	text = phoneNumber.ReplaceAllString(text, "${1}***${2}")
	return localNumber.ReplaceAllString(text, "${1}***${2}")
}

// masked returns x fit to be shown; full leaves phone numbers as they are.
func masked(x Exchange, full bool) Exchange {
	for _, text := range []*string{&x.URL, &x.RequestBody, &x.ResponseBody, &x.Reason, &x.PaymentID} {
		*text = maskSecrets(*text)
		if !full {
			*text = maskPhones(*text)
		}
	}
	return x
}
