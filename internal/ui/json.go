package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/payment"
)

// encode gives a value's JSON on one line, without HTML escapes and without
// the characters that encoding/json leaves raw and a terminal obeys.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("printing JSON: %w", err)
	}
	return escapeControls(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil
}

// escapeControls writes DEL, C1 characters and those that deceive the eye (bidirectional
// controls, tags) as \u escapes. In JSON text they can only stand inside strings, where
// the escape means the same.
func escapeControls(data []byte) []byte {
	plain := true
	for _, c := range data {
		if c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return data
	}
	out := make([]byte, 0, len(data)+16)
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r >= 0x7f && r < 0xa0 || r <= 0xffff && payment.Deceives(r):
			out = fmt.Appendf(out, `\u%04x`, r)
		case payment.Deceives(r):
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = append(out, data[i:i+size]...)
		}
		i += size
	}
	return out
}

// indent lays JSON out for the eye; what cannot be laid out stays as it is.
func indent(data []byte) []byte {
	var buf bytes.Buffer
	if err := json.Indent(&buf, data, "", "  "); err != nil {
		return data
	}
	return buf.Bytes()
}
