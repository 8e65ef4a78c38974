// Package page writes one self-contained HTML page: sums, charts and tables, without a
// script and without anything from elsewhere. It is readable in a light and a dark
// scheme, on paper, without colour, and by a screen reader: every chart is a table
// whose bars only repeat what its cells say. What is on a page is the caller's.
package page

import (
	_ "embed" // the template and its style
	"fmt"
	"html/template"
	"io"
	"time"
)

// Document is one page.
type Document struct {
	Title string
	// Lead says in one sentence what the page is about.
	Lead string
	// Made is when, At which zone it is told in.
	Made     time.Time
	Zone     *time.Location
	Tiles    []Tile
	Sections []Section
	// Foot says how the page was made.
	Foot string
}

// Mark says how a value is meant. It is told by a sign and a word beside the colour.
type Mark string

// The marks.
const (
	Plain Mark = ""
	Good  Mark = "good"
	Warn  Mark = "warn"
	Bad   Mark = "bad"
)

// Tile is one sum.
type Tile struct {
	Label, Value, Detail string
	Mark                 Mark
}

// Section is a heading with a table under it, or a note where there is none.
type Section struct {
	Heading, Note string
	Table         *Table
}

// Table is rows under titles.
type Table struct {
	// Caption says what the table shows, for those who hear it.
	Caption string
	Columns []Column
	Rows    [][]Cell
}

// Column heads a table's column.
type Column struct {
	Title string
	// Right aligns numbers.
	Right bool
	// Wide lets text break.
	Wide bool
}

// Cell is one value.
type Cell struct {
	Text string
	Mark Mark
	// Code is for what is typed or copied.
	Code bool
	// Share, from 0 to 1, draws a bar beside the text; Has tells that there is one.
	Share float64
	Bar   bool
}

// Text is a cell without anything about it.
func Text(text string) Cell { return Cell{Text: text} }

// Bar is a cell with a bar of a share of the whole.
func Bar(text string, part, whole float64) Cell {
	c := Cell{Text: text, Bar: true}
	if whole > 0 && part > 0 {
		c.Share = min(part/whole, 1)
	}
	return c
}

//go:embed page.html
var source string

//go:embed page.css
var style string

// Style is the style sheet of a page, for whatever else is to look like one.
func Style() string { return style }

// Write writes the page. Whatever it shows is escaped.
func Write(w io.Writer, d Document) error {
	if d.Zone == nil {
		d.Zone = time.UTC
	}
	t, err := template.New("page").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS("\n" + style) }, //nolint:gosec // the text is ours
		"width": func(c Cell) string { return fmt.Sprintf("%.1f", 100*c.Share) },
		"when":  func(t time.Time) string { return t.In(d.Zone).Format("2006-01-02 15:04:05 MST") },
		"sign": func(m Mark) string {
			switch m {
			case Good:
				return "✓"
			case Warn:
				return "▲"
			case Bad:
				return "✗"
			case Plain:
			}
			return ""
		},
	}).Parse(source)
	if err != nil {
		return err
	}
	return t.Execute(w, d)
}
