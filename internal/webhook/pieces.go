package webhook

import (
	"bytes"
	"encoding/json"
)

// Piece is a part of a text that is looked at for itself.
type Piece struct {
	// Line is where it begins, counted from 1.
	Line int
	// Text is a JSON value with what else stands on its line, or a line without one.
	Text []byte
	// Value is the JSON value alone, nil where there is none.
	Value []byte
}

// mostVain bounds what is read in vain for the ends of JSON values that have none, in
// lengths of the text: each brace of a hostile one could be read to its end.
const mostVain = 8

// maxStarts is how many braces of a line are tried for the start of a JSON value.
const maxStarts = 16

// Pieces cuts a text where people's logs would: each JSON object for itself, with the
// words around it on its line, and whatever else line by line. Objects may follow each
// other without separators, as PHP's append logs do, and go on over several lines; the
// items of an array are pieces; an HTML page is one. Empty lines are none.
func Pieces(text []byte) []Piece {
	var out []Piece
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if page := bytes.TrimSpace(text); bytes.HasPrefix(page, []byte("<")) {
		return []Piece{{Line: 1, Text: page}}
	}
	left := mostVain * len(text)
	for line, at := 1, 0; at < len(text); {
		end := at + bytes.IndexByte(text[at:], '\n')
		if end < at {
			end = len(text)
		}
		start, length := findObject(text[at:], end-at, &left)
		if length == 0 {
			switch rest := bytes.TrimSpace(text[at:end]); {
			case isSeparator(rest):
			case at > 0 && text[at-1] == '}': // the end of a line that holds an object
				last := &out[len(out)-1]
				last.Text = bytes.TrimSpace(text[at-len(last.Text) : end])
			default:
				out = append(out, Piece{Line: line, Text: rest})
			}
			line, at = line+1, end+1
			continue
		}
		value := text[at+start : at+start+length]
		out = append(out, Piece{Line: line, Text: bytes.TrimSpace(text[at : at+start+length]), Value: value})
		line += bytes.Count(value, []byte("\n"))
		at += start + length
	}
	return out
}

// isSeparator reports whether text is only what stands between the items of an array.
func isSeparator(text []byte) bool { return len(bytes.Trim(text, "[], \t\r")) == 0 }

// findObject finds the JSON object that begins within the first most bytes of text; its
// length is 0 when there is none. left is what may still be read in vain.
func findObject(text []byte, most int, left *int) (start, length int) {
	for range maxStarts {
		i := bytes.IndexByte(text[start:], '{')
		if i < 0 || start+i >= most || *left < 0 {
			return 0, 0
		}
		start += i
		var value json.RawMessage
		rest := bytes.NewReader(text[start:])
		d := json.NewDecoder(rest)
		if d.Decode(&value) == nil {
			return start, int(d.InputOffset())
		}
		*left -= len(text) - start - rest.Len()
		start++
	}
	return 0, 0
}
