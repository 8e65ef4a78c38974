package ui

import (
	"slices"
	"strings"
)

// Column heads one column of a table. On a terminal that is too narrow, flexible columns
// are shortened first, then those with a Drop are left out, and what is still too long
// is cut: a row is always one line.
type Column struct {
	Title string
	// Right aligns numbers.
	Right bool
	// Flexible columns may be shortened.
	Flexible bool
	// Drop says as which one the column may be left out, 1 first; 0 never.
	Drop int
}

// Left is a column that is never shortened.
func Left(title string) Column { return Column{Title: title} }

// Right is a column of numbers.
func Right(title string) Column { return Column{Title: title, Right: true} }

// Flexible is a column that gives way on narrow terminals.
func Flexible(title string) Column { return Column{Title: title, Flexible: true} }

// Dropped is the column that may be left out as the nth.
func (c Column) Dropped(nth int) Column {
	c.Drop = nth
	return c
}

// DropOrder is the titles of the columns that may be left out, the first one first.
func DropOrder(columns []Column) string {
	var titles []string
	for _, i := range dropOrder(columns) {
		titles = append(titles, columns[i].Title)
	}
	return strings.Join(titles, ", ")
}

// dropOrder is the places of the columns that may be left out, the first one first.
func dropOrder(columns []Column) []int {
	var order []int
	for i, c := range columns {
		if c.Drop > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return columns[a].Drop - columns[b].Drop })
	return order
}

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
	columns, rows = t.tableTimes(columns, rows)
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

// columnWidths fits the columns into the terminal. A column that is left out has -1.
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
	natural := slices.Clone(widths)
	for order := dropOrder(columns); !shorten(columns, widths, t.width) && len(order) > 0; order = order[1:] {
		natural[order[0]] = -1
		copy(widths, natural)
	}
	return widths
}

// shorten shortens flexible columns, the widest first, and reports whether all fit.
func shorten(columns []Column, widths []int, most int) bool {
	total := -columnGap
	for _, w := range widths {
		if w >= 0 {
			total += w + columnGap
		}
	}
	for ; total > most; total-- {
		widest := -1
		for i, c := range columns {
			if c.Flexible && widths[i] > leastFlexible && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return false
		}
		widths[widest]--
	}
	return true
}

func (t *Text) row(columns []Column, widths []int, row []Span) {
	last := len(row) - 1
	for last > 0 && (row[last].text == "" || widths[last] < 0) {
		last--
	}
	used, gap := 0, 0
	for i, s := range row[:last+1] {
		if widths[i] < 0 {
			continue
		}
		most := widths[i]
		if t.width > 0 {
			most = max(min(most, t.width-used-gap), 0)
		}
		text := cut(s.text, most)
		if most == 0 && s.text != "" {
			break // the terminal has no room for it
		}
		t.pad(gap)
		space := most - cells(text)
		if columns[i].Right {
			t.pad(space)
		}
		t.buf.WriteString(t.style.render(s.look, text))
		if !columns[i].Right && i < last {
			t.pad(space)
		}
		used, gap = used+gap+most, columnGap
	}
	t.buf.WriteByte('\n')
}

// Columns heads a table with Columns that give way on a narrow terminal.
func Columns(titles ...string) []Column {
	out := make([]Column, len(titles))
	for i, title := range titles {
		out[i] = Flexible(title)
	}
	return out
}
