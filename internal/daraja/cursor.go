package daraja

// maxDepth bounds nesting in bodies from outside; Daraja's own stay under 8.
const maxDepth = 32

// cursor walks one JSON text strictly (RFC 8259) without allocating. The first
// error sticks in bad; after it nothing read is to be believed.
type cursor struct {
	b   []byte
	i   int
	bad bool
}

func (c *cursor) space() {
	for c.i < len(c.b) {
		switch c.b[c.i] {
		case ' ', '\t', '\n', '\r':
			c.i++
		default:
			return
		}
	}
}

// peek returns the next significant byte, 0 at the end.
func (c *cursor) peek() byte {
	c.space()
	if c.i >= len(c.b) {
		return 0
	}
	return c.b[c.i]
}

// take consumes the next significant byte if it is want.
func (c *cursor) take(want byte) bool {
	if c.peek() != want {
		return false
	}
	c.i++
	return true
}

// next stands after an opening bracket or an element and reports whether another
// element follows; it consumes commas and the closing bracket.
func (c *cursor) next(first bool, closing byte) bool {
	if c.bad || c.take(closing) {
		return false
	}
	if !first && !c.take(',') {
		c.bad = true
		return false
	}
	return true
}

// str reads a string and returns the bytes between its quotes, and whether
// they stand for themselves: ASCII without escapes.
func (c *cursor) str() (raw []byte, plain bool) {
	if !c.take('"') {
		c.bad = true
		return nil, false
	}
	start := c.i
	plain = true
	for c.i < len(c.b) {
		ch := c.b[c.i]
		switch {
		case ch == '"':
			raw = c.b[start:c.i]
			c.i++
			return raw, plain
		case ch < 0x20:
			c.bad = true
			return nil, false
		case ch == '\\':
			plain = false
			if !c.escape() {
				c.bad = true
				return nil, false
			}
		case ch >= 0x80:
			plain = false
			c.i++
		default:
			c.i++
		}
	}
	c.bad = true
	return nil, false
}

// escape consumes one escape sequence.
func (c *cursor) escape() bool {
	if c.i+1 >= len(c.b) {
		return false
	}
	switch c.b[c.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		c.i += 2
		return true
	case 'u':
		if c.i+6 > len(c.b) {
			return false
		}
		for _, h := range c.b[c.i+2 : c.i+6] {
			if (h < '0' || h > '9') && (h < 'a' || h > 'f') && (h < 'A' || h > 'F') {
				return false
			}
		}
		c.i += 6
		return true
	}
	return false
}

func (c *cursor) digits() bool {
	start := c.i
	for c.i < len(c.b) && c.b[c.i] >= '0' && c.b[c.i] <= '9' {
		c.i++
	}
	return c.i > start
}

// number reads a number and returns its characters.
func (c *cursor) number() []byte {
	c.space()
	start := c.i
	if c.i < len(c.b) && c.b[c.i] == '-' {
		c.i++
	}
	whole := c.i
	ok := c.digits() && (c.b[whole] != '0' || c.i == whole+1)
	if ok && c.i < len(c.b) && c.b[c.i] == '.' {
		c.i++
		ok = c.digits()
	}
	if ok && c.i < len(c.b) && (c.b[c.i] == 'e' || c.b[c.i] == 'E') {
		c.i++
		if c.i < len(c.b) && (c.b[c.i] == '+' || c.b[c.i] == '-') {
			c.i++
		}
		ok = c.digits()
	}
	if !ok {
		c.bad = true
		return nil
	}
	return c.b[start:c.i]
}

func (c *cursor) word() string {
	for _, w := range [...]string{"true", "false", "null"} {
		if c.i+len(w) <= len(c.b) && string(c.b[c.i:c.i+len(w)]) == w {
			c.i += len(w)
			return w
		}
	}
	c.bad = true
	return ""
}

// skip passes over one value of any kind, checking it.
func (c *cursor) skip(depth int) {
	if depth > maxDepth {
		c.bad = true
		return
	}
	switch ch := c.peek(); {
	case ch == '{':
		c.i++
		for first := true; c.next(first, '}'); first = false {
			c.str()
			if c.bad || !c.take(':') {
				c.bad = true
				return
			}
			c.skip(depth + 1)
		}
	case ch == '[':
		c.i++
		for first := true; c.next(first, ']'); first = false {
			c.skip(depth + 1)
		}
	case ch == '"':
		c.str()
	case ch == '-' || ch >= '0' && ch <= '9':
		c.number()
	default:
		c.word()
	}
}
