package statement

import "slices"

// chain follows the balance from receipt to receipt. Inside one receipt the rows
// stand in any order, so a balance holds only where a receipt ends
// (reference/statements.md §1).
type chain struct {
	oldest bool
	// want is the balance beside the next group: where it starts (oldest first) or
	// ends (newest first).
	want    int64
	known   bool
	opening *int64
	// the open group
	receipt  string
	line     int
	sum      int64
	balances []int64

	groups, without int
	broken          int
	is, should      int64
}

func (c *chain) begin(oldest bool, p preamble) {
	c.oldest = oldest
	from := p.closing
	if oldest {
		from = p.opening
	} else {
		c.opening = p.opening
	}
	if from != nil && (oldest || p.reported.IsZero() || !p.reported.Before(p.to)) {
		c.want, c.known = *from, true
	}
}

func (c *chain) add(r *Row) {
	if !r.HasBalance {
		c.without++
		return
	}
	if r.Receipt != c.receipt {
		c.group()
		c.receipt, c.line, c.sum, c.balances = r.Receipt, r.Line, 0, c.balances[:0]
	}
	c.sum += r.Amount
	c.balances = append(c.balances, r.Balance)
}

// group ends the open receipt: one of its balances must be the one that it ends with.
func (c *chain) group() {
	if len(c.balances) == 0 {
		return
	}
	c.groups++
	ends := c.want
	if c.oldest {
		ends += c.sum
	}
	if fits := contains(c.balances, ends); !c.known || !fits {
		last := c.balances[0]
		if c.oldest {
			last = c.balances[len(c.balances)-1]
		}
		if c.known {
			c.breaks(last, ends)
		}
		ends = last
	}
	c.known = true
	c.want = ends
	if !c.oldest {
		c.want -= c.sum
	}
	c.balances = c.balances[:0]
}

func (c *chain) breaks(is, should int64) {
	if c.broken == 0 {
		c.broken, c.is, c.should = c.line, is, should
	}
}

// end closes the last group and, where the oldest stands last, holds it against the
// opening balance.
func (c *chain) end() {
	line := c.line
	c.group()
	if c.opening != nil && c.known && c.groups > 0 && c.want != *c.opening && c.broken == 0 {
		c.broken, c.is, c.should = line, c.want, *c.opening
	}
}

func contains(list []int64, n int64) bool {
	return slices.Contains(list, n)
}
