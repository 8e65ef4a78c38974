package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// encode gives a value's JSON on one line, without HTML escapes and without
// the control characters (DEL and the C1 range) that encoding/json leaves raw.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("printing JSON: %w", err)
	}
	return escapeControls(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil
}

// escapeControls writes DEL and C1 characters as \u00xx. In JSON text they can
// only stand inside strings, where the escape means the same.
func escapeControls(data []byte) []byte {
	if bytes.IndexByte(data, 0x7f) < 0 && bytes.IndexByte(data, 0xc2) < 0 {
		return data
	}
	out := make([]byte, 0, len(data)+16)
	for i := 0; i < len(data); i++ {
		switch {
		case data[i] == 0x7f:
			out = append(out, `\u007f`...)
		case data[i] == 0xc2 && i+1 < len(data) && data[i+1] < 0xa0:
			out = fmt.Appendf(out, `\u%04x`, data[i+1])
			i++
		default:
			out = append(out, data[i])
		}
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
