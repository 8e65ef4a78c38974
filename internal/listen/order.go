package listen

import (
	"slices"
	"time"

	"github.com/payctl/payctl/internal/store"
)

// mostRemembered bounds how many waiting forwards are kept in order; beyond it
// the queue's own order has to do.
const mostRemembered = 100_000

// line is one payment on its way to one target: its deliveries are sent one
// after the other, oldest first.
type line struct {
	target string
	about  string
}

// lineOf tells which payment a delivery is about: the deposit, else the
// provider's own id, else nothing but itself.
func lineOf(f store.Forward, d store.StoredDelivery) line {
	about := d.DepositID
	switch {
	case about != "":
	case d.Event != nil && d.Event.ConversationID != "":
		about = string(d.Provider) + "/" + d.Event.ConversationID
	case d.Event != nil && d.Event.ProviderID != "":
		about = string(d.Provider) + "/" + d.Event.ProviderID
	default:
		about = f.DeliveryID
	}
	return line{target: f.Target, about: about}
}

// waiting is a forward that is not delivered yet.
type waiting struct {
	forward store.Forward
	line    line
	// until is the end of our lease, zero if we have none; due is when the queue
	// gives it out next if we have none.
	until, due time.Time
	// busy is ready or being sent.
	busy bool
}

// order remembers which forward of a line comes first.
type order struct {
	lines map[line][]*waiting
	where map[string]*waiting
}

func newOrder() *order {
	return &order{lines: map[line][]*waiting{}, where: map[string]*waiting{}}
}

func (o *order) lineOf(id string) (line, bool) {
	w := o.where[id]
	if w == nil {
		return line{}, false
	}
	return w.line, true
}

// place puts a forward into its line by age, or renews its lease there.
func (o *order) place(f store.Forward, l line, until time.Time) {
	if w := o.where[f.ID]; w != nil {
		if !w.busy {
			w.forward, w.until, w.due = f, until, f.DueAt
		}
		return
	}
	w := &waiting{forward: f, line: l, until: until, due: f.DueAt}
	queue := o.lines[l]
	at, _ := slices.BinarySearchFunc(queue, f.CreatedAt, func(w *waiting, t time.Time) int {
		if !w.forward.CreatedAt.After(t) {
			return -1
		}
		return 1
	})
	o.lines[l] = slices.Insert(queue, at, w)
	o.where[f.ID] = w
}

// head returns the first of a line. One that the queue should have given out
// long ago was settled by somebody else, and is dropped.
func (o *order) head(l line, now time.Time, lease time.Duration) *waiting {
	for {
		queue := o.lines[l]
		if len(queue) == 0 {
			return nil
		}
		first := queue[0]
		if first.busy || first.until.After(now) || len(queue) == 1 || now.Sub(later(first.due, first.until)) < 2*lease {
			return first
		}
		o.remove(first.forward.ID)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// heads returns the first of every line to a target, oldest first.
func (o *order) heads(target string) []*waiting {
	var out []*waiting
	for l, queue := range o.lines {
		if l.target == target {
			out = append(out, queue[0])
		}
	}
	slices.SortFunc(out, func(a, b *waiting) int { return a.forward.CreatedAt.Compare(b.forward.CreatedAt) })
	return out
}

// remove takes a forward out of its line.
func (o *order) remove(id string) {
	w := o.where[id]
	if w == nil {
		return
	}
	delete(o.where, id)
	queue := slices.DeleteFunc(o.lines[w.line], func(x *waiting) bool { return x == w })
	if len(queue) == 0 {
		delete(o.lines, w.line)
		return
	}
	o.lines[w.line] = queue
}
