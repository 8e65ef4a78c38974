package engine

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// masks finds secrets. The patterns are compiled when first
// needed: every command pays for what is done at start-up.
var masks = sync.OnceValue(func() (m struct{ secret, token *regexp.Regexp }) { //nolint:gochecknoglobals // compiled once
	// A JSON member whose value opens something.
	m.secret = regexp.MustCompile(`("(?i:access_token|Password|SecurityCredential|Passkey|token|secret|api_?key)"\s*:\s*")([^"]*)(")`)
	// The token that one refusal repeats (reference/daraja.md §3.4, 401.002.01).
	m.token = regexp.MustCompile(`(Invalid Access Token - )([A-Za-z0-9._~+/=-]+)`)
	return m
})

// maskSecrets hides tokens and credentials, keeping at most the last four characters. A pattern is tried only where it
// could match: every line of the log is masked.
func maskSecrets(text string) string {
	if strings.Count(text, `"`) >= 4 {
		text = masks().secret.ReplaceAllString(text, "${1}***${3}")
	}
	if strings.Contains(text, "Invalid Access Token - ") {
		text = masks().token.ReplaceAllString(text, "${1}***")
	}
	return text
}

// MaskPhones hides the middle of every phone number, also inside checkout ids, and all but the start of a hash of one.
func MaskPhones(text string) string {
	var out []byte
	done := 0 // of the text, in out
	for start := 0; start < len(text); start++ {
		if !wordByte(text[start]) {
			continue
		}
		end := start
		for end < len(text) && wordByte(text[end]) {
			end++
		}
		if from, to := hiddenPart(text[start:end], start > 0 && text[start-1] == '='); to > 0 {
			out = append(append(out, text[done:start+from]...), "***"...)
			done = start + to
		}
		start = end
	}
	if done == 0 {
		return text
	}
	return string(append(out, text[done:]...))
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

// hiddenPart is what must not be shown of a word, nothing if to is 0.
func hiddenPart(word string, signed bool) (from, to int) {
	n := len(word)
	switch {
	case n == 12 && (strings.HasPrefix(word, "2547") || strings.HasPrefix(word, "2541")) && allOf(word, '9'):
		return 6, 9 // an MSISDN in full
	case n == 10 && (strings.HasPrefix(word, "07") || strings.HasPrefix(word, "01")) && allOf(word, '9'):
		return 4, 7
	case n == 64 && !signed && allOf(word, 'f'):
		return 2, n // the SHA-256 of an MSISDN (reference/daraja.md §9) tells as much; a signature has sha256= in front
	}
	// A checkout id ends in the nine national digits of the payer (reference/daraja.md §3.3).
	if at := strings.LastIndex(word, "ws_CO_"); at >= 0 {
		digits := word[at+len("ws_CO_"):]
		if d := len(digits); d >= 24 && d <= 26 && allOf(digits, '9') && (digits[d-9] == '7' || digits[d-9] == '1') {
			return n - 6, n - 3
		}
	}
	return 0, 0
}

// allOf reports whether all of a word are digits, or small hexadecimal ones up to last.
func allOf(word string, last byte) bool {
	for i := range len(word) {
		if c := word[i]; (c < '0' || c > '9') && (c < 'a' || c > last) {
			return false
		}
	}
	return true
}

// Masked returns x fit to be shown; full leaves phone numbers as they are. A body that is JSON stays JSON.
func Masked(x Exchange, full bool) Exchange {
	for _, text := range []*string{&x.RequestBody, &x.ResponseBody} {
		*text = maskBody(*text, full)
	}
	for _, text := range []*string{&x.URL, &x.Reason, &x.PaymentID} {
		*text = maskText(*text, full)
	}
	return x
}

func maskText(text string, full bool) string {
	text = maskSecrets(text)
	if full {
		return text
	}
	return MaskPhones(text)
}

func maskBody(text string, full bool) string {
	if !json.Valid([]byte(text)) {
		return maskText(text, full)
	}
	var out strings.Builder
	secret := false // the next value belongs to a secret name
	for len(text) > 0 {
		token := jsonToken(text)
		text = text[len(token):]
		switch first := token[0]; {
		case first == '"' && strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), ":"):
			secret = isSecret(token)
			out.WriteString(token)
		case first == '"' && secret:
			out.WriteString(`"***"`)
			secret = false
		case first == '"':
			out.WriteString(maskText(token, full)) // digits and stars need no escapes
		case first == '-' || first >= '0' && first <= '9':
			shown := token
			if secret {
				shown = "***"
			} else if !full {
				shown = MaskPhones(token)
			}
			if shown != token {
				shown = `"` + shown + `"`
			}
			out.WriteString(shown)
			secret = false
		default:
			if first == '{' || first == '[' {
				secret = false
			}
			out.WriteString(token)
		}
	}
	return out.String()
}

// jsonToken is the first token of valid JSON: a string, a number, or one other byte.
func jsonToken(text string) string {
	end := 1
	switch first := text[0]; {
	case first == '"':
		for text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		end++
	case first == '-' || first >= '0' && first <= '9':
		for end < len(text) && strings.IndexByte("0123456789+-.eE", text[end]) >= 0 {
			end++
		}
	}
	return text[:end]
}

// isSecret reports whether the quoted name of a member is one whose value opens something.
func isSecret(quoted string) bool {
	switch strings.ToLower(strings.Trim(quoted, `"`)) {
	case "access_token", "password", "securitycredential", "passkey", "token", "secret", "api_key", "apikey":
		return true
	}
	return false
}

// clip bounds a body that is kept. What is left of a long JSON body stands, its secrets out, in an object that says so.
func clip(body string) string {
	if len(body) <= maxLogged {
		return body
	}
	isJSON := json.Valid([]byte(body))
	if isJSON {
		body = maskBody(body, true)
	}
	head := body[:maxLogged]
	if at := strings.LastIndexByte(head, ','); at > maxLogged/2 { // or a number that is cut in two is not seen as a phone's
		head = head[:at]
	}
	for !utf8.ValidString(head[max(len(head)-utf8.UTFMax, 0):]) && len(head) > maxLogged-utf8.UTFMax {
		head = head[:len(head)-1]
	}
	if !isJSON {
		return head + "…"
	}
	return string(Encode(struct {
		Clipped string `json:"payctl_clipped"`
		Bytes   int    `json:"bytes"`
	}{head, len(body)}))
}
