package view

import (
	"fmt"
	"strconv"
	"time"

	"github.com/payctl/payctl/internal/page"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile"
)

// mostOnPage bounds the differences on a page: a browser has to lay them out.
const mostOnPage = 5000

// Page is the report as a page.
func (v Reconcile) Page(now time.Time) page.Document {
	r := v.report
	form := "2006-01-02 15:04"
	d := page.Document{
		Title: "Reconciliation", Made: now, Zone: v.zone, Foot: "Made by payctl reconcile; nothing was changed.",
		Lead: "Statement against ledger, " + r.From.In(v.zone).Format(form) + " to " + r.To.In(v.zone).Format(form+" MST") + ".",
	}
	marks := map[reconcile.Category]page.Mark{reconcile.Matched: page.Good, reconcile.OnlyLedger: page.Bad, reconcile.OnlyStatement: page.Bad, reconcile.AmountDiffers: page.Bad, reconcile.StatusDiffers: page.Bad}
	sums := &page.Table{Caption: "Payments by category", Columns: []page.Column{{Title: "Category"}, {Title: "Payments", Right: true}, {Title: "KES", Right: true}}}
	for _, c := range reconcile.Categories() {
		n := r.Counts[c]
		if n == 0 && c != reconcile.Matched {
			continue
		}
		sums.Rows = append(sums.Rows, []page.Cell{page.Text(words(string(c))), page.Text(strconv.Itoa(n)), page.Text(v.Amounts[string(c)])})
		if mark, wanted := marks[c]; wanted {
			if n == 0 {
				mark = page.Plain
			}
			d.Tiles = append(d.Tiles, page.Tile{Label: words(string(c)), Value: strconv.Itoa(n), Detail: "KES " + v.Amounts[string(c)], Mark: mark})
		}
	}
	d.Sections = append(d.Sections, page.Section{Heading: "Sums", Table: sums}, v.pageDifferences(), v.pageFiles(), v.pageSums())
	return d
}

// pageSums shows both sides counted twice, and what the provider was asked.
func (v Reconcile) pageSums() page.Section {
	t := &page.Table{Caption: "Each row in exactly one category", Columns: []page.Column{{Title: "Counted"}, {Title: "Result"}, {Title: "Sum", Wide: true}}}
	verdict := func(ok bool, yes, no string) page.Cell {
		if ok {
			return page.Cell{Text: yes, Mark: page.Good}
		}
		return page.Cell{Text: no, Mark: page.Bad}
	}
	for _, s := range v.report.Equation {
		t.Rows = append(t.Rows, []page.Cell{page.Text(words(s.Name)), verdict(s.Holds(), "holds", "does not hold"), page.Text(equation(s))})
	}
	for _, a := range v.Provider {
		t.Rows = append(t.Rows, []page.Cell{page.Text("asked: " + a.What), verdict(a.OK, "answered", "no answer"), page.Text(a.Result)})
	}
	return page.Section{Heading: "How it adds up", Table: t}
}

func (v Reconcile) pageFiles() page.Section {
	checks := &page.Table{Caption: "Files and what they say of themselves", Columns: []page.Column{{Title: "File", Wide: true}, {Title: "Check"}, {Title: "Result"}, {Title: "Detail", Wide: true}}}
	for _, f := range v.Files {
		checks.Rows = append(checks.Rows, []page.Cell{page.Text(f.Name), page.Text("rows"), page.Text(strconv.Itoa(f.Rows)), page.Text(fmt.Sprintf("family %s, %d ignored, %d unreadable, SHA-256 %s", f.Family, f.Ignored, f.Unreadable, f.SHA256))})
		for _, c := range f.Checks {
			result := page.Cell{Text: "not checked"}
			if c.OK != nil {
				result = page.Cell{Text: "holds", Mark: page.Good}
				if !*c.OK {
					result = page.Cell{Text: "does not hold", Mark: page.Bad}
				}
			}
			checks.Rows = append(checks.Rows, []page.Cell{page.Text(f.Name), page.Text(words(c.Name)), result, page.Text(c.Detail)})
		}
	}
	s := page.Section{Heading: "Files", Table: checks}
	if len(v.Files) == 0 {
		s.Note, s.Table = "No file was given.", nil
	}
	return s
}

func (v Reconcile) pageDifferences() page.Section {
	if len(v.Differences) == 0 {
		return page.Section{Heading: "Differences", Note: "There are none: everything matches."}
	}
	table := &page.Table{Caption: "Differences, the worst first", Columns: []page.Column{
		{Title: "Receipt"}, {Title: "Severity"}, {Title: "Category"}, {Title: "KES", Right: true}, {Title: "Ledger KES", Right: true}, {Title: "Time"}, {Title: "Why", Wide: true}, {Title: "Next", Wide: true},
	}}
	marks := map[string]page.Mark{string(reconcile.Critical): page.Bad, string(reconcile.High): page.Bad, string(reconcile.Medium): page.Warn}
	for _, d := range v.Differences[:min(mostOnPage, len(v.Differences))] {
		why := d.Detail
		switch {
		case d.Line != nil && len(v.Files) == 1:
			why += " (line " + strconv.Itoa(*d.Line) + ")"
		case d.File != nil:
			why += " (" + d.where() + ")"
		}
		table.Rows = append(table.Rows, []page.Cell{
			page.Text(payment.Or(d.Receipt, payment.Or(d.DepositID, "-"))),
			{Text: d.Severity, Mark: marks[d.Severity]},
			page.Text(words(d.Category)), page.Text(payment.Or(d.Amount, "-")),
			page.Text(payment.Or(d.LedgerAmount, "-")), page.Text(d.when()), page.Text(why),
			{Text: d.Next, Code: true},
		})
	}
	s := page.Section{Heading: "Differences", Table: table}
	if len(v.Differences) > mostOnPage {
		s.Note = fmt.Sprintf("The first %d of %d; -o csv has them all.", mostOnPage, len(v.Differences))
	}
	return s
}
