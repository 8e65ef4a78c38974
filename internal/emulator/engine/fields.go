package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// Field is one member of a JSON object as it was sent.
type Field struct {
	// Kind is '"' for a string, '0' for a number, 't' for a boolean, 'n' for null, '{' or '[' for the rest, 0 for a
	// member that was not sent.
	Kind byte
	Text string // the string's content, the number's digits, or the raw text
}

// Fields are the members of one request. Names are compared exactly, and of two equal ones the last counts.
type Fields map[string]json.RawMessage

var (
	errNotJSON   = errors.New("the body is not JSON")
	errNotObject = errors.New("the body is not a JSON object")
)

// ParseFields reads a JSON object.
func ParseFields(body []byte) (Fields, error) {
	var found Fields
	if err := json.Unmarshal(body, &found); err == nil && found != nil {
		return found, nil
	}
	if json.Valid(body) {
		return nil, errNotObject
	}
	return nil, errNotJSON
}

// Get returns the member called name; its kind is 0 when it was not sent.
func (f Fields) Get(name string) Field {
	raw := f[name]
	if len(raw) == 0 {
		return Field{}
	}
	switch raw[0] {
	case '"':
		return Field{'"', unquote(raw)}
	case 't', 'f':
		return Field{'t', string(raw)}
	case 'n', '{', '[':
		return Field{raw[0], string(raw)}
	default:
		return Field{'0', string(raw)}
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

// First returns the first of the names that was sent.
func (f Fields) First(names ...string) Field {
	for _, name := range names {
		if found := f.Get(name); found.Kind != 0 {
			return found
		}
	}
	return Field{}
}

// Plain is the content of a string or number, trimmed of nothing; anything else is empty.
func (f Field) Plain() string {
	if f.Kind == '"' || f.Kind == '0' {
		return f.Text
	}
	return ""
}

// Missing reports that the member was not sent, is null, or is an empty string.
func (f Field) Missing() bool {
	return f.Kind == 0 || f.Kind == 'n' || f.Kind == '"' && f.Text == ""
}

// Digits reports whether text is between low and high decimal digits and nothing else.
func Digits(text string, low, high int) bool {
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
