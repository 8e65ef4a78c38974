package statement

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// section is one table under its titles, with what was said above them.
type section struct {
	family string
	layout layout
	pre    preamble
	// ready says that the sample was looked at.
	ready bool
	order dateOrder
	// oldest says that the oldest row stands first.
	oldest  bool
	chain   chain
	in, out int64
	rows    int
	bad     int
}

// sample finds out from the first rows, and what stands above them, how dates are written
// and which way time runs.
func (s *section) sample(rows []raw, name preamble) {
	s.ready = true
	dates, receipts := s.pre.dates[:], make([]string, len(s.pre.dates), len(s.pre.dates)+len(rows))
	for _, r := range rows {
		if r.bad == nil {
			dates = append(dates, s.layout.cell(r.cells, colAt))
			receipts = append(receipts, s.layout.cell(r.cells, colReceipt))
		}
	}
	s.order = orderOf(dates, receipts)
	s.pre.understand(s.order, name)
	var first, last time.Time
	for _, date := range dates[len(s.pre.dates):] {
		if at, err := when(date, s.order, timing.EAT()); err == nil {
			if first.IsZero() {
				first = at
			}
			last = at
		}
	}
	s.oldest = first.Before(last)
	s.chain.begin(s.oldest, s.pre)
}

// isPreamble reports whether a row below the titles is one that stands above them in
// another file.
func (s *section) isPreamble(cells []string) bool {
	if len(cells) == 0 {
		return false
	}
	switch strings.TrimSuffix(tidyTitle(cells[0]), ":") {
	case "account holder", "short code", "shortcode", "account", "time period", "operator", "opening balance", "organisation name", "statement period", "request date":
		return true
	}
	return false
}

// row understands one row and hands it over.
func (rd *reader) row(r raw) error {
	s, f := rd.sect, &rd.file
	var row Row
	var err error
	if r.bad != nil {
		err = r.bad
	} else {
		if !s.isTransaction(r.cells) {
			f.Ignored++
			if len(rd.ignored) < 5 && !blank(r.cells) {
				rd.ignored = append(rd.ignored, r.line)
			}
			return nil
		}
		row, err = rd.understand(r)
	}
	row.Line, row.Table = r.line, rd.sects
	f.Rows++
	s.rows++
	if err != nil {
		row = Row{Line: r.line, Table: rd.sects, Receipt: row.Receipt, Problem: payment.Line(err.Error(), 200)}
		f.Unreadable++
		s.bad++
		return rd.each(row)
	}
	rd.first, rd.last = earlier(rd.first, row.At), later(rd.last, row.At)
	if p := &s.pre; rd.outside == 0 && !p.from.IsZero() && (row.At.Before(p.from) || row.At.After(p.to.Add(time.Minute))) {
		rd.outside = r.line
	}
	if row.Completed {
		if row.Amount > 0 {
			s.in += row.Amount
		} else {
			s.out -= row.Amount
		}
		if row.Leg == Payment {
			f.Payments++
		}
		s.chain.add(&row)
	}
	return rd.each(row)
}

func blank(cells []string) bool {
	for _, c := range cells {
		if strings.Trim(c, " \t\u00a0") != "" {
			return false
		}
	}
	return true
}

// isTransaction tells rows from blank lines, footers and totals: it has a time, a
// status, an amount, or a receipt, after which the file may have been cut off.
func (s *section) isTransaction(cells []string) bool {
	receipt := s.layout.cell(cells, colReceipt)
	if strings.EqualFold(strings.TrimSuffix(receipt, ":"), "total") {
		return false
	}
	return looksLikeReceipt(receipt) || s.layout.cell(cells, colAt) != "" || s.layout.cell(cells, colStatus) != "" ||
		s.layout.cell(cells, colIn) != "" || s.layout.cell(cells, colOut) != "" || s.layout.cell(cells, colAmount) != ""
}

// looksLikeReceipt reports whether a cell has a receipt's form: ten capital letters and
// digits.
func looksLikeReceipt(s string) bool {
	return len(s) == 10 && strings.Trim(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" && strings.ContainsAny(s, "0123456789")
}

// understand reads a row's cells. The receipt is set where it is readable, also
// beside an error.
func (rd *reader) understand(r raw) (Row, error) {
	l, cells := &rd.sect.layout, r.cells
	row := Row{Receipt: normalReceipt(l.cell(cells, colReceipt)), Details: l.cell(cells, colDetails)}
	switch {
	case row.Receipt == "":
		return row, errors.New("the receipt is empty")
	case len(row.Receipt) > 64 || strings.ContainsFunc(row.Receipt, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }):
		return Row{}, errors.New("the receipt is not one word")
	}
	var err error
	if l.cell(cells, colAt) == "" {
		return row, errors.New("the time is empty")
	}
	if row.At, err = rd.time(l.cell(cells, colAt)); err != nil {
		return row, fmt.Errorf("the time %s %w", payment.Line(l.cell(cells, colAt), 40), err)
	}
	row.At = row.At.Truncate(time.Second) // which no portal splits
	if text := l.cell(cells, colInitiated); text != "" {
		if row.Initiated, err = rd.time(text); err != nil {
			return row, fmt.Errorf("the initiation time %s %w", payment.Line(text, 40), err)
		}
	}
	if currency := l.cell(cells, colCurrency); currency != "" && !strings.EqualFold(currency, "KES") {
		return row, fmt.Errorf("the currency %s is not KES", payment.Line(currency, 10))
	}
	if row.Amount, err = rd.amount(r); err != nil {
		return row, err
	}
	if text := l.cell(cells, colBalance); text != "" {
		if row.Balance, err = cents(text); err != nil {
			return row, fmt.Errorf("the balance %s %w", payment.Line(text, 40), err)
		}
		row.HasBalance = true
	}
	if row.Status = l.cell(cells, colStatus); row.Status == "" {
		return row, errors.New("the status is empty")
	}
	row.Completed = rd.completed(row.Status)
	if row.Completed && row.Amount == 0 {
		return row, errors.New("it is completed without an amount")
	}
	row.Linked = normalReceipt(l.cell(cells, colLinked))
	row.Reference = l.cell(cells, colReference)
	if row.Reference == "" {
		row.Reference = referenceIn(row.Details)
	}
	if rd.sect.family == FamilyGeneric {
		row.Phone, row.Leg = l.cell(cells, colPhone), Payment
		if row.Amount < 0 {
			row.Leg = Payout
		}
		return row, nil
	}
	// The other party of family D is the merchant itself, or who lends.
	party := l.cell(cells, colParty)
	if rd.sect.family == FamilyD {
		party = ""
	}
	row.Phone = payer(party, row.Details)
	row.Leg = rd.legs.of(row.Details, l.cell(cells, colType), row.Amount)
	if row.Leg == Other && row.Completed {
		rd.texts = noted(rd.texts, payment.Line(row.Details, 100))
	}
	return row, nil
}

func noted(set map[string]bool, text string) map[string]bool {
	if set == nil {
		set = map[string]bool{}
	}
	if len(set) < mostUnknown {
		set[text] = true
	}
	return set
}

func (rd *reader) time(text string) (time.Time, error) {
	if rd.o.Columns != nil && rd.o.TimeFormat != "" {
		at, err := time.ParseInLocation(rd.o.TimeFormat, text, rd.o.Zone)
		if err != nil {
			return time.Time{}, errors.New("does not have the form of --time-format")
		}
		return at, nil
	}
	return when(text, rd.sect.order, rd.o.Zone)
}

// completed reads a status. Only a completed transaction moves money; a word that is
// not known moves none, and is listed.
func (rd *reader) completed(status string) bool {
	switch lower(status) {
	case "completed", "complete":
		return true
	case "failed", "pending", "expired", "reversed", "cancelled", "canceled", "initiated", "attempted", "declined":
		return false
	case "success", "successful", "succeeded", "settled", "paid", "ok":
		if rd.o.Columns != nil {
			return true
		}
	case "unsuccessful", "rejected", "error", "refunded":
		if rd.o.Columns != nil {
			return false
		}
	}
	rd.statuses = noted(rd.statuses, payment.Line(status, 60))
	return false
}

// amount reads the two columns of money, or the one of a file with named columns.
// The direction is the column's, whatever the sign.
func (rd *reader) amount(r raw) (int64, error) {
	l, cells := &rd.sect.layout, r.cells
	if l[colAmount] >= 0 {
		return rd.signed(l.cell(cells, colAmount), l.cell(cells, colDirection), l[colDirection] >= 0)
	}
	in, err := side(l.cell(cells, colIn))
	if err != nil {
		return 0, fmt.Errorf("Paid In %s %w", payment.Line(l.cell(cells, colIn), 40), err) //nolint:staticcheck // the column's title
	}
	out, err := side(l.cell(cells, colOut))
	if err != nil {
		return 0, fmt.Errorf("Withdrawn %s %w", payment.Line(l.cell(cells, colOut), 40), err) //nolint:staticcheck // the column's title
	}
	switch {
	case in != 0 && out != 0:
		return 0, errors.New("both Paid In and Withdrawn hold an amount")
	case in != 0:
		if in < 0 && rd.negative == 0 {
			rd.negative = r.line
		}
		return max(in, -in), nil
	}
	return -max(out, -out), nil
}

func side(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	return cents(text)
}

func (rd *reader) signed(amount, direction string, directed bool) (int64, error) {
	n, err := cents(amount)
	if err != nil {
		return 0, fmt.Errorf("the amount %s %w", payment.Line(amount, 40), err)
	}
	if !directed {
		return n, nil
	}
	switch lower(direction) {
	case "in", "credit", "cr", "c", "+", "received", "deposit", "paid in":
		return max(n, -n), nil
	case "out", "debit", "dr", "d", "-", "sent", "withdrawal", "withdrawn", "paid out":
		return -max(n, -n), nil
	}
	return 0, fmt.Errorf("the direction %s is neither in nor out", payment.Line(direction, 40))
}

// closeSection holds the section against what it says of itself.
func (rd *reader) closeSection() {
	s, f := rd.sect, &rd.file
	if s == nil {
		return
	}
	rd.sect = nil
	rd.in, rd.out = rd.in+s.in, rd.out+s.out
	if s.bad > 0 {
		for _, name := range []string{"total_paid_in", "total_withdrawn", "closing_balance", "balance_chain"} {
			f.Checks = append(f.Checks, skipped(name, fmt.Sprintf("rows that cannot be read: %d", s.bad)))
		}
		return
	}
	p := &s.pre
	f.Checks = append(f.Checks, total("total_paid_in", p.totalIn, s.in), total("total_withdrawn", absolute(p.total), s.out))
	running := !p.reported.IsZero() && !p.to.IsZero() && p.reported.Before(p.to)
	switch {
	case p.opening == nil || p.closing == nil:
		f.Checks = append(f.Checks, skipped("closing_balance", "the file states no opening and closing balance"))
	case *p.opening+s.in-s.out == *p.closing:
		f.Checks = append(f.Checks, passed("closing_balance", Decimal(*p.opening)+" + "+Decimal(s.in)+" - "+Decimal(s.out)+" = "+Decimal(*p.closing)))
	case running:
		f.Checks = append(f.Checks, skipped("closing_balance", "the file was made before its period ended"))
	default:
		f.Checks = append(f.Checks, failed("closing_balance", fmt.Sprintf("opening %s + in %s - out %s is %s, not the closing balance %s", Decimal(*p.opening), Decimal(s.in), Decimal(s.out), Decimal(*p.opening+s.in-s.out), Decimal(*p.closing))))
	}
	f.Checks = append(f.Checks, s.chainCheck())
	if p.opening != nil && p.closing != nil && rd.sects == 1 {
		f.Opening, f.Closing, f.HasOpening, f.HasClosing = *p.opening, *p.closing, true, !running
	}
	if running && p.reported.Before(f.To) {
		f.To = p.reported
	}
}

func (s *section) chainCheck() Check {
	const name = "balance_chain"
	switch {
	case s.family == FamilyC:
		return skipped(name, "the file lists several accounts, whose balances are not one chain")
	case s.family == FamilyGeneric:
		return skipped(name, "no column of balances was named")
	case s.chain.without > 0:
		return skipped(name, fmt.Sprintf("%d rows state no balance", s.chain.without))
	}
	s.chain.end()
	if s.chain.broken == 0 {
		return passed(name, fmt.Sprintf("%d receipts, each follows from the one before", s.chain.groups))
	}
	detail := fmt.Sprintf("line %d: the balance is %s where %s follows from the receipts beside it", s.chain.broken, Decimal(s.chain.is), Decimal(s.chain.should))
	if s.family == FamilyD {
		return skipped(name, "overdrafts move the balance too; "+detail)
	}
	return failed(name, detail)
}

func absolute(n *int64) *int64 {
	if n == nil || *n >= 0 {
		return n
	}
	positive := -*n
	return &positive
}

func total(name string, says *int64, is int64) Check {
	if says == nil {
		return skipped(name, "the file states no total")
	}
	return sumCheck(name, "the file", *says, is)
}

func sumCheck(name, who string, says, is int64) Check {
	if says == is {
		return passed(name, Decimal(is))
	}
	return failed(name, fmt.Sprintf("%s says %s, the rows add up to %s", who, Decimal(says), Decimal(is)))
}
