package wasaapay

import "bytes"

// Bounds of what is remembered of proved bodies.
const (
	maxShapes      = 16
	maxShapeText   = 8 << 10
	maxShapeValues = 256
	// learnCost is in hits: bodies that never look alike must not pay for
	// remembering each of them. The first misses, and every learnAnyway-th
	// after, are learnt all the same.
	learnCost   = 4
	learnAnyway = 64
)

// shape is a body that was proved canonical. Another that is the same but for
// simple values has the same names in the same order at the same depth, so that
// those values alone remain to be looked at. Webhooks of one event look alike,
// and many of their values are the same in all, which makes this the usual case.
type shape struct {
	text []byte
	// lead is how much of the text tells the shapes apart at once: up to and with
	// its first value, most often the event's name.
	lead   int
	values []shapeValue
	// runs are the stretches of text before each value that varies, and the last.
	runs []run
	// signature and marks are the places of the signature and the fields.
	signature mark
	marks     []mark
}

// shapeValue is one simple value, with the closing quote of a string alone: the opening
// one is the same in all bodies.
type shapeValue struct {
	start, end int32
	kind       byte // '"', '0' for a number, 't' for a word
	field      field
	// varies says that bodies differ in it; differs, that the body just read does.
	varies, differs bool
}

// run is a stretch of text that is the same in all bodies, and the kind of the value
// that follows; 0 at the end.
type run struct {
	text []byte
	kind byte
}

// mark is where a field stands, counted from where two runs begin in a body.
type mark struct {
	first, last int32
	start, end  int32
	field       field
}

// shapes are what one Verifier has met.
type shapes struct {
	known []shape
	// next is the place of the oldest.
	next           int
	credit, misses int
	// starts are where the runs begin in the body just read.
	starts [maxShapeValues + 1]int
}

// match proves a body by a known shape.
func (p *prover) match(b []byte, found *fields) bool {
	tries := 0
	for i := range p.shapes.known {
		s := &p.shapes.known[i]
		if !bytes.HasPrefix(b, s.text[:s.lead]) {
			continue
		}
		if p.fits(s, b) || s.widen(b) && p.fits(s, b) {
			p.shapes.credit = min(p.shapes.credit+1, 16*learnCost)
			p.place(s, b, found)
			return true
		}
		if tries++; tries == 2 {
			break
		}
	}
	return false
}

// fits compares what is the same in all bodies of a shape, looks at each value that
// varies, and notes where the runs begin.
func (p *prover) fits(s *shape, b []byte) bool {
	i, runs := 0, s.runs
	starts := p.shapes.starts[:len(runs)]
	for k := range runs {
		r := &runs[k]
		end := i + len(r.text)
		if uint(i) > uint(end) || uint(end) > uint(len(b)) || string(b[i:end]) != string(r.text) {
			return false
		}
		starts[k] = i
		if r.kind == '"' {
			i = textEnd(b, end)
		} else {
			i = valueEnd(b, end, r.kind)
		}
	}
	return i == len(b)
}

// place says where the signature and the fields of a body that fits are.
func (p *prover) place(s *shape, b []byte, found *fields) {
	starts := &p.shapes.starts
	at := func(m *mark) span { return span{starts[m.first] + int(m.start), starts[m.last] + int(m.end)} }
	p.signature = at(&s.signature)
	p.cut = cutOf(b, p.signature.start-len(`"signature":`), p.signature.end)
	if found == nil {
		return
	}
	for k := range s.marks {
		m := &s.marks[k]
		found[m.field] = at(m)
	}
}

// valueEnd returns where a canonical value of a kind ends, or -1. The end of a body is
// a value too, of kind 0.
func valueEnd(b []byte, i int, kind byte) int {
	switch kind {
	case '"':
		return textEnd(b, i)
	case '0':
		return plainEnd(b, i)
	case 't':
		return wordEnd(b, i)
	}
	return i
}

// plainEnd returns where the canonical number at i ends, or -1.
func plainEnd(b []byte, i int) int {
	end := digitsEnd(b, i)
	if end-i-1 < maxExactDigits && end < len(b) && b[end] != '.' && b[end]|0x20 != 'e' && end > i && b[i] != '0' {
		return end
	}
	if end = numberEnd(b, i); end >= 0 && !canonicalNumber(b[i:end]) {
		return -1
	}
	return end
}

func wordEnd(b []byte, i int) int {
	if i < len(b) {
		switch b[i] {
		case 't':
			return literalEnd(b, i, "true")
		case 'f':
			return literalEnd(b, i, "false")
		case 'n':
			return literalEnd(b, i, "null")
		}
	}
	return -1
}

// widen proves a body value by value. If that succeeds, the values that are others than
// the shape's vary from now on.
func (s *shape) widen(b []byte) bool {
	i, from := 0, int32(0)
	for k := range s.values {
		v := &s.values[k]
		if uint(i) > uint(len(b)) || !bytes.HasPrefix(b[i:], s.text[from:v.start]) {
			return false
		}
		i += int(v.start - from)
		end := valueEnd(b, i, v.kind)
		if end < 0 {
			return false
		}
		v.differs = string(b[i:end]) != string(s.text[v.start:v.end])
		i, from = end, v.end
	}
	if string(b[i:]) != string(s.text[from:]) {
		return false
	}
	for k := range s.values {
		v := &s.values[k]
		v.varies = v.varies || v.differs
	}
	s.join()
	return true
}

// join makes runs of the text between the values that vary, and marks the fields.
func (s *shape) join() {
	s.runs, s.marks = s.runs[:0], s.marks[:0]
	from := int32(0)
	for k := range s.values {
		v, at := &s.values[k], int32(len(s.runs))
		m := mark{field: v.field, first: at, last: at, start: v.start - from, end: v.end - from}
		if v.kind == '"' {
			m.start-- // the quote
		}
		if v.varies {
			m.last, m.end = at+1, 0
			s.runs = append(s.runs, run{s.text[from:v.start], v.kind})
			from = v.end
		}
		if v.field == fieldSignature {
			s.signature = m
		}
		if v.field != fieldNone {
			s.marks = append(s.marks, m)
		}
	}
	s.runs = append(s.runs, run{s.text[from:], 0})
}

// learn remembers a body that has just been proved.
func (p *prover) learn(b []byte) {
	h := &p.shapes
	h.misses++
	if h.misses > maxShapes && h.credit < learnCost && h.misses%learnAnyway != 0 {
		return
	}
	h.credit = max(h.credit-learnCost, 0)
	slot := len(h.known)
	if slot < maxShapes {
		h.known = append(h.known, shape{})
	} else {
		slot = h.next % maxShapes
		h.next++
	}
	if s := &h.known[slot]; !s.take(b) {
		s.text, s.lead = append(s.text[:0], 0), 1 // no body begins so
	}
}

// take reads a canonical body that has a signature: a string is a name if a colon
// follows it. Every value is the same in all bodies for now.
func (s *shape) take(b []byte) bool {
	if len(b) > maxShapeText {
		return false
	}
	s.text, s.lead, s.values = append(s.text[:0], b...), 0, s.values[:0]
	depth, data, signed, name := 0, false, false, span{}
	for i := 0; i < len(b); {
		v := shapeValue{start: int32(i)}
		switch {
		case depth == 1:
			v.field = envelopeField(name.of(b))
		case depth == 2 && data:
			v.field = dataField(name.of(b))
		}
		switch c := b[i]; c {
		case '{', '[':
			if v.field != fieldNone && b[i-1] == ':' {
				return false // its place would be that of no simple value
			}
			depth++
			data = data || depth == 2 && c == '{' && string(name.of(b)) == "data"
			i++
		case '}', ']':
			depth--
			data = data && depth >= 2
			i++
		case ',', ':':
			i++
		case '"':
			i = closing(b, i)
			if b[i] == ':' {
				name = span{int(v.start) + 1, i - 1}
			} else {
				v.kind = '"'
				v.start++
			}
		case 't', 'f', 'n':
			v.kind, i = 't', wordEnd(b, i)
		default:
			v.kind, i = '0', numberEnd(b, i)
		}
		if v.kind == 0 {
			continue
		}
		if len(s.values) == 0 {
			s.lead = i
		}
		if len(s.values) == maxShapeValues {
			return false
		}
		v.end = int32(i)
		if v.varies = v.field == fieldSignature; v.varies {
			signed = v.kind == '"'
		}
		s.values = append(s.values, v)
	}
	s.join()
	return signed
}

// closing returns the index after the string that starts at i in valid JSON.
func closing(b []byte, i int) int {
	for i = stringStop(b, i+1); b[i] == '\\'; {
		i = stringStop(b, i+2)
	}
	return i + 1
}
