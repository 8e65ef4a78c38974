package wasaapay

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// Explainer knows WasaaPay's words.
type Explainer struct{}

// APIs implements payment.Explainer: WasaaPay has one.
func (Explainer) APIs() []string { return nil }

// Codes implements payment.Explainer.
func (Explainer) Codes() []string {
	var out []string
	for _, e := range Catalogue() {
		if e.Code != "" && !slices.Contains(out, e.Code) {
			out = append(out, e.Code)
		}
	}
	return out
}

// Explain implements payment.Explainer.
func (Explainer) Explain(code string, q payment.CodeQuery) []payment.Meaning {
	if m, known := Explain(code); known && q.API == "" {
		return []payment.Meaning{m.meaning()}
	}
	return nil
}

func (m Meaning) meaning() payment.Meaning {
	retry := "no"
	if m.Retryable {
		retry = "yes, the same call"
	}
	return payment.Meaning{Provider: payment.WasaaPay, Final: m.Final, Text: m.Title, Retry: retry, Next: m.Advice, Source: m.Source()}
}

// telling are the members of WasaaPay's documents that say something: the envelope of
// reference/wasaapay.md §5, an event's name, a deposit's status.
type telling struct {
	Event  string `json:"event"`
	Status any    `json:"status"`
	Data   struct {
		Status        string `json:"status"`
		FailureReason string `json:"failureReason"`
	} `json:"data"`
	StatusCode any `json:"statusCode"`
}

// maxTelling is how many braces of a line are tried for the start of a payload.
const maxTelling = 16

// ExplainPayload implements payment.Explainer. A log may have put the payload anywhere in
// its line. Without being told whose it is, only the name of one of WasaaPay's events is
// proof enough.
func (Explainer) ExplainPayload(text []byte, named bool, _ payment.CodeQuery) (payment.Explained, bool) {
	if bytes.IndexByte(text, '{') < 0 {
		if !named {
			return payment.Explained{}, false
		}
		return explainWord(strings.Fields(string(text)))
	}
	for range maxTelling {
		start := bytes.IndexByte(text, '{')
		if start < 0 {
			break
		}
		text = text[start:]
		p, length := readTelling(text)
		if e, found := p.explain(named); found {
			return e, true
		}
		text = text[length:]
	}
	return payment.Explained{}, false
}

// readTelling reads the document that a text begins with and how long it is. Members of
// another shape than documented are left out; what is no document is one byte long.
func readTelling(text []byte) (telling, int) {
	var p telling
	d := json.NewDecoder(bytes.NewReader(text))
	var shape *json.UnmarshalTypeError
	if err := d.Decode(&p); err != nil && !errors.As(err, &shape) {
		return telling{}, 1
	}
	return p, int(d.InputOffset())
}

func (p telling) explain(named bool) (payment.Explained, bool) {
	words := []string{p.Event}
	if named {
		words = append(words, p.Data.Status)
		for _, v := range []any{p.Status, p.StatusCode} {
			if text, err := json.Marshal(v); err == nil {
				words = append(words, strings.Trim(string(text), `"`))
			}
		}
	}
	e, found := explainWord(words)
	if found {
		e.Message = payment.MaskDigits(p.Data.FailureReason)
	}
	return e, found
}

// explainWord explains the first word that the catalogue knows.
func explainWord(words []string) (payment.Explained, bool) {
	for _, word := range words {
		if m, known := Explain(strings.Trim(word, `",;:()[]`)); known && word != "" {
			return payment.Explained{Code: m.Code, Meanings: []payment.Meaning{m.meaning()}}, true
		}
	}
	return payment.Explained{}, false
}
