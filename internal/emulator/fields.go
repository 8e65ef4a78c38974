package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// field is one member of a flat JSON object as it was sent.
type field struct {
	name string
	// kind is '"' for a string, '0' for a number, 't' for a boolean, 'n' for null, '{' or '[' for the rest, 0 for a
	// member that was not sent.
	kind byte
	text string // the string's content, the number's digits, or the raw text
}

// fields are the members of one request, in the order in which they were sent.
type fields []field

var (
	errNotJSON   = errors.New("the body is not JSON")
	errNotObject = errors.New("the body is not a JSON object")
)

// parseFields reads a JSON object. Names are compared exactly, and of two equal ones the last counts.
func parseFields(body []byte) (fields, error) {
	if found, ok := plainFields(body); ok {
		return found, nil
	}
	if !json.Valid(body) {
		return nil, errNotJSON
	}
	rest := bytes.TrimSpace(body)
	if rest[0] != '{' {
		return nil, errNotObject
	}
	rest = skipSpace(rest[1:])
	found := make(fields, 0, 12)
	for rest[0] != '}' {
		name, after := cutValue(rest)
		rest = skipSpace(skipSpace(after)[1:]) // the colon
		value, after := cutValue(rest)
		found = append(found, makeField(unquote(name), value))
		rest = skipSpace(after)
		if rest[0] == ',' {
			rest = skipSpace(rest[1:])
		}
	}
	return found, nil
}

func makeField(name string, value []byte) field {
	switch first := value[0]; first {
	case '"':
		return field{name: name, kind: '"', text: unquote(value)}
	case 't', 'f':
		return field{name: name, kind: 't', text: string(value)}
	case 'n', '{', '[':
		return field{name: name, kind: first, text: string(value)}
	default:
		return field{name: name, kind: '0', text: string(value)}
	}
}

func skipSpace(text []byte) []byte {
	i := 0
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
		i++
	}
	return text[i:]
}

// cutValue splits valid JSON after its first value.
func cutValue(text []byte) (value, rest []byte) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i)
			if depth == 0 {
				return text[:i+1], text[i+1:]
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return text[:i], text[i:]
			}
			if depth--; depth == 0 {
				return text[:i+1], text[i+1:]
			}
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return text[:i], text[i:]
			}
		}
	}
	return text, nil
}

// stringEnd is the index of the quote that ends the string beginning at i.
func stringEnd(text []byte, i int) int {
	for i++; i < len(text)-1 && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}

func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return strings.ToValidUTF8(string(quoted[1:len(quoted)-1]), "\uFFFD")
	}
	var text string
	if json.Unmarshal(quoted, &text) != nil {
		return ""
	}
	return text
}

// get returns the member called name; its kind is 0 when it was not sent.
func (f fields) get(name string) field {
	for i := len(f) - 1; i >= 0; i-- {
		if f[i].name == name {
			return f[i]
		}
	}
	return field{name: name}
}

// first returns the first of the names that was sent.
func (f fields) first(names ...string) field {
	for _, name := range names {
		if found := f.get(name); found.kind != 0 {
			return found
		}
	}
	return field{name: names[0]}
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
