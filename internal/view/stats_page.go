package view

import (
	"time"

	"github.com/payctl/payctl/internal/page"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/stats"
)

// Page is the report as a page.
func (v Stats) Page(now time.Time) page.Document {
	r := v.report
	const form = "2006-01-02 15:04"
	d := page.Document{
		Title: "Payments", Made: now, Zone: v.zone, Foot: "Made by payctl stats.",
		Lead: r.Since.In(v.zone).Format(form) + " to " + r.Until.In(v.zone).Format(form+" MST") + ".",
		Tiles: []page.Tile{
			{Label: "asked", Value: count(v.Asked)},
			{Label: "completed", Value: count(v.Completed), Detail: percent(v.SuccessRate) + " of what is decided", Mark: page.Good},
			{Label: "failed", Value: count(v.Failed)},
			{Label: "undecided", Value: count(v.Undecided)},
			{Label: "money in", Value: v.Amount, Detail: v.Currency},
			{Label: "given back", Value: v.Reversed, Detail: v.Currency},
		},
	}
	if v.Undecided > 0 {
		d.Tiles[3].Mark = page.Warn
	}
	d.Sections = append(d.Sections, groupSection("Day by day", "Payments by day, with a bar for what was asked", newGroups(r.Days)))
	if r.By != stats.ByNothing && r.By != stats.ByDay {
		d.Sections = append(d.Sections, groupSection("By "+string(r.By), "Payments by "+string(r.By), v.Groups))
	}
	d.Sections = append(d.Sections, v.reasonSection(), v.settleSection(), v.deliverySection())
	if len(v.Wallets) > 0 {
		d.Sections = append(d.Sections, v.walletSection())
	}
	return d
}

func groupSection(heading, caption string, groups []StatsGroup) page.Section {
	if len(groups) == 0 {
		return page.Section{Heading: heading, Note: "Nothing was asked for."}
	}
	t := &page.Table{Caption: caption, Columns: []page.Column{
		{Title: "Group"}, {Title: "Asked"}, {Title: "Paid", Right: true}, {Title: "Failed", Right: true}, {Title: "Open", Right: true}, {Title: "Rate", Right: true}, {Title: "Amount", Right: true}, {Title: "Reversed", Right: true},
	}}
	for _, g := range groups {
		t.Rows = append(t.Rows, []page.Cell{
			page.Text(g.Key), page.Bar(count(g.Asked), float64(g.Asked), float64(g.most)), page.Text(count(g.Completed)), page.Text(count(g.Failed)),
			page.Text(count(g.Undecided)), page.Text(percent(g.SuccessRate)), page.Text(g.Amount), page.Text(g.Reversed),
		})
	}
	return page.Section{Heading: heading, Table: t}
}

func (v Stats) reasonSection() page.Section {
	s := page.Section{Heading: "Why payments failed"}
	if len(v.Reasons) == 0 {
		s.Note = "None failed."
		return s
	}
	s.Table = &page.Table{Caption: "Reasons, the most frequent first", Columns: []page.Column{{Title: "Code"}, {Title: "Failed"}, {Title: "Meaning", Wide: true}}}
	for _, r := range v.Reasons {
		s.Table.Rows = append(s.Table.Rows, []page.Cell{page.Text(payment.Or(r.Code, "none")), page.Bar(count(r.Count), float64(r.Count), float64(v.Reasons[0].Count)), page.Text(r.Meaning)})
	}
	return s
}

func (v Stats) settleSection() page.Section {
	s := page.Section{Heading: "How they were decided", Note: "Time from the request to the decision: " + v.settledIn() + "."}
	total := int64(0)
	for _, n := range v.DecidedBy {
		total += n
	}
	if total == 0 {
		return s
	}
	s.Table = &page.Table{Caption: "Payments by what decided them", Columns: []page.Column{{Title: "Decided by"}, {Title: "Payments"}}}
	for _, by := range []string{"callback", "stream", "poll", "query", "operator"} {
		if n := v.DecidedBy[by]; n > 0 {
			s.Table.Rows = append(s.Table.Rows, []page.Cell{page.Text(by), page.Bar(count(n), float64(n), float64(total))})
		}
	}
	return s
}

func (v Stats) deliverySection() page.Section {
	t := &page.Table{Caption: "Deliveries and forwards, by whole days", Columns: []page.Column{{Title: "What"}, {Title: "Count", Right: true}}}
	for _, row := range []struct {
		what string
		n    int64
	}{
		{"deliveries", v.Deliveries.Total},
		{"of them duplicated", v.Deliveries.Duplicated},
		{"of them not believed", v.Deliveries.Unbelieved},
		{"payments called back late", v.Deliveries.Late},
		{"payments never called back", v.Deliveries.Lost},
		{"forwards sent", v.Forwards.Sent},
		{"of them failed", v.Forwards.Failed},
		{"forwards that wait", v.Forwards.Waiting},
		{"forwards that are dead", v.Forwards.Dead},
	} {
		t.Rows = append(t.Rows, []page.Cell{page.Text(row.what), page.Text(count(row.n))})
	}
	return page.Section{Heading: "Deliveries", Table: t}
}

func (v Stats) walletSection() page.Section {
	t := &page.Table{Caption: "Transactions of wallets, which nobody asked for", Columns: []page.Column{
		{Title: "Wallet"},
		{Title: "Completed", Right: true},
		{Title: "Failed", Right: true},
		{Title: "Undecided", Right: true},
		{Title: "Currency"},
		{Title: "Money in", Right: true},
		{Title: "Money out", Right: true},
		{Title: "Not stated", Right: true},
	}}
	for _, w := range v.Wallets {
		t.Rows = append(t.Rows, []page.Cell{
			page.Text(w.Provider), page.Text(count(w.Completed)), page.Text(count(w.Failed)), page.Text(count(w.Undecided)),
			page.Text(w.Currency), page.Text(w.MoneyIn), page.Text(w.MoneyOut), page.Text(w.Unstated),
		})
	}
	return page.Section{Heading: "Wallets", Table: t}
}
