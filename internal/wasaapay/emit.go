package wasaapay

import (
	"bytes"
	"fmt"
	"slices"
)

// emitter rewrites any JSON object as JavaScript's JSON.stringify would write
// it after JSON.parse, without its top-level signature. What stays as it is gets
// copied in runs as long as possible. Positions in the body go from call to call as
// results; -1 is a failure.
type emitter struct {
	out []byte
	// from is where the part of the body begins that belongs behind out and is not
	// copied yet.
	from    int
	scratch []byte
	// members and named are stacks with an entry for each member of the open
	// objects.
	members []member
	named   []name
	first   []int32
	order   []int32
	names   nameSet
	// problem is what is wrong with the body, at is where.
	problem string
	at      int
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
	e.out, e.from, e.members, e.named, e.found = slices.Grow(dst, len(body)+chunk), 0, e.members[:0], e.named[:0], found
	e.problem, e.signature, e.signatures, e.cuts, e.dataStart = "", span{}, 0, [2]span{}, 0
	e.slow, e.moved = 150+len(body)/16, 260*len(body)
	// Express's JSON reader drops one byte order mark before it parses, and the
	// vendor's sample stands behind it; JSON.parse alone would refuse it.
	if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		e.from = 3
	}
	i := e.space(body, e.from)
	if i < len(body) && body[i] == '{' {
		if i = e.object(body, i, 1, levelEnvelope); i >= 0 {
			e.copy(body, i)
			if i = e.space(body, i); i < len(body) {
				i = e.fail(i, "something follows the JSON value")
			}
		}
	} else {
		i = e.fail(i, "not a JSON object")
	}
	out := e.out
	e.out, e.found = nil, nil
	if i < 0 {
		return dst, fmt.Errorf("byte %d: %s", e.at, e.problem)
	}
	return out, nil
}

func (e *emitter) fail(at int, problem string) int {
	e.at, e.problem = at, problem
	return -1
}

// chunk is how many bytes are copied at once where few are to be: a processor cannot foretell
// their number, and too many do no harm.
const chunk = 32

// copy copies what stays as it is, up to i.
func (e *emitter) copy(b []byte, i int) {
	n, to := i-e.from, len(e.out)
	if n <= chunk && e.from+chunk <= len(b) && to+chunk <= cap(e.out) {
		*(*[chunk]byte)(e.out[to : to+chunk]) = [chunk]byte(b[e.from : e.from+chunk])
		e.out = e.out[:to+n]
	} else {
		e.out = append(e.out, b[e.from:i]...)
	}
	e.from = i
}

// placeOf returns where the byte at i will stand in the output.
func (e *emitter) placeOf(i int) int { return len(e.out) + i - e.from }

// space returns where white space ends; most often there is none.
func (e *emitter) space(b []byte, i int) int {
	if i < len(b) && b[i] <= ' ' {
		return e.skipSpace(b, i)
	}
	return i
}

func (e *emitter) skipSpace(b []byte, i int) int {
	e.copy(b, i)
	if i+4 <= len(b) {
		// Without a branch up to four, for nobody can foretell how many there are.
		first := isSpace(b[i])
		second := first & isSpace(b[i+1])
		third := second & isSpace(b[i+2])
		fourth := third & isSpace(b[i+3])
		if i += int(first + second + third + fourth); fourth == 0 {
			e.from = i
			return i
		}
	}
	for i < len(b) && isSpace(b[i]) != 0 {
		i++
	}
	e.from = i
	return i
}

// isSpace returns 1 for JSON's white space, else 0.
func isSpace(c byte) uint64 {
	const spaces = 1<<' ' | 1<<'\t' | 1<<'\n' | 1<<'\r'
	return spaces >> c & 1
}

// object rewrites the object whose brace stands at i and returns where it ends.
func (e *emitter) object(b []byte, i, depth int, at level) int {
	if depth > maxDepth {
		return e.fail(i, fmt.Sprintf("nested deeper than %d levels", maxDepth))
	}
	o := opened{at: at, depth: depth, base: len(e.members), comma: i, last: -1}
	content := e.placeOf(i + 1)
	if i = e.space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i = e.member(b, i, &o); i < 0 {
			return -1
		}
		if i < len(b) && b[i] == ',' {
			if o.comma = i; at == levelEnvelope {
				e.copy(b, i)
				e.from++ // it goes with the member after it
			}
			i = e.space(b, i+1)
			continue
		}
		if i >= len(b) || b[i] != '}' {
			return e.fail(i, "expected a comma or a closing brace")
		}
		if o.repeated || o.misplaced || len(e.members)-o.base > fewNames {
			e.copy(b, i)
			if !e.arrange(o.base, content, o.misplaced) {
				return e.fail(i+1, "members out of order at too many levels")
			}
		}
		e.members, e.named = e.members[:o.base], e.named[:o.base]
		return i + 1
	}
}

// value rewrites the value at i and returns where it ends.
func (e *emitter) value(b []byte, i, depth int, inside level) int {
	if i >= len(b) {
		return e.fail(i, "the JSON text ends too early")
	}
	var end int
	switch c := b[i]; {
	case c == '"':
		return e.text(b, i)
	case c == '{':
		return e.object(b, i, depth+1, inside)
	case c == '[':
		return e.array(b, i, depth+1)
	case c == '-' || isDigit(c):
		if end = numberEnd(b, i); end < 0 {
			return e.fail(i, "not a JSON number")
		}
		return e.number(b, i, end)
	default:
		end = wordEnd(b, i)
	}
	if end < 0 {
		return e.fail(i, "not a JSON value")
	}
	return end
}

// number rewrites the number from i to end and returns end.
func (e *emitter) number(b []byte, i, end int) int {
	n := b[i:end]
	if plainlyCanonical(n) {
		return end
	}
	e.copy(b, i)
	var ok bool
	if e.out, ok = appendFast(e.out, n); !ok {
		if e.slow -= slowCost(n); e.slow < 0 {
			return e.fail(i, "too many numbers of which all digits count")
		}
		e.out = appendDouble(e.out, double(n))
	}
	e.from = end
	return end
}

func (e *emitter) array(b []byte, i, depth int) int {
	if depth > maxDepth {
		return e.fail(i, fmt.Sprintf("nested deeper than %d levels", maxDepth))
	}
	if i = e.space(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = e.value(b, i, depth, levelDeep); i < 0 {
			return -1
		}
		switch i = e.space(b, i); {
		case i < len(b) && b[i] == ',':
			i = e.space(b, i+1)
		case i < len(b) && b[i] == ']':
			return i + 1
		default:
			return e.fail(i, "expected a comma or a closing bracket")
		}
	}
}
