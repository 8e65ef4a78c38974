package ui

// Column heads one column of a table.
type Column struct {
	Title string
	// Right aligns numbers.
	Right bool
	// Flexible columns are shortened when the terminal is too narrow; without
	// any, lines run over.
	Flexible bool
}

// Left is a column that is never shortened.
func Left(title string) Column { return Column{Title: title} }

// Right is a column of numbers.
func Right(title string) Column { return Column{Title: title, Right: true} }

// Flexible is a column that gives way on narrow terminals.
func Flexible(title string) Column { return Column{Title: title, Flexible: true} }

const (
	columnGap = 2
	// leastFlexible is how far a flexible column may be shortened, in cells.
	leastFlexible = 8
)

// Table writes rows under a header, the columns aligned by cell width. A row
// may be shorter than the header; longer ones lose their excess. Without rows
// nothing is written.
func (t *Text) Table(columns []Column, rows [][]Span) {
	if len(rows) == 0 || len(columns) == 0 {
		return
	}
	header := make([]Span, len(columns))
	for i, c := range columns {
		header[i] = Dim(c.Title)
	}
	all := make([][]Span, 0, len(rows)+1)
	all = append(all, safeRow(header, len(columns)))
	for _, row := range rows {
		all = append(all, safeRow(row, len(columns)))
	}
	widths := t.columnWidths(columns, all)
	for _, row := range all {
		t.row(columns, widths, row)
	}
}

// safeRow returns a copy with escaped text and as many cells as there are columns.
func safeRow(row []Span, n int) []Span {
	out := make([]Span, n)
	for i := range min(n, len(row)) {
		out[i] = Span{text: Safe(row[i].text), look: row[i].look}
	}
	return out
}

func (t *Text) columnWidths(columns []Column, rows [][]Span) []int {
	widths := make([]int, len(columns))
	for _, row := range rows {
		for i, s := range row {
			widths[i] = max(widths[i], cells(s.text))
		}
	}
	if t.width == 0 {
		return widths
	}
	total := columnGap * (len(columns) - 1)
	for _, w := range widths {
		total += w
	}
	for total > t.width {
		widest := -1
		for i, c := range columns {
			if c.Flexible && widths[i] > leastFlexible && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
	}
	return widths
}

func (t *Text) row(columns []Column, widths []int, row []Span) {
	last := len(row) - 1
	for last > 0 && row[last].text == "" {
		last--
	}
	for i, s := range row[:last+1] {
		if i > 0 {
			t.pad(columnGap)
		}
		text := cut(s.text, widths[i])
		space := widths[i] - cells(text)
		if columns[i].Right {
			t.pad(space)
		}
		t.buf.WriteString(t.style.render(s.look, text))
		if !columns[i].Right && i < last {
			t.pad(space)
		}
	}
	t.buf.WriteByte('\n')
}
