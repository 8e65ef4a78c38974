// Package packing knows what people's files and servers put around a JSON body, and
// takes it off where that loses nothing. What a body says, and whether it is genuine, is
// left to others.
package packing

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
)

// Form is one thing that a body may be packed in.
type Form struct {
	// Name is short; Meaning says who packs so, and Fix what to do about it.
	Name, Meaning, Fix string

	unpack func(body []byte) []byte
}

// Forms returns the table, in the order in which they are looked for.
func Forms() []Form {
	return []Form{
		{"byte-order-marks", "byte order marks stand before the body", "write the file without a byte order mark", withoutMarks},
		{"utf-16", "the file is UTF-16, as PowerShell's > and Out-File write", "write it with -Encoding utf8NoBOM, or [IO.File]::WriteAllBytes", fromUTF16},
		{"gzip", "the body is still gzipped: the receiver's server did not unpack it", "unpack it first", gunzipped},
		{"json-string", "the body was encoded as JSON twice, as JSON.stringify of a text does", "decode the outer text once, or send the body as it is", jsonString},
		List(),
		{"form", "the body was sent or read as a form field, as PHP's $_POST and Express's urlencoded do", "read php://input, or use express.raw", formField},
		{"base64", "the body is in base64, as API Gateway gives binary bodies", "decode it when isBase64Encoded says so", fromBase64},
	}
}

// List is a list of bodies. It is taken off where it has one; others take it apart.
func List() Form {
	return Form{"json-array", "the body stands in a list, as batching queues do", "take each element's own bytes", onlyItem}
}

// LogPrefix is other text before a body. It is not taken off: where the body begins is
// for others to find.
func LogPrefix() Form {
	return Form{"log-prefix", "a log's prefix stands before the body", "cut the line at the first {", func([]byte) []byte { return nil }}
}

// Unpack returns the body in this form, nil where it is in another.
func (f Form) Unpack(body []byte) []byte { return f.unpack(body) }

// mostForms is how many forms may lie around each other.
const mostForms = 3

// Unpack takes off what lies around a body, and returns what was taken off, the outermost
// first; none where the body is in no form that is known.
func Unpack(body []byte) (inner []byte, undone []Form) {
	forms := Forms()
	for len(undone) < mostForms {
		i := slices.IndexFunc(forms, func(f Form) bool {
			unpacked := f.unpack(body)
			if unpacked != nil {
				body = unpacked
			}
			return unpacked != nil
		})
		if i < 0 {
			break
		}
		undone = append(undone, forms[i])
	}
	return body, undone
}

// Describe names what is taken off: "gzip: the body is still gzipped: …".
func Describe(undone []Form) string {
	words := make([]string, len(undone))
	for i, f := range undone {
		words[i] = f.Name + ": " + f.Meaning
	}
	return strings.Join(words, "; ")
}

// Odd names a body that cannot be a JSON object and is packed in no form either: an
// empty one, a page of HTML, XML or a log's line. "" is anything else.
func Odd(body []byte) string {
	text := bytes.TrimSpace(body)
	switch {
	case len(text) == 0:
		return "empty: there is no body, as when middleware has read it before, or a file was never written"
	case text[0] == '<':
		return "markup: the body is HTML or XML, as a proxy's page of an error is"
	case text[0] != '{' && text[0] != '[' && bytes.IndexByte(text, '{') > 0 && bytes.IndexByte(text, '}') > 0:
		return Describe([]Form{LogPrefix()})
	}
	return ""
}

func withoutMarks(body []byte) []byte {
	rest := body
	for bytes.HasPrefix(rest, []byte("\ufeff")) {
		rest = rest[len("\ufeff"):]
	}
	if len(rest) == len(body) {
		return nil
	}
	return rest
}

// fromUTF16 reads UTF-16 with a byte order mark, or that begins with a brace.
func fromUTF16(body []byte) []byte {
	if len(body) < 2 || len(body)%2 != 0 {
		return nil
	}
	big := body[0] == 0xfe && body[1] == 0xff || body[0] == 0 && body[1] == '{'
	if !big && (body[0] != 0xff || body[1] != 0xfe) && (body[0] != '{' || body[1] != 0) {
		return nil
	}
	units := make([]uint16, 0, len(body)/2)
	for i := 0; i+1 < len(body); i += 2 {
		unit := uint16(body[i]) | uint16(body[i+1])<<8
		if big {
			unit = uint16(body[i])<<8 | uint16(body[i+1])
		}
		if i > 0 || unit != 0xfeff {
			units = append(units, unit)
		}
	}
	return []byte(strings.TrimRight(string(utf16.Decode(units)), "\r\n"))
}

// mostUnpacked bounds a gzipped body, in bytes.
const mostUnpacked = 64 << 20

// gunzipped unpacks a body, which may be no more than a hundred times as long: a bomb
// is not taken off.
func gunzipped(body []byte) []byte {
	if !bytes.HasPrefix(body, []byte("\x1f\x8b")) {
		return nil
	}
	packed, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	most := min(mostUnpacked, 1<<16+100*len(body))
	plain, err := io.ReadAll(io.LimitReader(packed, int64(most)+1))
	if err != nil || len(plain) > most {
		return nil
	}
	return plain
}

func jsonString(body []byte) []byte {
	var text string
	if trimmed := bytes.TrimSpace(body); !bytes.HasPrefix(trimmed, []byte(`"`)) || json.Unmarshal(trimmed, &text) != nil || !strings.Contains(text, "{") {
		return nil
	}
	return []byte(text)
}

// onlyItem is the one object of a list.
func onlyItem(body []byte) []byte {
	var list []json.RawMessage
	if trimmed := bytes.TrimSpace(body); !bytes.HasPrefix(trimmed, []byte("[")) || json.Unmarshal(trimmed, &list) != nil || len(list) != 1 || list[0][0] != '{' {
		return nil
	}
	return list[0]
}

// formField is the only field of a form that holds JSON, its name among them: what is
// posted as a form without names is one.
func formField(body []byte) []byte {
	if !bytes.Contains(body, []byte("%7B")) && !bytes.Contains(body, []byte("%7b")) && !bytes.Contains(body, []byte("={")) {
		return nil
	}
	if first := bytes.TrimSpace(body); len(first) == 0 || strings.IndexByte(`{["<`, first[0]) >= 0 {
		return nil
	}
	values, err := url.ParseQuery(strings.TrimSpace(string(body)))
	if err != nil {
		return nil
	}
	var found []byte
	for name, list := range values {
		for _, text := range append(list, name) {
			if !strings.HasPrefix(text, "{") || !json.Valid([]byte(text)) {
				continue
			}
			if found != nil {
				return nil
			}
			found = []byte(text)
		}
	}
	return found
}

// fromBase64 reads base64 of what begins with a brace.
func fromBase64(body []byte) []byte {
	text := strings.TrimSpace(string(body))
	if len(text) < 4 || text[0] != 'e' {
		return nil
	}
	for _, coding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		if raw, err := coding.DecodeString(text); err == nil && raw[0] == '{' {
			return raw
		}
	}
	return nil
}
