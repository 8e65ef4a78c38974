package wasaapay

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"
)

// member is one member in the output: from its name's opening quote to after
// its value. index is arrayIndex of the name.
type member struct {
	start, end int
	index      int64
}

// emitter rewrites any JSON object as JavaScript's JSON.stringify would write
// it after JSON.parse, without its top-level signature.
type emitter struct {
	body    []byte
	pos     int
	illUTF8 bool
	out     []byte
	scratch []byte
	// members and named are stacks with an entry for each member of the open
	// objects.
	members []member
	named   []name
	first   []int32
	order   []int32
	names   nameSet
	problem string
	// slow is what slow numbers may yet cost, as slowCost counts; moved is how many bytes
	// may yet be moved to put members in order. Without such bounds a stranger's body
	// could take seconds before its signature is looked at.
	slow, moved int
	// signature is the value of the last top-level signature, as it stands in
	// the body; signatures counts them; cuts are the raw cuts around it.
	signature  span
	signatures int
	cuts       [2]span
	// dataStart is where the last top-level data member begins in the body.
	dataStart int
	found     *fields
}

// emit appends the canonical form of body to dst.
func (e *emitter) emit(dst, body []byte, found *fields) ([]byte, error) {
	e.body, e.pos, e.out, e.members, e.named, e.found = body, 0, dst, e.members[:0], e.named[:0], found
	e.problem, e.signature, e.signatures, e.cuts, e.dataStart = "", span{}, 0, [2]span{}, 0
	e.illUTF8 = !utf8.Valid(body)
	e.slow, e.moved = 150+len(body)/16, 260*len(body)
	// Express's JSON reader drops one byte order mark before it parses, and the
	// vendor's sample stands behind it; JSON.parse alone would refuse it.
	if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		e.pos = 3
	}
	e.space()
	ok := false
	if e.peek() == '{' {
		if ok = e.object(levelEnvelope, 1); ok {
			e.space()
			ok = e.pos == len(body) || e.fail("something follows the JSON value")
		}
	} else {
		e.fail("not a JSON object")
	}
	out := e.out
	e.body, e.out, e.found = nil, nil, nil
	if !ok {
		return dst, fmt.Errorf("byte %d: %s", e.pos, e.problem)
	}
	return out, nil
}

func (e *emitter) fail(problem string) bool {
	if e.problem == "" {
		e.problem = problem
	}
	return false
}

// space skips white space; most often there is none.
func (e *emitter) space() {
	if e.pos < len(e.body) && e.body[e.pos] <= ' ' {
		e.skipSpace()
	}
}

func (e *emitter) skipSpace() {
	i, b := e.pos, e.body
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	e.pos = i
}

func (e *emitter) peek() byte {
	if e.pos < len(e.body) {
		return e.body[e.pos]
	}
	return 0
}

// object rewrites the object that starts at pos.
func (e *emitter) object(at level, depth int) bool {
	if depth > maxDepth {
		return e.fail(fmt.Sprintf("nested deeper than %d levels", maxDepth))
	}
	base, opened, comma := len(e.members), len(e.out), e.pos
	e.out = append(e.out, '{')
	e.pos++
	e.space()
	if e.peek() == '}' {
		e.pos++
		e.out = append(e.out, '}')
		return true
	}
	for {
		if !e.member(at, depth, base, comma) {
			return false
		}
		switch e.peek() {
		case ',':
			comma = e.pos
			e.pos++
			e.space()
		case '}':
			e.pos++
			if !e.arrange(base, opened+1) {
				return false
			}
			e.out = append(e.out, '}')
			e.members, e.named = e.members[:base], e.named[:base]
			return true
		default:
			return e.fail("expected a comma or a closing brace")
		}
	}
}

// member rewrites one member; comma is where the comma or the brace before it stands.
func (e *emitter) member(at level, depth, base, comma int) bool {
	rawStart, before := e.pos, len(e.out)
	if len(e.members) > base {
		e.out = append(e.out, ',')
	}
	m := member{start: len(e.out)}
	if e.peek() != '"' {
		return e.fail("expected a member name in quotes")
	}
	if !e.text() {
		return false
	}
	label := nameAt(e.out, m.start+1, len(e.out)-1)
	m.index = arrayIndex(label.of(e.out))
	e.space()
	if e.peek() != ':' {
		return e.fail("expected a colon after a member name")
	}
	e.pos++
	e.space()
	e.out = append(e.out, ':')
	signature, inside := false, levelDeep
	if at == levelEnvelope {
		signature = string(label.of(e.out)) == "signature"
		if string(label.of(e.out)) == "data" {
			inside, e.dataStart = levelData, rawStart
			e.found.resetData()
		}
	}
	valueStart := e.pos
	if !e.value(inside, depth) {
		return false
	}
	value := span{valueStart, e.pos}
	if e.found != nil && at != levelDeep {
		e.found.record(at, label.of(e.out), value)
	}
	e.space()
	if signature {
		e.signed(span{rawStart, value.end}, value, comma)
		e.out = e.out[:before]
		return true
	}
	m.end = len(e.out)
	e.members, e.named = append(e.members, m), append(e.named, label)
	return true
}

// signed notes a top-level signature and the two ways to cut it out with one
// adjoining comma: with what stands before it since the last comma, and with
// the comma after it. They differ only where there is white space.
func (e *emitter) signed(whole, value span, comma int) {
	e.signature = value
	e.signatures++
	first := e.body[comma] == '{'
	follows := e.peek() == ','
	switch {
	case !first:
		e.cuts[0] = span{comma, whole.end}
	case follows:
		e.cuts[0] = span{comma + 1, e.pos + 1}
	default:
		e.cuts[0] = whole
	}
	e.cuts[1] = e.cuts[0]
	if follows {
		e.cuts[1] = span{whole.start, e.pos + 1}
	}
}

// arrange gives the members since base the order and the number that a
// JavaScript object would have: array indices first and ascending, then names
// by first appearance; of equal names the first place and the last value.
func (e *emitter) arrange(base, content int) bool {
	members := e.members[base:]
	n := len(members)
	e.first = slices.Grow(e.first[:0], n)[:n]
	repeated := e.names.repeated(e.out, e.named[base:], e.first)
	last, named, misplaced := int64(-1), false, false
	for i := range members {
		if members[i].index < 0 {
			named = true
			continue
		}
		misplaced = misplaced || named || members[i].index < last
		last = members[i].index
	}
	if !repeated && !misplaced {
		return true
	}
	if e.moved -= len(e.out) - content; e.moved < 0 {
		return e.fail("members out of order at too many levels")
	}
	e.order = e.order[:0]
	for i := range members {
		if int(e.first[i]) == i {
			e.order = append(e.order, int32(i))
		}
	}
	slices.SortStableFunc(e.order, func(a, b int32) int { return placeOf(members[a].index, members[b].index) })
	for i := range members {
		// The first of equal names takes over each later one's text.
		if f := e.first[i]; int(f) != i {
			members[f].start, members[f].end = members[i].start, members[i].end
		}
	}
	e.scratch = e.scratch[:0]
	for k, i := range e.order {
		if k > 0 {
			e.scratch = append(e.scratch, ',')
		}
		e.scratch = append(e.scratch, e.out[members[i].start:members[i].end]...)
	}
	e.out = append(e.out[:content], e.scratch...)
	return true
}

// placeOf orders array indices before other names, which keep their order.
func placeOf(a, b int64) int {
	switch {
	case a < 0 && b < 0, a == b:
		return 0
	case a < 0:
		return 1
	case b < 0 || a < b:
		return -1
	}
	return 1
}

func (e *emitter) value(inside level, depth int) bool {
	switch c := e.peek(); {
	case c == '"':
		return e.text()
	case c == '{':
		return e.object(inside, depth+1)
	case c == '[':
		return e.array(depth + 1)
	case c == '-' || isDigit(c):
		end := numberEnd(e.body, e.pos)
		if end < 0 {
			return e.fail("not a JSON number")
		}
		return e.number(end)
	case e.pos >= len(e.body):
		return e.fail("the JSON text ends too early")
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(e.body[e.pos:], []byte(word)) {
			e.out = append(e.out, word...)
			e.pos += len(word)
			return true
		}
	}
	return e.fail("not a JSON value")
}

// number rewrites the number that ends at end.
func (e *emitter) number(end int) bool {
	n := e.body[e.pos:end]
	if plainlyCanonical(n) {
		e.out, e.pos = append(e.out, n...), end
		return true
	}
	f, ok := fastDouble(n)
	if !ok {
		if e.slow -= slowCost(n); e.slow < 0 {
			return e.fail("too many numbers of which all digits count")
		}
		f = double(n)
	}
	e.out, e.pos = appendDouble(e.out, f), end
	return true
}

func (e *emitter) array(depth int) bool {
	if depth > maxDepth {
		return e.fail(fmt.Sprintf("nested deeper than %d levels", maxDepth))
	}
	e.out = append(e.out, '[')
	e.pos++
	e.space()
	if e.peek() == ']' {
		e.pos++
		e.out = append(e.out, ']')
		return true
	}
	for {
		if !e.value(levelDeep, depth) {
			return false
		}
		e.space()
		switch e.peek() {
		case ',':
			e.pos++
			e.space()
			e.out = append(e.out, ',')
		case ']':
			e.pos++
			e.out = append(e.out, ']')
			return true
		default:
			return e.fail("expected a comma or a closing bracket")
		}
	}
}
