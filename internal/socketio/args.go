package socketio

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// splitArray cuts a valid JSON array into its elements without copying them.
func splitArray(data []byte) ([]json.RawMessage, error) {
	data = bytes.TrimSpace(data)
	if len(data) < 2 || data[0] != '[' {
		return nil, fmt.Errorf("%w: not an array", ErrMalformed)
	}
	inner := data[1 : len(data)-1]
	elements := make([]json.RawMessage, 0, 2)
	for len(bytes.TrimSpace(inner)) > 0 {
		if len(elements) == maxArgs {
			return nil, fmt.Errorf("%w: more than %d arguments", ErrMalformed, maxArgs)
		}
		end := elementEnd(inner)
		elements = append(elements, json.RawMessage(bytes.TrimSpace(inner[:end])))
		inner = inner[min(end+1, len(inner)):]
	}
	return elements, nil
}

// elementEnd is the index of the comma after the first element, or the length.
func elementEnd(data []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == ',' && depth == 0:
			return i
		}
	}
	return len(data)
}

// splitEvent cuts an event's payload into its name and arguments. A numeric
// name, which the npm server allows, is given as its text.
func splitEvent(data []byte) (string, []json.RawMessage, error) {
	elements, err := splitArray(data)
	if err != nil {
		return "", nil, err
	}
	if len(elements) == 0 {
		return "", nil, fmt.Errorf("%w: event without a name", ErrMalformed)
	}
	head := elements[0]
	if c := firstByte(head); c == '-' || (c >= '0' && c <= '9') {
		return string(head), elements[1:], nil
	}
	var name string
	if err := json.Unmarshal(head, &name); err != nil || firstByte(head) != '"' {
		return "", nil, fmt.Errorf("%w: event name is not a string", ErrMalformed)
	}
	if reservedEvent(name) {
		return "", nil, fmt.Errorf("%w: event name %q is reserved", ErrMalformed, name)
	}
	return name, elements[1:], nil
}

// encodeArgs writes arguments as a JSON array, without HTML escapes. The error
// does not quote the values: one of them may be a secret.
func encodeArgs(args []any) (json.RawMessage, error) {
	if args == nil {
		args = []any{}
	}
	return encodeJSON(args, "arguments")
}

func encodeJSON(v any, what string) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("socket.io: %s cannot be written as json", what)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func firstByte(data []byte) byte {
	for _, c := range data {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}
