package wasaapay

// span is a half-open range of a body's bytes; the zero span is none, since no
// value starts at byte 0 of an object.
type span struct{ start, end int }

func (s span) of(b []byte) []byte { return b[s.start:s.end] }
func (s span) isSet() bool        { return s.end > s.start }

// level says which object is being read.
type level uint8

const (
	levelEnvelope level = iota
	levelData
	levelDeep
)

// prover is the strict pass: it reads a body once and reports whether it is
// exactly what JSON.stringify would write for it. It allocates nothing once its
// stack has grown to the widest nesting seen. Positions go from call to call as
// results, not as a field: that keeps them in registers.
type prover struct {
	stack []name
	names nameSet
	// signature is the value of the top-level signature; cut is what to leave
	// out so that the rest is the signed text.
	signature, cut span
	shapes         shapes
	// found receives where the fields of an event are; nil records nothing.
	found *fields
}

// prove reports whether body is a canonical object. A false says nothing about
// whether the body is JSON. Nothing of the body is kept
// but its shape.
func (p *prover) prove(body []byte, found *fields) bool {
	p.signature, p.cut = span{}, span{}
	if len(body) < 2 || body[0] != '{' {
		return false
	}
	if p.match(body, found) {
		return true
	}
	p.found = found
	proved := p.proveAnew(body)
	if p.found = nil; proved {
		p.learn(body)
	}
	return proved
}

// proveAnew proves a body of a shape not met before.
func (p *prover) proveAnew(body []byte) bool {
	p.stack = p.stack[:0]
	return p.object(body, 0, 1, levelEnvelope) == len(body)
}

// object reads the object whose brace stands at i and returns where it ends, or -1.
func (p *prover) object(b []byte, i, depth int, at level) int {
	if depth > maxDepth {
		return -1
	}
	i++
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	base, last, seen := len(p.stack), int64(-1), uint64(0)
	for {
		if i >= len(b) || b[i] != '"' {
			return -1
		}
		end := textEnd(b, i+1)
		if end < 0 || end >= len(b) || b[end] != ':' {
			return -1
		}
		n := nameAt(b, i+1, end-1)
		if before := p.stack[base:]; len(before) < fewNames && !firstOf(b, n, before, &seen) {
			return -1
		}
		if last = inOrder(b, n, last); last < 0 {
			return -1
		}
		p.stack = append(p.stack, n)
		switch {
		case at != levelDeep:
			i = p.kept(b, n, depth, at)
		case end+1 < len(b) && b[end+1] == '"':
			i = textEnd(b, end+2)
		default:
			i = p.value(b, end+1, depth, levelDeep)
		}
		if uint(i) >= uint(len(b)) {
			return -1
		}
		if b[i] == ',' {
			i++
			continue
		}
		if b[i] != '}' || len(p.stack)-base > fewNames && p.names.repeated(b, p.stack[base:], nil) {
			return -1
		}
		p.stack = p.stack[:base]
		return i + 1
	}
}

// anyName is beyond every array index: once a plain name has come, no index may.
const anyName = 1 << 32

// inOrder returns what the next name of an object is to be compared with: an
// array index, one up, or anyName; -1 when this name should stand before an
// earlier one. Names other than digits are the rule.
func inOrder(b []byte, n name, last int64) int64 {
	if !isDigit(b[n.start]) {
		return anyName
	}
	index := arrayIndex(n.of(b))
	switch {
	case index < 0:
		return anyName
	case index < last || last == anyName:
		return -1
	}
	return index + 1
}

// kept reads the value of a member whose place may be needed later.
func (p *prover) kept(b []byte, n name, depth int, at level) int {
	start, inside := int(n.end)+2, levelDeep
	if p.found != nil && at == levelEnvelope && string(n.of(b)) == "data" {
		inside = levelData
	}
	end := p.value(b, start, depth, inside)
	if end < 0 {
		return -1
	}
	if at == levelEnvelope && string(n.of(b)) == "signature" {
		p.signature, p.cut = span{start, end}, cutOf(b, int(n.start)-1, end)
	}
	if p.found != nil {
		p.found.record(at, n.of(b), span{start, end})
	}
	return end
}

// cutOf returns a member of a compact object together with one adjoining comma.
func cutOf(body []byte, start, end int) span {
	switch {
	case body[start-1] == ',':
		return span{start - 1, end}
	case end < len(body) && body[end] == ',':
		return span{start, end + 1}
	}
	return span{start, end}
}

// value reads the value at i and returns where it ends, or -1.
func (p *prover) value(b []byte, i, depth int, inside level) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return textEnd(b, i+1)
	case '{':
		return p.object(b, i, depth+1, inside)
	case '[':
		return p.array(b, i, depth+1)
	case 't':
		return literalEnd(b, i, "true")
	case 'f':
		return literalEnd(b, i, "false")
	case 'n':
		return literalEnd(b, i, "null")
	}
	end := numberEnd(b, i)
	if end < 0 || !canonicalNumber(b[i:end]) {
		return -1
	}
	return end
}

func (p *prover) array(b []byte, i, depth int) int {
	if depth > maxDepth {
		return -1
	}
	i++
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		i = p.value(b, i, depth, levelDeep)
		if uint(i) >= uint(len(b)) {
			return -1
		}
		switch b[i] {
		case ',':
			i++
		case ']':
			return i + 1
		default:
			return -1
		}
	}
}

func literalEnd(b []byte, i int, word string) int {
	end := i + len(word)
	if end > len(b) || string(b[i:end]) != word {
		return -1
	}
	return end
}
