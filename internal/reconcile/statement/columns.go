package statement

import (
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// The families of files (reference/statements.md §1).
const (
	// FamilyA is the first generation, with Withdrawn before Paid In.
	FamilyA = "A"
	// FamilyB is the organisation portal's export.
	FamilyB = "B"
	// FamilyC is the newer portal's "Statements for …".
	FamilyC = "C"
	// FamilyD is M-PESA for Business' "M-PESA FULL STATEMENT".
	FamilyD = "D"
	// FamilyGeneric is a CSV whose columns the operator named.
	FamilyGeneric = "generic"
)

// column is what a column of a statement holds.
type column uint8

const (
	colReceipt column = iota
	colAt
	colInitiated
	colDetails
	colStatus
	colIn
	colOut
	colBalance
	colType
	colParty
	colLinked
	colReference
	colCurrency
	// Only named columns have these.
	colAmount
	colDirection
	colPhone
	columns
)

// titles maps a column's title, as tidyTitle leaves it, to what it holds.
func titles() map[string]column {
	return map[string]column{
		"receipt no": colReceipt, "receipt": colReceipt, "receipt_number": colReceipt,
		"completion time": colAt, "date": colAt, "initiation time": colInitiated,
		"details": colDetails, "transaction status": colStatus, "status": colStatus,
		"paid in": colIn, "withdrawn": colOut, "balance": colBalance,
		"reason type": colType, "transaction type": colType,
		"other party info": colParty, "other party": colParty,
		"linked transaction id": colLinked, "a/c no": colReference, "transaction party details": colReference,
		"currency": colCurrency,
	}
}

// tidyTitle is a title without blanks around it, a full stop at its end, and the
// currency in brackets.
func tidyTitle(s string) string {
	s = lower(strings.Trim(s, " \t\u00a0\ufeff\u200b"))
	s = strings.TrimSuffix(s, ".")
	s = strings.TrimSuffix(s, "(kshs)")
	s = strings.TrimSuffix(s, "(ksh)")
	s = strings.TrimSuffix(s, "(kes)")
	return strings.Join(strings.Fields(s), " ")
}

// layout says in which cell each column stands, -1 for none.
type layout [columns]int

func noLayout() layout {
	var l layout
	for i := range l {
		l[i] = -1
	}
	return l
}

// cell returns a column's cell of a row, without blanks around it.
func (l *layout) cell(cells []string, c column) string {
	if at := l[c]; at >= 0 && at < len(cells) {
		return strings.Trim(cells[at], " \t\r\n\u00a0\ufeff")
	}
	return ""
}

// Columns names the columns of a CSV that no family fits.
type Columns struct {
	Receipt, Amount, Time, Status       string
	Reference, Phone, Direction, Detail string
}

// ParseColumns reads receipt=…,amount=…,time=…,status=…[,reference=…,phone=…,direction=…].
func ParseColumns(text string) (Columns, error) {
	const hint = `write receipt=TITLE,amount=TITLE,time=TITLE,status=TITLE and, if there are such columns, reference=, phone= and direction=`
	var c Columns
	into := map[string]*string{
		"receipt": &c.Receipt, "amount": &c.Amount, "time": &c.Time, "status": &c.Status,
		"reference": &c.Reference, "phone": &c.Phone, "direction": &c.Direction, "details": &c.Detail,
	}
	for pair := range strings.SplitSeq(text, ",") {
		name, title, found := strings.Cut(pair, "=")
		field := into[lower(name)]
		switch {
		case !found || strings.TrimSpace(title) == "":
			return Columns{}, payment.Usage("columns: "+payment.Line(pair, 60)+" is no NAME=TITLE", hint)
		case field == nil:
			return Columns{}, payment.Usage("columns: there is no column "+payment.Line(name, 60), hint)
		case *field != "":
			return Columns{}, payment.Usage("columns: "+lower(name)+" is given twice", hint)
		}
		*field = strings.TrimSpace(title)
	}
	for _, name := range []string{"receipt", "amount", "time", "status"} {
		if *into[name] == "" {
			return Columns{}, payment.Usage("columns: "+name+" is missing", hint)
		}
	}
	return c, nil
}

// layout finds the named columns in a row of titles.
func (c *Columns) layout(cells []string) (layout, []string) {
	l := noLayout()
	var missing []string
	for _, n := range []struct {
		title string
		col   column
	}{
		{c.Receipt, colReceipt},
		{c.Amount, colAmount},
		{c.Time, colAt},
		{c.Status, colStatus},
		{c.Reference, colReference},
		{c.Phone, colPhone},
		{c.Direction, colDirection},
		{c.Detail, colDetails},
	} {
		if n.title == "" {
			continue
		}
		l[n.col] = slices.IndexFunc(cells, func(cell string) bool { return tidyTitle(cell) == tidyTitle(n.title) })
		if l[n.col] < 0 {
			missing = append(missing, n.title)
		}
	}
	return l, missing
}

// isHeader reports whether a row heads a statement's columns.
func isHeader(cells []string) bool {
	receipt, others := false, 0
	for _, cell := range cells {
		switch tidyTitle(cell) {
		case "receipt no", "receipt", "receipt_number":
			receipt = true
		case "":
		default:
			others++
		}
	}
	return receipt && others >= 2
}

// known returns the layout and family of a row that heads the columns. problem says why it is
// no merchant's statement that payctl reads.
func known(cells []string) (l layout, family, problem, hint string) {
	l = noLayout()
	all := titles()
	shillings := false
	var names []string
	for i, cell := range cells {
		title := tidyTitle(cell)
		if title == "" {
			continue
		}
		names = append(names, title)
		shillings = shillings || strings.Contains(lower(cell), "(ksh")
		if c, ok := all[title]; ok && l[c] < 0 {
			l[c] = i
		}
	}
	has := func(c column) bool { return l[c] >= 0 }
	switch {
	case slices.Contains(names, "receipt_number"):
		return l, "", "is a head-office file of many stores, which payctl does not read by itself",
			"name its columns: --columns receipt=RECEIPT_NUMBER,amount=CREDIT_AMOUNT,time=START_TIMESTAMP,status=…"
	case !has(colAt) || !has(colStatus) || !has(colIn) || !has(colOut):
		return l, "", "has none of the columns of a merchant's statement beside " + payment.Line(strings.Join(names, ", "), 200),
			"name its columns: --columns receipt=…,amount=…,time=…,status=…"
	case slices.Contains(names, "reason type"):
		family = FamilyB
	case slices.Contains(names, "date") && l[colOut] < l[colIn]:
		family = FamilyA
	case shillings:
		family = FamilyC
	case slices.Contains(names, "other party") && slices.Contains(names, "transaction type"):
		family = FamilyD
	case len(names) == 7:
		return l, "", "is a customer's own statement: it has no reason types and no short code", exportHint + " of the organisation"
	default:
		return l, "", "has columns of no known statement: " + payment.Line(strings.Join(names, ", "), 200),
			"name its columns: --columns receipt=…,amount=…,time=…,status=…"
	}
	if !has(colDetails) {
		return l, "", "has no column Details", exportHint
	}
	return l, family, "", ""
}
