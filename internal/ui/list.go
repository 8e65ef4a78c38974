package ui

import (
	"bytes"
	"iter"
)

// Row is an item of a list: an object in JSON, a table's row in text.
type Row interface {
	// Cells are the row's columns from left to right.
	Cells() []Span
}

// List prints a list: an array under json ("[]" when empty), one object a line
// under ndjson, a table under text (nothing when empty), rows under a header that is
// there also when the list is empty under csv. Errors are those of One.
func List[R Row](p *Printer, columns []Column, items []R) error {
	switch p.Format() {
	case FormatNDJSON:
		for _, item := range items {
			if err := p.document(item, false); err != nil {
				return err
			}
		}
		return nil
	case FormatJSON:
		if items == nil {
			items = []R{}
		}
		return p.document(items, true)
	case FormatCSV:
		header, err := csvHeader[R]()
		if err != nil {
			return err
		}
		if len(items) == 0 {
			return p.csvWrite(header, nil)
		}
		for _, item := range items {
			if err := p.csvOne(item); err != nil {
				return err
			}
		}
		return nil
	case FormatText:
	}
	return p.text(func(t *Text) {
		rows := make([][]Span, len(items))
		for i, item := range items {
			rows[i] = item.Cells()
		}
		t.Table(columns, rows)
	})
}

// measured is how many rows of a long list are gathered to find the columns' widths.
const measured = 500

// Stream prints a list too long to hold, as List would, while it is read. Under
// text each page of rows is aligned by itself, and only the first has a header.
// A filter needs the whole array, so with one the list is held after all.
// The sequence's own error ends the list and is returned as it is; under json
// the array is closed first, so that what was printed parses.
func Stream[R Row](p *Printer, columns []Column, items iter.Seq2[R, error]) error {
	switch {
	case p.Format() == FormatJSON && p.filter == nil:
		return streamArray(p, items)
	case p.Format() == FormatNDJSON:
		for item, err := range items {
			if err != nil {
				return err
			}
			if err := p.document(item, false); err != nil {
				return err
			}
		}
		return nil
	case p.Format() == FormatCSV:
		return streamCSV(p, items)
	}
	var page []R
	first := true
	flush := func() error {
		if p.Format() == FormatJSON {
			return List(p, columns, page)
		}
		err := p.text(func(t *Text) { t.page(columns, cellsOf(page), first) })
		page, first = page[:0], false
		return err
	}
	for item, err := range items {
		if err != nil {
			_ = flush()
			return err
		}
		page = append(page, item)
		if len(page) == measured && p.Format() == FormatText {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func cellsOf[R Row](items []R) [][]Span {
	rows := make([][]Span, len(items))
	for i, item := range items {
		rows[i] = item.Cells()
	}
	return rows
}

// page is Table, with or without the header's line.
func (t *Text) page(columns []Column, rows [][]Span, header bool) {
	start := t.buf.Len()
	t.Table(columns, rows)
	if header || t.buf.Len() == start {
		return
	}
	body := t.buf.Bytes()[start:]
	after := bytes.Clone(body[bytes.IndexByte(body, '\n')+1:])
	t.buf.Truncate(start)
	t.buf.Write(after)
}

func streamArray[R Row](p *Printer, items iter.Seq2[R, error]) error {
	if err := p.write([]byte("[")); err != nil {
		return err
	}
	separator := ""
	var failed error
	for item, err := range items {
		if failed = err; failed != nil {
			break
		}
		data, err := encode(item)
		if err != nil {
			failed = err
			break
		}
		if err := p.write(append([]byte(separator), data...)); err != nil {
			return err
		}
		separator = ",\n"
	}
	if err := p.write([]byte("]\n")); err != nil {
		return err
	}
	return failed
}

func streamCSV[R Row](p *Printer, items iter.Seq2[R, error]) error {
	for item, err := range items {
		if err != nil {
			return err
		}
		if err := p.csvOne(item); err != nil {
			return err
		}
	}
	if p.headed {
		return nil
	}
	header, err := csvHeader[R]()
	if err != nil {
		return err
	}
	return p.csvWrite(header, nil)
}
