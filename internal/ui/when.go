package ui

import (
	"fmt"
	"time"
)

// When is a point in time: RFC 3339, as scripts get it. People see it in the Printer's
// zone to the second, which is named once a document; in a table on a terminal as its
// distance from now. Any other text is shown as it is.
func When(text string) Span {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return Plain(text)
	}
	return Span{text: text, at: at}
}

const secondForm = "2006-01-02 15:04:05"

// shown is the span with a time as words; the first time of a document names its zone.
func (t *Text) shown(s Span) Span {
	if s.at.IsZero() {
		return s
	}
	form := secondForm
	if !t.zoned {
		t.zoned, form = true, secondForm+" MST"
	}
	return Span{text: s.at.In(t.zone()).Format(form), look: s.look}
}

func (t *Text) zone() *time.Location {
	if t.clock.Zone == nil {
		return time.UTC
	}
	return t.clock.Zone()
}

// tableTimes puts words in the place of times, in copies of the rows, and the zone's name
// beside the titles of their columns.
func (t *Text) tableTimes(columns []Column, rows [][]Span) ([]Column, [][]Span) {
	copied := make([][]Span, len(rows))
	named := map[int]string{}
	for i, row := range rows {
		copied[i] = append([]Span(nil), row...)
		for j, s := range row {
			switch {
			case s.at.IsZero():
			case t.width > 0 && t.clock.Now != nil:
				copied[i][j].text = distance(s.at.Sub(t.clock.Now()))
			default:
				at := s.at.In(t.zone())
				copied[i][j].text = at.Format(secondForm)
				if named[j] == "" {
					named[j], _ = at.Zone()
				}
			}
		}
	}
	if len(named) == 0 {
		return columns, copied
	}
	columns = append([]Column(nil), columns...)
	for j, zone := range named {
		if j < len(columns) {
			columns[j].Title += " (" + zone + ")"
		}
	}
	return columns, copied
}

// distance is a time's distance from now in one unit: "3m ago", "in 2h".
func distance(d time.Duration) string {
	form := "in %s"
	if d <= 0 {
		d, form = -d, "%s ago"
	}
	return fmt.Sprintf(form, Ago(d))
}

// Ago is a duration in its largest whole unit, such as "90s", "5m", "3h" or "12d".
func Ago(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/day)
}
