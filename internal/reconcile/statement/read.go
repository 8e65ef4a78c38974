package statement

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

// Options say how a file is read.
type Options struct {
	// Name is the file's, for messages and for what it says of the file.
	Name string
	// Columns names the columns of a file of no family; nil for M-PESA's own.
	Columns *Columns
	// TimeFormat is a layout of package time for the named time column, "" to
	// find out.
	TimeFormat string
	// Zone is where times without one are meant, of files with named columns;
	// M-PESA's own are always East Africa's. Nil is East Africa.
	Zone *time.Location
	// Now bounds the period: none begins in the future.
	Now time.Time
}

// sampled is how many rows are looked at before the first is given out: they tell the
// order of day and month, and whether the newest stands first.
const sampled = 200

// mostUnknown bounds how many unknown texts are kept.
const mostUnknown = 50

// Read reads a file of so many bytes and hands over its rows in the file's order. The
// error is KindUsage for what is none of a merchant's statements, and says what it is
// and what to export; each's own error ends the reading and is returned as it is.
func Read(ctx context.Context, r io.ReaderAt, size int64, o Options, each func(Row) error) (File, error) {
	if o.Zone == nil || o.Columns == nil {
		o.Zone = timing.EAT()
	}
	rd := &reader{o: o, ctx: ctx, each: each, legs: legs{legPrefixes(), paymentTypes()}, name: named(filepath.Base(o.Name))}
	rd.file.Name = filepath.Base(o.Name)
	hashed := newHashing(io.NewSectionReader(r, 0, size))
	head := make([]byte, 64<<10)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return File{}, payment.Usage("statement "+payment.Line(o.Name, 120)+": cannot be read: "+err.Error(), "check the file and its permissions")
	}
	head = head[:n]
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		err = rd.readWorkbook(r, size)
	} else if isEncrypted(r, head) {
		err = refuse(o.Name, "is a workbook that a password protects", "open it in a spreadsheet and save it without one, or export it as CSV")
	} else {
		err = rd.readText(hashed, head)
	}
	if err != nil {
		return File{}, err
	}
	if rd.file.SHA256, err = hashed.sum(); err != nil {
		return File{}, err
	}
	return rd.finish()
}

// reader reads one file.
type reader struct {
	o    Options
	ctx  context.Context //nolint:containedctx // of one call of Read
	each func(Row) error
	legs legs
	name preamble
	file File
	// sect is the part of the file that is being read: a file may be several glued together.
	sect  *section
	sects int
	first time.Time
	last  time.Time
	// summary is what a sheet of sums says: paid in, withdrawn.
	summary  *[2]int64
	statuses map[string]bool
	texts    map[string]bool
	ignored  []int
	negative int // line of the first negative Paid In
	outside  int // line of the first row that is not of the period
	// total are the sums of the whole file, for the summary.
	in, out int64
}

func (rd *reader) readText(hashed *hashing, head []byte) error {
	if problem, hint := notText(head); problem != "" {
		return refuse(rd.o.Name, problem, hint)
	}
	in := &bounded{r: hashed, what: "a row"}
	r := bufio.NewReaderSize(in, 256<<10)
	if bytes.HasPrefix(head, []byte("\ufeff")) {
		if _, err := r.Discard(3); err != nil {
			return err
		}
	}
	found, err := rd.readSource(newTextSource(r, in, head, rd.isHeader))
	if err != nil {
		return err
	}
	if !found {
		return rd.noHeader()
	}
	return nil
}

func (rd *reader) noHeader() error {
	if c := rd.o.Columns; c != nil {
		return refuse(rd.o.Name, fmt.Sprintf("has no row with the titles %s and %s among its first %d rows", c.Receipt, c.Amount, mostPreamble), "see --columns")
	}
	return refuse(rd.o.Name, fmt.Sprintf("is no merchant's statement: no column Receipt No. among its first %d rows", mostPreamble), exportHint+", or name its columns with --columns")
}

func (rd *reader) readWorkbook(r io.ReaderAt, size int64) error {
	book, err := openWorkbook(r, size)
	if err != nil {
		return refuse(rd.o.Name, err.Error(), "export it again as XLSX or CSV")
	}
	any := false
	for i := range book.sheets {
		sheet, err := book.open(i)
		if err != nil {
			return refuse(rd.o.Name, err.Error(), "export it again as XLSX or CSV")
		}
		found, err := rd.readSource(sheet)
		_ = sheet.xml.Close()
		if err != nil {
			return err
		}
		any = any || found
	}
	if !any {
		return rd.noHeader()
	}
	return nil
}

func (rd *reader) isHeader(cells []string) bool {
	if rd.o.Columns == nil {
		return isHeader(cells)
	}
	l, _ := rd.o.Columns.layout(cells)
	return l[colReceipt] >= 0 && l[colAmount] >= 0
}

// readSource reads one table; false when it has no row of titles.
func (rd *reader) readSource(s source) (bool, error) {
	var pre preamble
	var sums [2]int64
	summing, found := false, false
	var buffer []raw
	flush := func() error {
		rows := buffer
		buffer = nil
		if rd.sect == nil || rd.sect.ready {
			return nil
		}
		if err := rd.sample(rows); err != nil {
			return err
		}
		for _, row := range rows {
			if err := rd.row(row); err != nil {
				return err
			}
		}
		return nil
	}
	end := func() error {
		err := flush()
		rd.closeSection()
		return err
	}
	for seen := 0; ; seen++ {
		if seen%1024 == 0 && rd.ctx.Err() != nil {
			return found, rd.ctx.Err()
		}
		line, cells, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *rowError
		if err != nil && !errors.As(err, &bad) {
			return found, refuse(rd.o.Name, err.Error(), "export it again: what follows cannot be told from what is inside the quotation")
		}
		switch {
		case bad != nil && rd.sect == nil:
			continue
		case bad == nil && rd.isHeader(cells):
			if err := end(); err != nil {
				return found, err
			}
			if err := rd.begin(cells, pre.or(rd.name)); err != nil {
				return found, err
			}
			pre, found = preamble{}, true
			continue
		case rd.sect == nil:
			if line > mostPreamble && !found {
				return false, nil
			}
			if summing = summing || isSummary(cells); summing {
				rd.sum(cells, &sums)
				continue
			}
			pre.take(cells)
			continue
		}
		if bad == nil && rd.o.Columns == nil && rd.sect.isPreamble(cells) {
			// Another file begins: several were glued together.
			pre.take(cells)
			continue
		}
		row := raw{line: line, bad: bad, cells: slices.Clone(cells)}
		if rd.sect.ready {
			row.cells = cells
			if err := rd.row(row); err != nil {
				return found, err
			}
			continue
		}
		if buffer = append(buffer, row); len(buffer) == sampled {
			if err := flush(); err != nil {
				return found, err
			}
		}
	}
	return found, end()
}

// raw is a row before it is understood.
type raw struct {
	line  int
	bad   *rowError
	cells []string
}

// isSummary and sum read the sheet of sums of family D.
func isSummary(cells []string) bool {
	return len(cells) >= 3 && tidyTitle(cells[0]) == "transaction type" && tidyTitle(cells[1]) == "paid in" && tidyTitle(cells[2]) == "paid out"
}

func (rd *reader) sum(cells []string, sums *[2]int64) {
	if len(cells) < 3 || tidyTitle(cells[0]) != "total" {
		return
	}
	in, err1 := cents(cells[1])
	out, err2 := cents(cells[2])
	if err1 == nil && err2 == nil {
		*sums = [2]int64{in, max(out, -out)}
		rd.summary = sums
	}
}

// begin opens a section under a row of titles.
func (rd *reader) begin(cells []string, pre preamble) error {
	s := &section{pre: pre}
	if rd.o.Columns != nil {
		var missing []string
		s.layout, missing = rd.o.Columns.layout(cells)
		if len(missing) > 0 {
			return refuse(rd.o.Name, "has no column "+payment.Line(strings.Join(missing, ", "), 120), "see --columns; the titles are those of the file")
		}
		s.family = FamilyGeneric
	} else {
		var problem, hint string
		if s.layout, s.family, problem, hint = known(cells); problem != "" {
			return refuse(rd.o.Name, problem, hint)
		}
	}
	f := &rd.file
	switch {
	case f.Family == "":
		f.Family, f.ShortCode, f.Account, f.Holder = s.family, pre.shortCode, pre.account, pre.holder
	case f.Family != s.family:
		return refuse(rd.o.Name, "holds statements of two kinds", "give each as a file of its own")
	case pre.shortCode != "" && pre.shortCode != f.ShortCode:
		return refuse(rd.o.Name, fmt.Sprintf("holds statements of two short codes, %s and %s", payment.Line(f.ShortCode, 20), payment.Line(pre.shortCode, 20)), "give each as a file of its own")
	case pre.account != "" && pre.account != f.Account:
		f.Account += " and " + pre.account
	}
	f.OnlyCompleted = f.OnlyCompleted || pre.onlyCompleted
	rd.sect = s
	rd.sects++
	return nil
}

// sample has the section look at its first rows, and takes over the period that it states.
func (rd *reader) sample(rows []raw) error {
	s, f := rd.sect, &rd.file
	s.sample(rows, rd.name)
	if s.pre.problem != "" {
		return refuse(rd.o.Name, s.pre.problem, "export it again; the rows above the titles are the portal's")
	}
	if !s.pre.from.IsZero() {
		f.From, f.To = earlier(f.From, s.pre.from), later(f.To, s.pre.to)
	}
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// finish puts together what is known of the file, and refuses what it cannot be.
func (rd *reader) finish() (File, error) {
	f := &rd.file
	if rd.summary != nil {
		f.Checks = append(f.Checks, sumCheck("summary_paid_in", "the sheet of sums", rd.summary[0], rd.in), sumCheck("summary_withdrawn", "the sheet of sums", rd.summary[1], rd.out))
	}
	if rd.sects > 1 {
		f.HasOpening, f.HasClosing = false, false
		f.Checks = append(f.Checks, passed("one_table", fmt.Sprintf("%d tables follow one another; each was read under its own titles", rd.sects)))
	}
	switch {
	case f.From.IsZero() || f.To.IsZero():
		f.Checks = append(f.Checks, skipped("rows_in_period", "the file states no period"))
	case rd.outside > 0:
		f.Checks = append(f.Checks, failed("rows_in_period", fmt.Sprintf("line %d is not of the period that the file states, %s to %s", rd.outside, f.From.Format(time.DateTime), f.To.Format(time.DateTime))))
	default:
		f.Checks = append(f.Checks, passed("rows_in_period", "every row is of the period that the file states"))
	}
	if rd.negative > 0 {
		f.Checks = append(f.Checks, failed("signs", fmt.Sprintf("Paid In is negative in line %d; it was read as money in", rd.negative)))
	}
	if len(rd.ignored) > 0 {
		f.Checks = append(f.Checks, passed("ignored_rows", "no transaction stands in line "+joined(rd.ignored, f.Ignored)))
	}
	if f.From.IsZero() || f.To.IsZero() {
		f.From, f.To, f.FromRows = rd.first, rd.last, true
	}
	if reported := rd.name.reported; rd.sects > 0 && !reported.IsZero() && reported.Before(f.To) && reported.After(f.From) {
		f.To = reported
	}
	f.Unknown = append(f.Unknown, sorted(rd.texts)...)
	for _, s := range sorted(rd.statuses) {
		f.Unknown = append(f.Unknown, "status "+s)
	}
	switch {
	case f.From.After(rd.o.Now):
		return File{}, refuse(rd.o.Name, "its period begins in the future, "+f.From.Format("2006-01-02 15:04"), "check the file, its date order and this machine's clock")
	case f.To.Before(f.From):
		return File{}, refuse(rd.o.Name, "its period ends before it begins", "check the file")
	}
	return *f, nil
}

func joined(lines []int, n int) string {
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d", l)
	}
	if n > len(lines) {
		fmt.Fprintf(&b, " and %d more", n-len(lines))
	}
	return b.String()
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for s := range set {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}
