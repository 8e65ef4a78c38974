package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/wasaapay"
)

// piped finds codes in what is piped in: one payload, or a log whose
// lines are looked at one by one: an array under json, however many hold a code.
// An unknown code is shown and is exit 5.
func (v *explain) piped(ctx context.Context, id payment.ProviderID) error {
	raw, err := readAll(v.env.stdin(ctx), maxPayload, "stdin")
	if err != nil {
		return err
	}
	pieces := explainPieces(raw)
	views := []explainView{}
	for i, piece := range pieces {
		if err := ctx.Err(); err != nil {
			return err
		}
		shown, found := v.piece(id, piece)
		if !found {
			continue
		}
		if len(pieces) > 1 {
			line := i + 1
			shown.Line = &line
		}
		views = append(views, shown)
	}
	switch {
	case len(views) == 0:
		return usagef("pipe in a callback, an answer, or a log line that holds a code", "stdin: holds no result or error code")
	case len(pieces) == 1:
		err = v.out.One(views[0])
	default:
		err = several(v.out, views)
	}
	if i := slices.IndexFunc(views, func(s explainView) bool { return !s.Known }); i >= 0 {
		return v.ended(err, unknownCode(id, views[i].Code), "code "+payment.Line(views[i].Code, 200))
	}
	return err
}

// explainPieces is the whole input if it is one document, else its lines.
func explainPieces(raw []byte) [][]byte {
	trimmed := bytes.TrimSpace(raw)
	if json.Valid(trimmed) || bytes.HasPrefix(trimmed, []byte("<")) {
		return [][]byte{trimmed}
	}
	return bytes.Split(bytes.TrimRight(raw, "\r\n"), []byte("\n"))
}

func (v *explain) piece(id payment.ProviderID, piece []byte) (explainView, bool) {
	if id != payment.Daraja {
		if shown, found := explainWasaaPay(id, piece); found {
			return shown, true
		}
	}
	if id == payment.WasaaPay {
		return explainView{}, false
	}
	e, found := daraja.ExplainPayload(piece)
	if !found {
		return explainView{}, false
	}
	if v.api != "" {
		if narrowed, known := daraja.Explain(v.api, e.Code, e.Message); known {
			e = narrowed
		}
	}
	shown := explainView{Code: e.Code, Message: orNull(v.phoneText(e.Message)), Known: e.Meaning != "", Meanings: []meaningView{}}
	if shown.Known {
		m := newMeaning(e)
		m.Message = nil
		shown.Meanings = append(shown.Meanings, m)
	}
	return shown, true
}

// wasaaPaid are the members of WasaaPay's documents that say something: the
// envelope of reference/wasaapay.md §5, an event's name, a deposit's status.
type wasaaPaid struct {
	Event  string `json:"event"`
	Status any    `json:"status"`
	Data   struct {
		Status        string `json:"status"`
		FailureReason string `json:"failureReason"`
	} `json:"data"`
	StatusCode any `json:"statusCode"`
}

// maxWasaaPaid is how many braces of a line are tried for the start of a payload.
const maxWasaaPaid = 16

// explainWasaaPay reads a WasaaPay payload, which a log may have put anywhere in its
// line. Without being told whose it is, only the name of one of WasaaPay's events is
// proof enough.
func explainWasaaPay(id payment.ProviderID, piece []byte) (explainView, bool) {
	if bytes.IndexByte(piece, '{') < 0 {
		return explainWord(id, strings.Fields(string(piece)))
	}
	for range maxWasaaPaid {
		start := bytes.IndexByte(piece, '{')
		if start < 0 {
			break
		}
		piece = piece[start:]
		p, length := readWasaaPaid(piece)
		if v, found := explainWasaaPaid(id, p); found {
			return v, true
		}
		piece = piece[length:]
	}
	return explainView{}, false
}

// readWasaaPaid reads the document that a text begins with and how long it is. Members
// of another shape than documented are left out; what is no document is one byte long.
func readWasaaPaid(text []byte) (wasaaPaid, int) {
	var p wasaaPaid
	d := json.NewDecoder(bytes.NewReader(text))
	var shape *json.UnmarshalTypeError
	if err := d.Decode(&p); err != nil && !errors.As(err, &shape) {
		return wasaaPaid{}, 1
	}
	return p, int(d.InputOffset())
}

func explainWasaaPaid(id payment.ProviderID, p wasaaPaid) (explainView, bool) {
	words := []string{p.Event}
	if id == payment.WasaaPay {
		words = append(words, p.Data.Status)
		for _, v := range []any{p.Status, p.StatusCode} {
			if text, err := json.Marshal(v); err == nil {
				words = append(words, strings.Trim(string(text), `"`))
			}
		}
	}
	v, found := explainWord(payment.WasaaPay, words)
	if found && p.Data.FailureReason != "" {
		v.Message = orNull(payment.MaskDigits(p.Data.FailureReason))
	}
	return v, found
}

// explainWord explains the first word that WasaaPay's catalogue knows.
func explainWord(id payment.ProviderID, words []string) (explainView, bool) {
	if id != payment.WasaaPay {
		return explainView{}, false
	}
	for _, word := range words {
		if m, known := wasaapay.Explain(strings.Trim(word, `",;:()[]`)); known && word != "" {
			return explainView{Code: m.Code, Known: true, Meanings: []meaningView{newWasaaPayMeaning(m)}}, true
		}
	}
	return explainView{}, false
}
