package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// field is one member of a JSON object as it was sent.
type field struct {
	// kind is '"' for a string, '0' for a number, 't' for a boolean, 'n' for null, '{' or '[' for the rest, 0 for a
	// member that was not sent.
	kind byte
	text string // the string's content, the number's digits, or the raw text
}

// fields are the members of one request. Names are compared exactly, and of two equal ones the last counts.
type fields map[string]json.RawMessage

var (
	errNotJSON   = errors.New("the body is not JSON")
	errNotObject = errors.New("the body is not a JSON object")
)

// parseFields reads a JSON object.
func parseFields(body []byte) (fields, error) {
	var found fields
	if err := json.Unmarshal(body, &found); err == nil && found != nil {
		return found, nil
	}
	if json.Valid(body) {
		return nil, errNotObject
	}
	return nil, errNotJSON
}

// get returns the member called name; its kind is 0 when it was not sent.
func (f fields) get(name string) field {
	raw := f[name]
	if len(raw) == 0 {
		return field{}
	}
	switch raw[0] {
	case '"':
		return field{'"', unquote(raw)}
	case 't', 'f':
		return field{'t', string(raw)}
	case 'n', '{', '[':
		return field{raw[0], string(raw)}
	default:
		return field{'0', string(raw)}
	}
}

// unquote returns the content of a string that was read as JSON once already. Few have escapes.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return strings.ToValidUTF8(string(raw[1:len(raw)-1]), "\uFFFD")
	}
	var text string
	_ = json.Unmarshal(raw, &text)
	return text
}

// first returns the first of the names that was sent.
func (f fields) first(names ...string) field {
	for _, name := range names {
		if found := f.get(name); found.kind != 0 {
			return found
		}
	}
	return field{}
}

// plain is the content of a string or number, trimmed of nothing; anything else is empty.
func (f field) plain() string {
	if f.kind == '"' || f.kind == '0' {
		return f.text
	}
	return ""
}

// missing tells that the member was not sent, is null, or is an empty string.
func (f field) missing() bool {
	return f.kind == 0 || f.kind == 'n' || f.kind == '"' && f.text == ""
}

// digits tells whether text is between low and high decimal digits and nothing else.
func digits(text string, low, high int) bool {
	if len(text) < low || len(text) > high {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}
