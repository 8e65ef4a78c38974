package listen

import (
	"slices"
	"strings"
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

// waiting is a forward that is not delivered yet.
type waiting struct {
	forward store.Forward
	line    line
	// until is the end of our lease, zero if we have none; due is when the queue
	// gives it out next if we have none.
	until, due time.Time
	// busy is ready or being sent.
	busy bool
	// renewed is what the queue gave out while an attempt was under way.
	renewed store.Forward
	// askAgain is when to see whether what it is behind has gone.
	askAgain time.Time
	// refusals counts the answers that refused it in this run.
	refusals int
	// loose found no room in the order; gone is settled, or forgotten.
	loose, gone bool
}

// identity tells a forward from a later one that was given its key.
type identity struct{ forward, delivery string }

func identityOf(f store.Forward) identity { return identity{f.ID, f.DeliveryID} }

// order remembers which forward of a line comes first.
type order struct {
	lines map[line][]*waiting
	where map[identity]*waiting
}

func newOrder() *order {
	return &order{lines: map[line][]*waiting{}, where: map[identity]*waiting{}}
}

func (o *order) lineOf(f store.Forward) (line, bool) {
	w := o.where[identityOf(f)]
	if w == nil {
		return line{}, false
	}
	return w.line, true
}

// place puts a forward into its line by age, or renews its lease there. When
// too many are remembered it only returns the forward, to be sent by itself.
func (o *order) place(f store.Forward, l line, until time.Time) *waiting {
	if w := o.where[identityOf(f)]; w != nil {
		if w.busy { // a worker reads the forward
			w.renewed = f
		} else {
			w.forward, w.until, w.due = f, until, f.DueAt
		}
		return nil
	}
	w := &waiting{forward: f, line: l, until: until, due: f.DueAt}
	if len(o.where) >= mostRemembered {
		w.loose = true
		return w
	}
	queue := o.lines[l]
	at, _ := slices.BinarySearchFunc(queue, f, func(w *waiting, f store.Forward) int {
		if w.forward.CreatedAt.Equal(f.CreatedAt) {
			return strings.Compare(w.forward.ID, f.ID) // which sort as they were made
		}
		return w.forward.CreatedAt.Compare(f.CreatedAt)
	})
	o.lines[l] = slices.Insert(queue, at, w)
	o.where[identityOf(f)] = w
	return nil
}

// head returns the first of a line, nil if it is empty.
func (o *order) head(l line) *waiting {
	if queue := o.lines[l]; len(queue) > 0 {
		return queue[0]
	}
	return nil
}

// overdue tells that the first of a line holds others up although the queue
// should have given it out long ago: somebody else may have settled it.
func (o *order) overdue(l line, now time.Time, lease time.Duration) bool {
	queue := o.lines[l]
	return len(queue) > 1 && !queue[0].busy && now.Sub(later(queue[0].due, queue[0].until)) > 2*lease
}

// keepOnly forgets what is not among the forwards that still wait.
func (o *order) keepOnly(left []store.Forward) {
	waits := make(map[identity]bool, len(left))
	for _, f := range left {
		waits[identityOf(f)] = true
	}
	for id, w := range o.where {
		if !waits[id] && !w.busy {
			o.remove(w.forward)
		}
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
func (o *order) remove(f store.Forward) {
	id := identityOf(f)
	w := o.where[id]
	if w == nil {
		return
	}
	w.gone = true
	delete(o.where, id)
	queue := slices.DeleteFunc(o.lines[w.line], func(x *waiting) bool { return x == w })
	if len(queue) == 0 {
		delete(o.lines, w.line)
		return
	}
	o.lines[w.line] = queue
}
