package ui

import "cmp"

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

// Several prints what a command has to say one by one: an array under json, else
// one a line.
func Several[V View](out *Printer, views []V) error {
	if out.Format() == FormatJSON {
		return out.One(several[V](views))
	}
	var err error
	for _, v := range views {
		err = cmp.Or(err, out.Line(v))
	}
	return err
}

type several[V View] []V

// Text writes each for people.
func (s several[V]) Text(t *Text) {
	for _, v := range s {
		v.Text(t)
	}
}
