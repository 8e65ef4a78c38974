package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/reconcile/statement"
	"github.com/payctl/payctl/internal/store"
)

// Books is the ledger's side; *store.Books is one.
type Books interface {
	Between(ctx context.Context, s store.BookScope, from, to time.Time, each func(store.BookRow) error) error
	WithReceipts(ctx context.Context, s store.BookScope, receipts []string, each func(store.BookRow) error) error
	ID(source store.BookSource, key int64) string
}

// Source is one statement file.
type Source struct {
	Name string
	// Open opens it and returns its size; the file is closed after it was read.
	Open func() (Reader, int64, error)
}

// Reader is a file that is read from any place.
type Reader interface {
	io.ReaderAt
	io.Closer
}

// FileSource is a file of the machine.
func FileSource(path string) Source {
	return Source{Name: path, Open: func() (Reader, int64, error) {
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("is no regular file") // a pipe would be waited for
		}
		if err != nil {
			return nil, 0, err
		}
		f, err := os.Open(path)
		return f, info.Size(), err
	}}
}

// Input says what is compared.
type Input struct {
	Files []Source
	// Scope is whose books. Its ShortCodes are those that the profile has; they are
	// narrowed to those of the files.
	Scope store.BookScope
	// ShortCode is what the operator says that the files are of; it is needed where
	// neither file nor name says it.
	ShortCode string
	// From and To narrow the period; zero is the files'. Both are needed without files.
	From, To time.Time
	// Grace is how far from the edge of the period, and from each other, two sides may
	// have the same payment.
	Grace time.Duration
	// Columns, TimeFormat and Zone are statement.Options'.
	Columns    *statement.Columns
	TimeFormat string
	Zone       *time.Location
	Now        time.Time
	// Provider, if set, is asked as well.
	Provider Provider
	// Progress, if set, is told how many rows were read.
	Progress func(rows int)
}

// DefaultGrace is what Grace is by default.
const DefaultGrace = 10 * time.Minute

// LegTotal sums the rows of a leg.
type LegTotal struct {
	Rows   int
	Amount int64
}

// Report is what the comparison found.
type Report struct {
	From, To time.Time
	Files    []statement.File
	Counts   map[Category]int
	Amounts  map[Category]int64
	// Legs sums the statement's completed rows by leg, "not_completed" the others.
	Legs map[string]LegTotal
	// LedgerRows, StatementRows and Transactions are what was compared: payments of
	// the ledger, rows of the files, and receipts of the files.
	LedgerRows, StatementRows, Transactions int
	// Repeated counts rows that more than one file has; each was counted once.
	Repeated int
	// Equation are the sums that must hold.
	Equation    []Sum
	Differences []Difference
	// Unknown are texts of the files that payctl does not know.
	Unknown []string
	// Asked says what the provider was asked, and what came of it.
	Asked []Asked
}

// Sum is one side of the books, counted twice: when it was read and by category.
type Sum struct {
	Name       string
	Read, Told int
	Parts      []Part
}

// Part is a summand.
type Part struct {
	Name string
	N    int
}

// Holds reports whether both counts agree.
func (s Sum) Holds() bool { return s.Read == s.Told }

// EquationHolds reports whether every row is in exactly one category.
func (r *Report) EquationHolds() bool {
	return !slices.ContainsFunc(r.Equation, func(s Sum) bool { return !s.Holds() })
}

// FailedChecks counts what files say of themselves and their rows contradict.
func (r *Report) FailedChecks() int {
	n := 0
	for _, f := range r.Files {
		for _, c := range f.Checks {
			if c.OK != nil && !*c.OK {
				n++
			}
		}
	}
	return n
}

// Outcome is nil when everything matches; KindConflict for differences, failed checks
// of a file included; KindPending when only what is probable or cannot be verified is
// left; KindInternal when the equation does not hold.
func (r *Report) Outcome() error {
	differ, open := 0, 0
	for i := range r.Differences {
		switch d := &r.Differences[i]; {
		case d.Category == Probable || d.Category == NotVerifiable:
			open++
		case d.Severity != Low:
			differ++
		}
	}
	bad := r.FailedChecks()
	switch {
	case !r.EquationHolds():
		return errors.New("reconcile: the counts do not add up: a bug of payctl; the report is not to be trusted")
	case differ > 0:
		return &payment.Error{Kind: payment.KindConflict, Message: "reconcile: " + many(differ, "difference", "differences"), Hint: "each difference names the command that helps; nothing was changed"}
	case bad > 0:
		return &payment.Error{Kind: payment.KindConflict, Message: "reconcile: " + many(bad, "check", "checks") + " of the files failed", Hint: "the file is incomplete or was changed; export it again"}
	case open > 0:
		return &payment.Error{Kind: payment.KindPending, Message: "reconcile: " + many(open, "payment is", "payments are") + " probable or cannot be verified", Hint: "each names the command that settles it"}
	}
	return nil
}

func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// Run compares. Errors are KindUsage for files that are not what they should be, and
// those of the ledger.
func Run(ctx context.Context, in Input, books Books) (*Report, error) {
	if in.Grace == 0 {
		in.Grace = DefaultGrace
	}
	in.From, in.To = in.From.Truncate(time.Second), in.To.Truncate(time.Second)
	r := &run{
		in: in, books: books, linked: map[receiptKey]*reversal{}, reversals: map[receiptKey]receiptKey{}, unlinked: map[int64]bool{},
		spoilt: map[receiptKey]string{},
		report: &Report{Counts: map[Category]int{}, Amounts: map[Category]int64{}, Legs: map[string]LegTotal{}},
	}
	for _, c := range Categories() {
		r.report.Counts[c], r.report.Amounts[c] = 0, 0
	}
	defer func() { _ = r.files.close(); _ = r.ledger.close() }()
	for _, step := range []func(context.Context) error{
		r.readFiles, r.cover, r.readLedger, r.askProvider, r.match, r.lookUp, r.propose, r.askOpen, r.settleRest, r.pairReversals, r.onlyPulled, r.askAbout,
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	r.finish()
	return r.report, nil
}

// run is one comparison.
type run struct {
	in     Input
	books  Books
	report *Report
	names  receipts

	files, ledger sorter
	// tables are the files' tables, by the index of the file that each is in: a file may
	// be several that were glued together.
	tables []int
	// linked are the reversals that name a receipt, by that receipt, and reversals the
	// other way round; unlinked are the amounts of those that name none.
	linked    map[receiptKey]*reversal
	reversals map[receiptKey]receiptKey
	unlinked  map[int64]bool
	covered   []interval
	// spoilt are receipts of rows that cannot be read, and where those stand.
	spoilt map[receiptKey]string
	// pulled is what the provider lists, drifts how far its times are off.
	pulled map[receiptKey]*pulled
	drifts []time.Duration

	// left are completed payments of the statement without a counterpart, open ledger
	// rows without a receipt or one that no file has.
	left []entry
	open []entry
	// orphans are reversals that name no receipt; reversible are the payments of
	// their amounts.
	orphans    []entry
	reversible []entry

	// What was put into a category, or is the same as something that was.
	ledgerTold, transactionsTold, merged, dropped, unreadable int
	legTotals                                                 [notCompleted + 1]LegTotal
}

// reversal is one that names the payment it takes back: met when that was found, seen
// when the reversal is a transaction of its own.
type reversal struct {
	entry
	met, seen bool
}

// interval is covered time, both ends inclusive.
type interval struct{ from, to time.Time }

func (r *run) readFiles(ctx context.Context) error {
	sources := slices.Clone(r.in.Files)
	slices.SortStableFunc(sources, func(a, b Source) int {
		if c := strings.Compare(filepath.Base(a.Name), filepath.Base(b.Name)); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	for i, s := range sources {
		f, bad, err := r.readFile(ctx, i, s)
		if err != nil {
			return err
		}
		if err := r.belongs(&f); err != nil {
			return err
		}
		r.report.Files = append(r.report.Files, f)
		for _, row := range bad {
			r.unreadable++
			r.add(Unreadable, 0)
			if row.Receipt != "" {
				r.spoilt[r.names.key(row.Receipt)] = fmt.Sprintf("line %d of %s", row.Line, payment.ShellWord(f.Name))
			}
			r.list(Difference{
				Category: Unreadable, Severity: High, Receipt: row.Receipt, File: f.Name, Line: row.Line,
				Detail: row.Problem, Next: fmt.Sprintf("look at line %d of %s", row.Line, payment.ShellWord(f.Name)),
			})
		}
	}
	return nil
}

func (r *run) readFile(ctx context.Context, index int, s Source) (statement.File, []statement.Row, error) {
	f, size, err := s.Open()
	if err != nil {
		return statement.File{}, nil, payment.Usage(fmt.Sprintf("statement %s: cannot be read: %s", payment.Line(filepath.Base(s.Name), 120), cause(err)), "check the file and its permissions")
	}
	defer func() { _ = f.Close() }()
	var bad []statement.Row
	table := 0
	o := statement.Options{Name: s.Name, Columns: r.in.Columns, TimeFormat: r.in.TimeFormat, Zone: r.in.Zone, Now: r.in.Now}
	file, err := statement.Read(ctx, f, size, o, func(row statement.Row) error {
		r.report.StatementRows++
		if r.in.Progress != nil && r.report.StatementRows%10000 == 0 {
			r.in.Progress(r.report.StatementRows)
		}
		if row.Problem != "" {
			bad = append(bad, row)
			return nil
		}
		if row.Table != table {
			table = row.Table
			r.tables = append(r.tables, index)
		}
		return r.take(&row)
	})
	return file, bad, err
}

// cause leaves the path out of an error of the file system: it is named already.
func cause(err error) string {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// take keeps a row of a file.
func (r *run) take(row *statement.Row) error {
	e := entry{key: r.names.key(row.Receipt), amount: row.Amount, number: place(len(r.tables)-1, row.Line), at: row.At.Unix(), leg: row.Leg, phone: packPhone(statement.NewMask(row.Phone))}
	e.setRef(row.Reference)
	if row.Completed {
		e.flags |= completed
		if row.Leg == statement.Reversal {
			r.takeReversal(&e, row.Linked)
		}
	}
	return r.files.add(&e)
}

func (r *run) takeReversal(e *entry, linked string) {
	if linked == "" || linked == r.names.text(e.key) {
		r.unlinked[-e.amount] = true
		return
	}
	k := r.names.key(linked)
	if _, twice := r.linked[k]; !twice {
		r.linked[k], r.reversals[e.key] = &reversal{entry: *e}, k
	}
}

// belongs refuses a file of another merchant.
func (r *run) belongs(f *statement.File) error {
	name := payment.Line(f.Name, 120)
	if f.ShortCode == "" {
		f.ShortCode = r.in.ShortCode
	}
	switch {
	case f.ShortCode == "" && f.Family != statement.FamilyGeneric:
		return payment.Usage("statement "+name+": neither the file nor its name says of which short code it is", "give --shortcode, and --from and --to if the file was renamed")
	case r.in.ShortCode != "" && f.ShortCode != r.in.ShortCode:
		return payment.Usage(fmt.Sprintf("statement %s: is of short code %s, not %s", name, payment.Line(f.ShortCode, 20), payment.Line(r.in.ShortCode, 20)), "give the files of one short code")
	case f.ShortCode != "" && r.in.ShortCode == "" && len(r.in.Scope.ShortCodes) > 0 && !slices.Contains(r.in.Scope.ShortCodes, f.ShortCode):
		return payment.Usage(fmt.Sprintf("statement %s: is of short code %s; the profile has %s", name, payment.Line(f.ShortCode, 20), strings.Join(r.in.Scope.ShortCodes, " and ")), "choose the profile of that short code, or give --shortcode")
	}
	if f.FromRows && f.Family == statement.FamilyC && (r.in.From.IsZero() || r.in.To.IsZero()) {
		return payment.Usage("statement "+name+": the file was renamed, so nothing says which period it covers", "give --from and --to, or the name that the portal gave it")
	}
	return nil
}

// add counts an item of a category.
func (r *run) add(c Category, amount int64) {
	r.report.Counts[c]++
	if amount < 0 {
		amount = -amount
	}
	r.report.Amounts[c] += amount
}
