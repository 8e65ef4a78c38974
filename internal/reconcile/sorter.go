package reconcile

import (
	"bufio"
	"errors"
	"io"
	"os"
	"slices"
)

const (
	// runSize is how many entries are sorted at a time.
	runSize = 1 << 16
	// heldRuns is how many sorted runs a side keeps in memory; further ones are
	// written to a temporary file.
	heldRuns = 8
)

// sorter sorts any number of entries in bounded memory: sorted runs, merged.
type sorter struct {
	open  []entry
	held  [][]entry
	file  *os.File
	spans []span
	n     int
}

// span is a run in the file.
type span struct{ from, to int64 }

func (s *sorter) add(e *entry) error {
	if s.open == nil {
		s.open = make([]entry, 0, runSize)
	}
	s.open = append(s.open, *e)
	s.n++
	if len(s.open) < runSize {
		return nil
	}
	return s.end()
}

// end sorts the open run and puts it away.
func (s *sorter) end() error {
	if len(s.open) == 0 {
		return nil
	}
	slices.SortFunc(s.open, func(a, b entry) int { return a.compare(&b) })
	if len(s.held) < heldRuns {
		s.held = append(s.held, s.open)
		s.open = nil
		return nil
	}
	err := s.spill()
	s.open = s.open[:0]
	return err
}

func (s *sorter) spill() error {
	if s.file == nil {
		f, err := os.CreateTemp("", "payctl-reconcile-*")
		if err != nil {
			return err
		}
		s.file = f
		// Nobody else is to find it, nor anybody after a crash.
		_ = os.Remove(f.Name())
	}
	from := int64(0)
	if len(s.spans) > 0 {
		from = s.spans[len(s.spans)-1].to
	}
	w := bufio.NewWriterSize(s.file, 1<<16)
	var buf [entrySize]byte
	for i := range s.open {
		if _, err := w.Write(s.open[i].append(buf[:0])); err != nil {
			return err
		}
	}
	s.spans = append(s.spans, span{from, from + int64(len(s.open))*entrySize})
	return w.Flush()
}

func (s *sorter) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if removed := os.Remove(s.file.Name()); removed != nil && !errors.Is(removed, os.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	return err
}

// merge returns the entries in order. Nothing may be added afterwards.
func (s *sorter) merge() (*merger, error) {
	if err := s.end(); err != nil {
		return nil, err
	}
	s.open = nil
	m := &merger{}
	for _, run := range s.held {
		m.heads = append(m.heads, &head{memory: run})
	}
	for _, sp := range s.spans {
		m.heads = append(m.heads, &head{disk: bufio.NewReaderSize(io.NewSectionReader(s.file, sp.from, sp.to-sp.from), 1<<15)})
	}
	for _, head := range slices.Backward(m.heads) {
		if err := head.next(); err != nil {
			return nil, err
		}
	}
	m.heads = slices.DeleteFunc(m.heads, func(h *head) bool { return h.done })
	for i := len(m.heads)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return m, nil
}

// head is the first entry that is left of a run.
type head struct {
	entry
	memory []entry
	disk   *bufio.Reader
	done   bool
}

func (h *head) next() error {
	if h.disk == nil {
		if len(h.memory) == 0 {
			h.done = true
			return nil
		}
		h.entry, h.memory = h.memory[0], h.memory[1:]
		return nil
	}
	var buf [entrySize]byte
	_, err := io.ReadFull(h.disk, buf[:])
	if errors.Is(err, io.EOF) {
		h.done = true
		return nil
	}
	if err == nil {
		h.take(buf[:])
	}
	return err
}

// merger is a heap of runs.
type merger struct{ heads []*head }

// first returns the least entry, nil at the end. It is valid until pop.
func (m *merger) first() *entry {
	if len(m.heads) == 0 {
		return nil
	}
	return &m.heads[0].entry
}

func (m *merger) pop() error {
	if err := m.heads[0].next(); err != nil {
		return err
	}
	if m.heads[0].done {
		last := len(m.heads) - 1
		m.heads[0] = m.heads[last]
		m.heads = m.heads[:last]
	}
	m.down(0)
	return nil
}

func (m *merger) down(i int) {
	for {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(m.heads) && m.heads[child].compare(&m.heads[least].entry) < 0 {
				least = child
			}
		}
		if least == i {
			return
		}
		m.heads[i], m.heads[least] = m.heads[least], m.heads[i]
		i = least
	}
}

// group takes all entries of the least receipt, up to and without those after k.
func (m *merger) group(k receiptKey, into []entry) ([]entry, error) {
	into = into[:0]
	for e := m.first(); e != nil && e.key == k; e = m.first() {
		into = append(into, *e)
		if err := m.pop(); err != nil {
			return into, err
		}
	}
	return into, nil
}
