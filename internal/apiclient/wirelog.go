package apiclient

import (
	"bytes"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// Exchange is one line of the wire log, with everything secret taken out.
type Exchange struct {
	Method   string `json:"method"`
	URL      string `json:"url"`
	Request  string `json:"request"`
	Status   int    `json:"status"`
	Response string `json:"response"`
}

// maxLogged bounds a body in the wire log, in bytes.
const maxLogged = 4096

// secretMember finds JSON members whose value must not be logged, by the names
// that Daraja and WasaaPay use.
var secretMember = sync.OnceValue(func() *regexp.Regexp { //nolint:gochecknoglobals // compiled once
	return regexp.MustCompile(`(?i)("(?:password|passkey|securitycredential|access_token|apikey|api_key|secret|token|signature|authorization)"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}\s]+)`)
})

// bearerText finds tokens inside error texts
// ("Invalid Access Token - <token>", reference/daraja.md §3.4).
var bearerText = sync.OnceValue(func() *regexp.Regexp { //nolint:gochecknoglobals // compiled once
	return regexp.MustCompile(`(?i)(access token - )[A-Za-z0-9._~+/=-]+`)
})

// callbackMember finds the addresses that Daraja is given: the last segment of
// their paths is a deposit's or a query's secret, and who knows it can forge the
// callback.
var callbackMember = sync.OnceValue(func() *regexp.Regexp { //nolint:gochecknoglobals // compiled once
	return regexp.MustCompile(`(?i)("(?:callbackurl|resulturl|queuetimeouturl)"\s*:\s*"[^"]*/)[^"/]+`)
})

// callbackPath finds the listener's secret paths anywhere, the slashes as JSON
// and as URLs may write them.
var callbackPath = sync.OnceValue(func() *regexp.Regexp { //nolint:gochecknoglobals // compiled once
	const slash = `(?:\\?/|%2f)`
	return regexp.MustCompile(`(?i)(` + slash + `callbacks` + slash +
		`(?:daraja` + slash + `(?:stk|result|timeout|c2b` + slash + `(?:validation|confirmation))|wasaapay|sevi)` + slash + `)[^\s"'<>\\/?#&,;)}\]]+`)
})

// Redact returns a body for logs: secrets replaced, callback tokens among them,
// phone numbers masked, cut to 4096 bytes, control characters escaped.
func Redact(body []byte) string {
	cut := len(body) > maxLogged
	if cut {
		body = wholeWords(body[:maxLogged])
	}
	text := secretMember().ReplaceAllString(string(body), `$1"[redacted]"`)
	text = bearerText().ReplaceAllString(text, "$1[redacted]")
	text = callbackPath().ReplaceAllString(text, "$1[redacted]")
	text = callbackMember().ReplaceAllString(text, "$1[redacted]")
	text = payment.Escape(payment.MaskDigits(text))
	if cut {
		text += "…"
	}
	return text
}

// wholeWords returns a body that was cut without a last word that may be half a phone
// number, or half of its hash: it could not be told from another.
func wholeWords(body []byte) []byte {
	if short := bytes.TrimRight(body, "0123456789abcdefABCDEF"); len(body)-len(short) >= 9 {
		return short
	}
	return bytes.TrimRight(body, "0123456789")
}

func exchange(req *http.Request, sent []byte, resp *Response) Exchange {
	// What is cut comes after what is hidden: half a secret could not be told.
	return Exchange{
		Method:   req.Method,
		URL:      Redact([]byte(resp.Hide(req.URL.Scheme + "://" + req.URL.Host + req.URL.Path))),
		Request:  Redact(hideJSON(sent, resp.secrets)),
		Status:   resp.Status,
		Response: Redact(hideJSON(resp.Body, resp.secrets)),
	}
}

// RetryAfter reads the Retry-After header: seconds or an HTTP date. It returns
// false when the header is absent or unusable. The wait is never negative and
// never more than an hour.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), int(time.Hour/time.Second))) * time.Second, true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), time.Hour), true
}
