package daraja

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/payment"
)

// node is one JSON value with its members in order, repeated ones included.
type node struct {
	// kind is '{', '[', '"', '0' for a number, or the word's first letter; 0 is
	// no value at all.
	kind byte
	// text is a string's value, or a number's or word's characters.
	text    string
	members []member
	items   []node
}

type member struct {
	key   string
	value node
}

// parseTree reads a whole body. It returns false for anything that is not one
// JSON value nested at most maxDepth deep.
func parseTree(body []byte) (node, bool) {
	c := cursor{b: body}
	n := c.node(0)
	if c.peek() != 0 || c.i != len(c.b) {
		c.bad = true
	}
	return n, !c.bad
}

func (c *cursor) node(depth int) node {
	if depth > maxDepth {
		c.bad = true
		return node{}
	}
	switch ch := c.peek(); {
	case ch == '{':
		c.i++
		n := node{kind: '{'}
		for first := true; c.next(first, '}'); first = false {
			key := c.text()
			if c.bad || !c.take(':') {
				c.bad = true
				return node{}
			}
			n.members = append(n.members, member{key, c.node(depth + 1)})
		}
		return n
	case ch == '[':
		c.i++
		n := node{kind: '['}
		for first := true; c.next(first, ']'); first = false {
			n.items = append(n.items, c.node(depth+1))
		}
		return n
	case ch == '"':
		return node{kind: '"', text: c.text()}
	case ch == '-' || ch >= '0' && ch <= '9':
		return node{kind: '0', text: string(c.number())}
	default:
		w := c.word()
		if w == "" {
			return node{}
		}
		return node{kind: w[0], text: w}
	}
}

// text reads a string and decodes it.
func (c *cursor) text() string {
	raw, plain := c.str()
	switch {
	case plain || c.bad:
		return string(raw)
	case bytes.IndexByte(raw, '\\') < 0: // without encoding/json, which costs ten times as much
		return wellFormed(string(raw))
	}
	var s string
	if err := json.Unmarshal(append(append([]byte{'"'}, raw...), '"'), &s); err != nil {
		c.bad = true
	}
	return s
}

// wellFormed returns text with U+FFFD for each byte that is not UTF-8, as encoding/json reads
// a string.
func wellFormed(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		b.WriteRune(r)
	}
	return b.String()
}

// fold makes keys comparable: they have come with spaces and in other cases
// (reference/daraja.md §6.3 quirk 7, §10.3).
func fold(key string) string {
	return strings.ToLower(strings.ReplaceAll(key, " ", ""))
}

// get returns the member whose folded key is key (given folded). Of repeated
// members with different scalar values none is returned: whichever a reader
// believed, another would believe the other.
func (n node) get(key string) node {
	var found node
	for _, m := range n.members {
		if fold(m.key) != key {
			continue
		}
		if found.kind != 0 && (found.kind != m.value.kind || found.text != m.value.text || found.kind == '{' || found.kind == '[') {
			return node{}
		}
		found = m.value
	}
	return found
}

// scalar returns the text of a string or number, "" for anything else.
func (n node) scalar() string {
	if n.kind == '"' || n.kind == '0' {
		return n.text
	}
	return ""
}

// list returns an array's items, a lone object as the only item of a list
// (§4.1, §6.3 quirk 2), and nothing for anything else.
func (n node) list() []node {
	switch n.kind {
	case '[':
		return n.items
	case '{':
		return []node{n}
	}
	return nil
}

// notText returns the name, as it is spelt, of the first member among keys (given folded)
// that is neither a string nor null, or "". Every id that Daraja sends is a string; one in a
// number has many texts (5, 5.0, 5e0), of which another reader may take another.
func (n node) notText(keys ...string) string {
	for _, m := range n.members {
		if m.value.kind != '"' && m.value.kind != 'n' && slices.Contains(keys, fold(m.key)) {
			return payment.Line(m.key, maxName)
		}
	}
	return ""
}

// hasID reports whether there is a member that holds an id, of whatever type.
func (n node) hasID(key string) bool { return n.get(key).scalar() != "" || n.notText(key) != "" }

// maxName bounds a member's name in a reason, in bytes.
const maxName = 40

// notID says which id is no string.
func notID(name string) payment.Inspection {
	return malformed(name + " is not a string, as every id is")
}
