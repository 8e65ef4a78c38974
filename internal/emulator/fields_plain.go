package emulator

// plainFields reads the objects that nearly all requests are, in one pass: flat, with ASCII strings without escapes and
// with whole numbers. Anything else, right or wrong, is left to the full reader.
func plainFields(body []byte) (fields, bool) {
	rest := skipSpace(body)
	if len(rest) == 0 || rest[0] != '{' {
		return nil, false
	}
	found := make(fields, 0, 12)
	for {
		name, after, ok := plainString(skipSpace(rest[1:])) // behind the brace or the comma
		if !ok {
			return nil, false
		}
		after = skipSpace(after)
		if len(after) == 0 || after[0] != ':' {
			return nil, false
		}
		f, after, ok := plainValue(skipSpace(after[1:]))
		if !ok {
			return nil, false
		}
		f.name = string(name)
		found = append(found, f)
		rest = skipSpace(after)
		switch {
		case len(rest) > 0 && rest[0] == ',':
		case len(rest) > 0 && rest[0] == '}' && len(skipSpace(rest[1:])) == 0:
			return found, true
		default:
			return nil, false
		}
	}
}

// plainString reads a string of printable ASCII without escapes.
func plainString(text []byte) (content, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, nil, false
	}
	for i := 1; i < len(text); i++ {
		switch b := text[i]; {
		case b == '"':
			return text[1:i], text[i+1:], true
		case b < ' ' || b == '\\' || b > '~':
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// plainValue reads a plain string, a whole number or null.
func plainValue(text []byte) (f field, rest []byte, ok bool) {
	if len(text) == 0 {
		return field{}, nil, false
	}
	if text[0] == '"' {
		content, rest, ok := plainString(text)
		return field{kind: '"', text: string(content)}, rest, ok
	}
	if len(text) >= 4 && string(text[:4]) == "null" {
		return field{kind: 'n', text: "null"}, text[4:], true
	}
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	if i == 0 || i > 1 && text[0] == '0' {
		return field{}, nil, false
	}
	return field{kind: '0', text: string(text[:i])}, text[i:], true
}
