package statement

import (
	"regexp"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/timing"
)

// mostPreamble is how many rows may stand above the columns' titles.
const mostPreamble = 40

// preamble is what the rows above the titles say, or else the file's name.
type preamble struct {
	shortCode, account, holder string
	from, to, reported         time.Time
	// dates are what the cells of From, To and Date of Report hold: which of their numbers
	// is the month is known when the rows are.
	dates                            [3]string
	opening, closing, totalIn, total *int64 // total is what was withdrawn, as it stands there
	onlyCompleted                    bool
	problem                          string
}

// take reads the labels of one row; the value is in the next cell that holds anything.
func (p *preamble) take(cells []string) {
	for i, cell := range cells {
		label := strings.TrimSpace(strings.TrimSuffix(tidyTitle(cell), ":"))
		if label == "" {
			continue // nor is what follows looked for: a row may have a million empty cells
		}
		if strings.HasPrefix(label, "account type - ") {
			_, account, _ := strings.Cut(cell, "- ")
			p.account = strings.TrimSpace(account)
			continue
		}
		value := ""
		for _, next := range cells[i+1:] {
			if value = strings.Trim(next, " \t\u00a0"); value != "" {
				break
			}
		}
		p.set(label, value)
	}
}

func (p *preamble) set(label, value string) {
	switch label {
	case "short code", "shortcode", "paybill", "till number":
		p.shortCode = strings.TrimSuffix(value, ".0")
	case "account":
		p.account = value
	case "account holder", "organisation name", "organization name":
		p.holder = value
	case "from":
		p.dates[0] = value
	case "to":
		p.dates[1] = value
	case "date of report":
		p.dates[2] = value
	case "statement period":
		from, to, _ := strings.Cut(value, " - ")
		p.from, p.to = day(from), day(to)
		if !p.to.IsZero() {
			p.to = p.to.Add(24*time.Hour - time.Second)
		}
	case "opening balance":
		p.opening = p.money(label, value)
	case "closing balance":
		p.closing = p.money(label, value)
	case "total paid in":
		p.totalIn = p.money(label, value)
	case "total withdrawn":
		p.total = p.money(label, value)
	}
}

// understand reads the dates, and fills what the rows lack from what the name says.
func (p *preamble) understand(order dateOrder, name preamble) {
	for i, into := range []*time.Time{&p.from, &p.to, &p.reported} {
		if p.dates[i] == "" {
			continue
		}
		at, err := when(p.dates[i], order, timing.EAT())
		if err != nil {
			p.problem = []string{"from", "to", "date of report"}[i] + " is no date and time"
		}
		*into = at
	}
	if p.from.IsZero() || p.to.IsZero() {
		p.from, p.to = name.from, name.to
	}
	if p.reported.IsZero() {
		p.reported = name.reported
	}
}

func (p *preamble) money(label, value string) *int64 {
	if value == "" {
		return nil
	}
	n, err := cents(value)
	if err != nil {
		p.problem = label + " " + err.Error()
		return nil
	}
	return &n
}

// day reads "04 Nov 2026"; zero where it is none.
func day(text string) time.Time {
	text = strings.TrimSpace(text)
	for _, form := range []string{"02 Jan 2006", "2 Jan 2006", "2 January 2006", time.DateOnly} {
		if at, err := time.ParseInLocation(form, text, timing.EAT()); err == nil {
			return at
		}
	}
	at, _ := when(text, dayFirst, timing.EAT())
	return at
}

// named reads what a file's name says (reference/statements.md §1): the only place
// where the newer portal has the short code and the period.
func named(name string) preamble {
	var p preamble
	if m := regexp.MustCompile(`(?i)^Statements for (\d+) from (\d{4}-\d\d-\d\d) to (\d{4}-\d\d-\d\d)\b`).FindStringSubmatch(name); m != nil {
		p.shortCode, p.from = m[1], day(m[2])
		if to := day(m[3]); !to.IsZero() {
			p.to = to.Add(24*time.Hour - time.Second)
		}
	}
	if m := regexp.MustCompile(`(?i)^ORG_(\d+)_(.+)_(All|Completed)_(\d{14})\b`).FindStringSubmatch(name); m != nil {
		p.shortCode, p.account, p.onlyCompleted = m[1], m[2], strings.EqualFold(m[3], "Completed")
		if at, err := time.ParseInLocation("20060102150405", m[4], timing.EAT()); err == nil {
			p.reported = at
		}
	}
	if m := regexp.MustCompile(`(?i)^Mpesa_(\d+)_(\d{8})235959\b`).FindStringSubmatch(name); m != nil {
		p.shortCode = m[1]
		if at, err := time.ParseInLocation("20060102", m[2], timing.EAT()); err == nil {
			p.from, p.to = at, at.Add(24*time.Hour-time.Second)
		}
	}
	return p
}

// or fills what p lacks from what the name says, but for times; see understand.
func (p preamble) or(name preamble) preamble {
	if p.shortCode == "" {
		p.shortCode = name.shortCode
	}
	if p.account == "" {
		p.account = name.account
	}
	p.onlyCompleted = name.onlyCompleted
	return p
}
