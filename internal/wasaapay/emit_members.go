package wasaapay

import "slices"

// member is one member in the output: from its name's opening quote to after
// its value. index is arrayIndex of the name.
type member struct {
	start, end int
	index      int64
}

// opened is what is known of the members of an object that is being read.
type opened struct {
	at    level
	depth int
	// base is where the members begin on the stacks, comma is where the comma or the
	// brace before the next one stands.
	base, comma int
	// seen has a bit for each name, as firstOf's; last is the last array index.
	seen uint64
	last int64
	// repeated says that a name may have come twice, misplaced that an array index came
	// too late, and named that another name has come.
	repeated, misplaced, named bool
}

// member rewrites one member and returns where what follows it stands.
func (e *emitter) member(b []byte, i int, o *opened) int {
	if i >= len(b) || b[i] != '"' {
		return e.fail(i, "expected a member name in quotes")
	}
	start, before := i, 0
	if o.at == levelEnvelope {
		e.copy(b, i)
		if before = len(e.out); len(e.members) > o.base {
			e.out = append(e.out, ',')
		}
	}
	m := member{start: e.placeOf(i), index: -1}
	if i = e.text(b, i); i < 0 {
		return -1
	}
	label, n := e.label(b, span{start, i}, m.start)
	if i = e.space(b, i); i >= len(b) || b[i] != ':' {
		return e.fail(i, "expected a colon after a member name")
	}
	i = e.space(b, i+1)
	inside := levelDeep
	if o.at == levelEnvelope && string(label) == "data" {
		inside, e.dataStart = levelData, start
		e.found.resetData()
	}
	value := span{i, e.value(b, i, o.depth, inside)}
	if value.end < 0 {
		return -1
	}
	m.end = e.placeOf(value.end)
	if e.found != nil && o.at != levelDeep {
		e.found.record(o.at, label, value)
	}
	i = e.space(b, value.end)
	if o.at == levelEnvelope && string(label) == "signature" {
		e.signed(b, span{start, value.end}, value, o.comma, i)
		e.out, e.from = e.out[:before], i
		return i
	}
	if len(label) > 0 && isDigit(label[0]) {
		m.index = arrayIndex(label)
	}
	o.take(e.named[o.base:], n, m.index)
	e.members, e.named = append(e.members, m), append(e.named, n)
	return i
}

// label returns the canonical text of a name that has just been rewritten, and where it
// will stand in the output; whole has its quotes.
func (e *emitter) label(b []byte, whole span, place int) ([]byte, name) {
	if e.from <= whole.start {
		n := nameAt(b, whole.start+1, whole.end-1)
		text := n.of(b)
		n.start, n.end = int32(place+1), int32(place+1+len(text))
		return text, n
	}
	e.copy(b, whole.end)
	n := nameAt(e.out, place+1, len(e.out)-1)
	return n.of(e.out), n
}

// take notes what the next member's name means for the order of the members before it. Names
// of one fingerprint may be the same; many names are looked at in the end.
func (o *opened) take(before []name, n name, index int64) {
	bit := uint64(1) << (n.print * golden >> 58)
	if o.seen&bit != 0 && len(before) < fewNames && !o.repeated {
		o.repeated = slices.ContainsFunc(before, func(other name) bool { return other.print == n.print })
	}
	o.seen |= bit
	if index < 0 {
		o.named = true
		return
	}
	o.misplaced = o.misplaced || o.named || index < o.last
	o.last = index
}

// signed notes a top-level signature and the two ways to cut it out with one
// adjoining comma: with what stands before it since the last comma, and with
// the comma after it, if that is at next. They differ only where there is white space.
func (e *emitter) signed(b []byte, whole, value span, comma, next int) {
	e.signature = value
	e.signatures++
	first := b[comma] == '{'
	follows := next < len(b) && b[next] == ','
	switch {
	case !first:
		e.cuts[0] = span{comma, whole.end}
	case follows:
		e.cuts[0] = span{comma + 1, next + 1}
	default:
		e.cuts[0] = whole
	}
	e.cuts[1] = e.cuts[0]
	if follows {
		e.cuts[1] = span{whole.start, next + 1}
	}
}

// arrange gives the members since base the order and the number that a
// JavaScript object would have: array indices first and ascending, then names
// by first appearance; of equal names the first place and the last value.
func (e *emitter) arrange(base, content int, misplaced bool) bool {
	members := e.members[base:]
	n := len(members)
	e.first = slices.Grow(e.first[:0], n)[:n]
	if repeated := e.names.repeated(e.out, e.named[base:], e.first); !repeated && !misplaced {
		return true
	}
	if e.moved -= len(e.out) - content; e.moved < 0 {
		return false
	}
	e.order = e.order[:0]
	for i := range members {
		if int(e.first[i]) == i {
			e.order = append(e.order, int32(i))
		}
	}
	slices.SortStableFunc(e.order, func(a, b int32) int { return inPlace(members[a].index, members[b].index) })
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

// inPlace orders array indices before other names, which keep their order.
func inPlace(a, b int64) int {
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
