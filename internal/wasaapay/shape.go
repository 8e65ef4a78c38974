package wasaapay

import (
	"bytes"
)

// Bounds of what is remembered of proved bodies.
const (
	maxShapes      = 16
	maxShapeText   = 4 << 10
	maxShapeValues = 256
	// learnCost is in hits: bodies that never look alike must not pay for
	// remembering each of them. The first misses, and every learnAnyway-th
	// after, are learnt all the same.
	learnCost   = 4
	learnAnyway = 64
)

// shape is the skeleton of a body that was proved canonical: all its text but
// the simple values. A body with the same skeleton has the same names in the
// same order at the same depth, so that its values alone remain to be looked
// at. Webhooks of one event look alike, which makes this the usual case.
type shape struct {
	// lead is how the body began, up to and with its first value: most often
	// the event's name, which tells the shapes apart at once.
	lead   []byte
	text   []byte
	values []shapeValue
	// signature is the index of the signature's value.
	signature int
}

// shapeValue is one simple value: gap is how much of the shape's text stands
// before it since the last one (with the opening quote of a string).
type shapeValue struct {
	gap   int32
	kind  byte // '"', '0' for a number, 't' for a word
	field field
}

// shapes are the skeletons that one Verifier has met.
type shapes struct {
	known []shape
	// next is the place of the oldest.
	next           int
	credit, misses int
}

// match proves a body by a known shape.
func (p *prover) match(b []byte) bool {
	tries := 0
	for i := range p.shapes.known {
		s := &p.shapes.known[i]
		if !bytes.HasPrefix(b, s.lead) {
			continue
		}
		if p.fits(s, b) {
			p.shapes.credit = min(p.shapes.credit+1, 16*learnCost)
			return true
		}
		if tries++; tries == 2 {
			break
		}
	}
	return false
}

// fits compares the text between the values and looks at each value.
func (p *prover) fits(s *shape, b []byte) bool {
	i, text, found := 0, s.text, p.found
	for k := range s.values {
		v := &s.values[k]
		if uint(i) > uint(len(b)) || uint(v.gap) > uint(len(text)) {
			return false
		}
		if !bytes.HasPrefix(b[i:], text[:v.gap]) {
			return false
		}
		i, text = i+int(v.gap), text[v.gap:]
		start := i
		if v.kind == '"' {
			i = textEnd(b, i)
			start--
		} else {
			i = plainEnd(b, i, v.kind)
		}
		if i < 0 {
			return false
		}
		if found != nil && v.field != fieldNone {
			found[v.field] = span{start, i}
		}
		if k == s.signature {
			p.signature, p.cut = span{start, i}, cutOf(b, start-len(`"signature":`), i)
		}
	}
	return string(b[i:]) == string(text)
}

// plainEnd returns where the canonical number ('0') or word at i ends, or -1.
func plainEnd(b []byte, i int, kind byte) int {
	if kind != '0' {
		return wordEnd(b, i)
	}
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

// learn remembers the skeleton of a body that has just been proved.
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
	if s := &h.known[slot]; !s.take(b, p.signature) {
		s.lead = append(s.lead[:0], 0) // no body begins so
	}
}

// take reads a canonical body: a string is a name if a colon follows it, and
// everything else that is not a simple value is skeleton.
func (s *shape) take(b []byte, signature span) bool {
	s.lead, s.text, s.values, s.signature = s.lead[:0], s.text[:0], s.values[:0], -1
	depth, data, name, from := 0, false, span{}, 0
	for i := 0; i < len(b); {
		start, kind := i, byte(0)
		switch c := b[i]; c {
		case '{', '[':
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
				name = span{start + 1, i - 1}
			} else {
				kind, start = '"', start+1
				s.text = append(s.text, '"')
			}
		case 't', 'f', 'n':
			kind, i = 't', wordEnd(b, i)
		default:
			kind, i = '0', numberEnd(b, i)
		}
		if kind == 0 {
			s.text = append(s.text, b[start:i]...)
			continue
		}
		v := shapeValue{gap: int32(len(s.text) - from), kind: kind}
		from = len(s.text)
		switch {
		case depth == 1:
			v.field = envelopeField(name.of(b))
		case depth == 2 && data:
			v.field = dataField(name.of(b))
		}
		if len(s.values) == 0 {
			s.lead = append(s.lead, b[:min(i, maxShapeText+1)]...)
		}
		if i == signature.end {
			s.signature = len(s.values)
		}
		s.values = append(s.values, v)
		if max(len(s.text), len(s.lead)) > maxShapeText || len(s.values) > maxShapeValues {
			return false
		}
	}
	return s.signature >= 0 && s.values[s.signature].kind == '"'
}

// closing returns the index after the string that starts at i in valid JSON.
func closing(b []byte, i int) int {
	for i = stringStop(b, i+1); b[i] == '\\'; {
		i = stringStop(b, i+2)
	}
	return i + 1
}
